"""The facts of a media file, as its container and its first picture state them."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from lumaflux.media.metadata.coding_points import HDR_TRANSFERS
from lumaflux.media.metadata.mastering import ContentLight, MasteringDisplay
from lumaflux.media.stills.orientation import UPRIGHT, Orientation


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One colour property and whether the file states it or the reader assumes it."""

    value: str
    source: Literal["tagged", "guessed"]


@dataclass(frozen=True, kw_only=True)
class ColourTags:
    """Range, matrix, primaries and transfer by the names of :mod:`lumaflux.media.metadata.coding_points`."""

    range: Tag
    matrix: Tag
    primaries: Tag
    transfer: Tag


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """One sound stream; ``layout`` as libavutil names it (stereo, 5.1)."""

    index: int
    codec: str
    rate: int
    layout: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """What is known of a file. ``width`` and ``height`` are those of the upright picture, as readers give it.

    ``frame_rate`` is the average; ``variable_frame_rate`` and ``frame_count`` are None where the file does not
    say; ``duration`` is in seconds. ``dropped`` names what a reader will leave out (a gain map, alpha it cannot take);
    ``alpha`` says that it comes with the picture; ``times_of_decoding`` that the container holds no presentation times
    of a stream that needs them; ``first_stamp``, in ``time_base``, is where a reader's time 0 lies.
    ``coded_size`` is that of the stored picture, edges that the container hides among it.
    ``hdr`` says in words what makes a file HDR whose transfer tag does not, ``camera`` what says that a camera made it.
    ``stereo`` and ``sphere``: libavutil's AVStereo3D and AVSphericalMapping of the first frame, if it has any.
    """

    path: str
    kind: Literal["video", "still"]
    container: str
    codec: str
    width: int
    height: int
    bit_depth: int
    pixel_format: str
    range: Tag
    matrix: Tag
    primaries: Tag
    transfer: Tag
    frame_rate: Fraction | None = None
    variable_frame_rate: bool | None = None
    time_base: Fraction | None = None
    duration: float | None = None
    frame_count: int | None = None
    sample_aspect_ratio: Fraction = Fraction(1)
    interlaced: bool = False
    orientation: Orientation = UPRIGHT
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    audio: tuple[AudioInfo, ...] = ()
    dropped: tuple[str, ...] = ()
    alpha: bool = False
    times_of_decoding: bool = False
    first_stamp: int = 0
    hdr: str | None = None
    camera: str | None = None
    coded_size: tuple[int, int] = (0, 0)
    stereo: bytes = b""
    sphere: bytes = b""

    @property
    def is_hdr(self) -> bool:
        """Tagged with PQ or HLG, or HDR by what stands elsewhere in the file."""
        return self.hdr is not None or self.transfer.value in HDR_TRANSFERS

    @property
    def rotation(self) -> int:
        """Clockwise turn in degrees that makes the stored picture upright: 0, 90, 180 or 270."""
        return self.orientation.degrees

    @property
    def max_cll(self) -> int | None:
        """MaxCLL in cd/m2 as the file states it, None when it does not."""
        return self.content_light.max_cll if self.content_light else None

    @property
    def max_fall(self) -> int | None:
        """MaxFALL in cd/m2 as the file states it, None when it does not."""
        return self.content_light.max_fall if self.content_light else None
