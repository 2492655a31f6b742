import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.service.protocol import (
    HEADER,
    LARGEST_MESSAGE,
    Ping,
    ProtocolError,
    Render,
    body_length,
    pack,
    parse_request,
    unpack,
)

RENDER = {
    "type": "render",
    "id": 1,
    "shm": "/lumaflux-1-a",
    "shm_size": 2 * 4 * 16 * 10,
    "width": 4,
    "height": 10,
    "components": 4,
    "depth": "float",
    "src_offset": 0,
    "src_row_bytes": 64,
    "dst_offset": 640,
    "dst_row_bytes": 64,
    "premultiplied": False,
    "priority": "final",
    "frame": 7,
    "params": {"strength": 1.0, "steps": 2, "bypass": False, "model": "lite"},
}


def parsed(**changes):
    return parse_request(msgpack.packb({**RENDER, **changes}))


def test_a_render_request_keeps_the_types_of_its_parameters():
    request = parsed()
    assert isinstance(request, Render)
    assert [type(value) for value in request.params.values()] == [float, int, bool, str]
    assert request.row == 64


@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**63 - 1) | st.text() | st.booleans() | st.none()))
def test_what_is_packed_comes_back(message):
    framed = pack(message)
    assert body_length(framed[: HEADER.size]) == len(framed) - HEADER.size
    assert unpack(framed[HEADER.size :]) == message


@pytest.mark.parametrize("length", [0, LARGEST_MESSAGE + 1, 2**32 - 1])
def test_lengths_out_of_range_are_refused(length):
    with pytest.raises(ProtocolError) as refused:
        body_length(HEADER.pack(length))
    assert refused.value.fatal
    assert refused.value.answer["code"] == "bad_request"


def test_too_large_a_message_is_not_sent():
    with pytest.raises(ValueError, match="bytes"):
        pack({"text": "x" * LARGEST_MESSAGE})


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"\xc0",
        b"\x93\x01\x02\x03",
        msgpack.packb({1: 2}),
        msgpack.packb({"type": "ping", "id": 1}) + b"\x00",
        b"\x81\xa1\xff\x01",
        b"\x91" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        msgpack.packb({"type": "ping"}),
        msgpack.packb({"type": "ping", "id": True}),
        msgpack.packb({"type": "ping", "id": -1}),
        msgpack.packb({"type": "ping", "id": msgpack.ExtType(5, b"x")}),
    ],
)
def test_what_is_no_request_ends_the_connection(body):
    with pytest.raises(ProtocolError) as refused:
        parse_request(body)
    assert refused.value.fatal
    assert refused.value.answer["id"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "dance"}, "type"),
        ({"width": 0}, "width"),
        ({"width": 2**17}, "width"),
        ({"width": 4.0}, "width"),
        ({"components": 2}, "components"),
        ({"depth": "double"}, "depth"),
        ({"src_row_bytes": 63}, "the source's rows have 63 bytes"),
        ({"src_row_bytes": -64}, "src_row_bytes"),
        ({"dst_row_bytes": 2**40}, "the result ends beyond"),
        ({"src_offset": -1}, "src_offset"),
        ({"dst_offset": 641}, "the result ends beyond"),
        ({"shm": "/etc/passwd"}, "shm"),
        ({"shm": "/lumaflux-1-../../etc"}, "shm"),
        ({"shm_size": 2**60}, "shm_size"),
        ({"priority": "now"}, "priority"),
        ({"params": {"strength": [1]}}, "params"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_members_are_named_and_the_connection_goes_on(changes, said):
    with pytest.raises(ProtocolError, match=said) as refused:
        parsed(**changes)
    assert not refused.value.fatal
    assert refused.value.answer["id"] == 1


def test_the_last_row_needs_no_padding():
    parsed(src_row_bytes=70, src_offset=640, dst_offset=0, shm_size=640 + 70 * 9 + 64)
    with pytest.raises(ProtocolError, match="the source ends beyond"):
        parsed(src_row_bytes=70, src_offset=640, dst_offset=0, shm_size=640 + 70 * 9 + 63)


@pytest.mark.parametrize(
    ("source", "result", "rows", "apart"),
    [
        (0, 640, (64, 64), True),
        (640, 0, (64, 64), True),
        (0, 639, (64, 64), False),
        (0, 0, (64, 64), False),
        (0, 64, (128, 128), False),  # rows between rows
        (100, 800, (70, 64), True),
        (100, 793, (70, 64), False),  # the source's last row needs no padding: 100 + 9 * 70 + 64 = 794
        (100, 794, (70, 64), True),
        (1000, 300, (64, 71), False),
    ],
)
def test_source_and_result_of_a_render_lie_apart(source, result, rows, apart):
    members = {"src_offset": source, "dst_offset": result, "src_row_bytes": rows[0], "dst_row_bytes": rows[1]}
    if apart:
        parsed(**members, shm_size=1 << 20)
        return
    with pytest.raises(ProtocolError, match="overlaps"):
        parsed(**members, shm_size=1 << 20)
    look = parsed(**members, shm_size=1 << 20, type="look", number=0)
    assert look.number == 0  # nothing is written back


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body):
    try:
        request = parse_request(body)
    except ProtocolError:
        return
    assert isinstance(request, Ping) or request.id >= 0
