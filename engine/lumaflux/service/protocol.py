"""The worker's messages, protocol version 1: framing, strict schemas, sizes. Msgpack maps only, nothing executable."""

import struct
from typing import Annotated, Any, Literal, Self

import msgpack
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

PROTOCOL = 1
LARGEST_MESSAGE = 1 << 20  # bytes, without the header
LARGEST_SIDE = 1 << 16  # pixels
LARGEST_MEMORY = 1 << 36  # bytes of one shared-memory object
HEADER = struct.Struct("<I")
SAMPLE_BYTES = {"float": 4, "half": 2, "short": 2, "byte": 1}
Code = Literal["bad_request", "bad_token", "version", "model", "memory", "engine", "busy", "shutting_down"]
_UNKNOWN_ID = 0  # of an answer to what has no readable id


class ProtocolError(Exception):
    """What came is no message; ``answer`` says why. ``fatal``: where the next one begins is no longer known."""

    def __init__(self, message: str, request_id: int = _UNKNOWN_ID, *, fatal: bool = True):
        super().__init__(message)
        self.fatal = fatal
        self.answer = error(request_id, "bad_request", message)


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: int = Field(ge=0, le=2**63 - 1)


class Hello(_Request):
    """The first message of a connection. ``version``: of the engine that the client was made for, "" for any."""

    type: Literal["hello"]
    protocol: int
    version: str = Field(max_length=100)
    token: str = Field(max_length=256)
    client: str = Field(default="", max_length=200)


class Ping(_Request):
    """Is somebody there? Answered while a frame renders."""

    type: Literal["ping"]


class Cancel(_Request):
    """Ends a render of this connection, waiting or running."""

    type: Literal["cancel"]
    job: int


class Warm(_Request):
    """Loads a model in the background."""

    type: Literal["warm"]
    model: str = Field(min_length=1, max_length=4096)


class Load(_Request):
    """Loads a model behind the frames that wait, and says what runs it."""

    type: Literal["load"]
    model: str = Field(min_length=1, max_length=4096)


class Shutdown(_Request):
    """Leave when the work that is there is done."""

    type: Literal["shutdown"]


class Analyze(_Request):
    """A tone track of the file in ``params``' source_file, with progress answers, or the end of what was looked at."""

    type: Literal["analyze"]
    params: dict[str, bool | int | float | str]


class _Frame(_Request):
    """One frame in shared memory: source and result as interleaved rows, the top row first, offsets in bytes."""

    shm: str = Field(pattern=r"^/lumaflux-[0-9]{1,10}-[A-Za-z0-9_.-]{1,100}$")
    shm_size: int = Field(ge=1, le=LARGEST_MEMORY)
    width: int = Field(ge=1, le=LARGEST_SIDE)
    height: int = Field(ge=1, le=LARGEST_SIDE)
    components: Literal[3, 4]
    depth: Literal["float", "half", "short", "byte"]
    src_offset: int = Field(ge=0)
    src_row_bytes: int = Field(ge=1)
    dst_offset: int = Field(ge=0)
    dst_row_bytes: int = Field(ge=1)
    premultiplied: bool
    priority: Literal["interactive", "final", "thumbnail"]
    frame: int = 0
    params: dict[str, bool | int | float | str]

    @property
    def row(self) -> int:
        """Bytes of a row's pixels, without what pads it."""
        return self.width * self.components * SAMPLE_BYTES[self.depth]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, offset, stride in (
            ("source", self.src_offset, self.src_row_bytes),
            ("result", self.dst_offset, self.dst_row_bytes),
        ):
            if stride < self.row:
                raise ValueError(f"the {name}'s rows have {stride} bytes, its pixels need {self.row}")
            if offset + stride * (self.height - 1) + self.row > self.shm_size:
                raise ValueError(f"the {name} ends beyond the shared memory of {self.shm_size} bytes")
        return self


class Render(_Frame):
    """Converts the frame. Source and result lie apart."""

    type: Literal["render"]

    @model_validator(mode="after")
    def _apart(self) -> Self:
        source_end = self.src_offset + self.src_row_bytes * (self.height - 1) + self.row
        result_end = self.dst_offset + self.dst_row_bytes * (self.height - 1) + self.row
        if self.src_offset < result_end and self.dst_offset < source_end:
            raise ValueError("the result overlaps the source; give each its own bytes")
        return self


class AnalyzeFrame(_Frame):
    """The next frame of a clip to analyse, the ``number``-th; nothing is written back. 0 begins anew."""

    type: Literal["look"]
    number: int = Field(ge=0)


Request = Hello | Ping | Cancel | Warm | Load | Shutdown | Render | Analyze | AnalyzeFrame
Work = Load | Render | Analyze | AnalyzeFrame  # what goes through the queue
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])


def pack(message: dict[str, Any]) -> bytes:
    """Header and body of a message. Raises ValueError when it is too large."""
    body: bytes = msgpack.Packer(use_bin_type=True).pack(message)
    if not 1 <= len(body) <= LARGEST_MESSAGE:
        raise ValueError(f"a message has {len(body)} bytes; {LARGEST_MESSAGE} is the most")
    return HEADER.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """How many bytes follow a header of 4. Raises ProtocolError for an empty or too large message."""
    (length,) = HEADER.unpack(header)
    if not 1 <= length <= LARGEST_MESSAGE:
        raise ProtocolError(f"a message of {length} bytes is announced; 1 to {LARGEST_MESSAGE} are allowed")
    return length


def unpack(body: bytes) -> dict[str, Any]:
    """The map in a body. Raises ProtocolError for anything but one msgpack map with string keys."""
    try:
        message = msgpack.unpackb(body, raw=False, strict_map_key=True)
    except (ValueError, TypeError, RecursionError, MemoryError, OverflowError, msgpack.UnpackException) as broken:
        raise ProtocolError(f"the message is no msgpack: {type(broken).__name__}") from None
    if not isinstance(message, dict) or not all(isinstance(key, str) for key in message):
        raise ProtocolError("the message is no map with string keys")
    return message


def parse_request(body: bytes) -> Request:
    """A checked request. Raises ProtocolError; it is fatal unless the message has an ``id`` to answer."""
    message = unpack(body)
    found = message.get("id")
    request_id = found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63 else None
    try:
        return _REQUEST.validate_python(message)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:4]) or "type"
        said = f"{where}: {first['msg']}"[:500]
    raise ProtocolError(f"the request is not valid ({said})", request_id or _UNKNOWN_ID, fatal=request_id is None)


def error(request_id: int, code: Code, message: str) -> dict[str, Any]:
    """The answer that says what went wrong, in one sentence that a user can act on."""
    return {"type": "error", "id": request_id, "code": code, "message": message}
