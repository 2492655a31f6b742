"""Packets that are copied, on the clock of the pictures: parts of joined recordings moved as their pictures are."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from lumaflux.media.video.clock import LEAPING, PacketClock, moved, ticks

_HELD = 2000  # packets that wait for the pictures' clock to restart as theirs did


def packets_on_one_clock(packets: Iterator[Any], container: str, pictures: Any) -> Iterator[Any]:
    """The non-empty ones of ``packets``, in the order of the file, ``pictures`` perhaps among their streams, their
    stamps moved where the clock restarts. ``container``: libavformat's name of it.

    In MPEG streams the n-th part of a stream is moved as the n-th part of ``pictures``, so that sound and pictures stay
    together; elsewhere a stream goes on where its own part ended.
    """
    if container in LEAPING:
        yield from _with_pictures(packets, pictures)
        return
    clocks: dict[int, PacketClock] = {}
    played: set[int] = set()  # of the others' packets an edit list cuts out; those before the first prime a decoder
    for packet in packets:
        index = packet.stream_index
        played |= set() if packet.is_discard else {index}
        if packet.size and not (packet.is_discard and index in played):
            if index not in clocks:
                clocks[index] = PacketClock(Fraction(packet.time_base), leaps=False)
            stamp = packet.dts if index == pictures.index else _stamp(packet)
            _move(packet, clocks[index].shift(stamp, packet.duration))
            yield packet


def _with_pictures(packets: Iterator[Any], pictures: Any) -> Iterator[Any]:
    tick = Fraction(pictures.time_base)
    clock = PacketClock(tick, leaps=True)
    clocks: dict[int, PacketClock] = {}
    earlier: dict[int, int] = {}  # parts that were over when a stream began
    held: deque[tuple[Any, int, int]] = deque()  # packet, its part, what its own clock adds

    def released(patience: int) -> Iterator[Any]:
        while held and (held[0][1] <= clock.parts or len(held) > patience):
            packet, part, own = held.popleft()
            known = part <= clock.parts
            _move(packet, ticks(clock.shifts[part - 1] * tick, packet.time_base) if known else own)
            yield packet

    for packet in packets:
        if not packet.size:
            continue
        index = packet.stream_index
        if index == pictures.index:
            _move(packet, clock.shift(packet.dts, packet.duration))
            yield packet
        else:
            if index not in clocks:
                clocks[index] = PacketClock(packet.time_base, leaps=True)
                earlier[index] = clock.parts - 1
            own = clocks[index].shift(_stamp(packet), packet.duration)
            held.append((packet, clocks[index].parts + earlier[index], own))
        yield from released(_HELD)
    yield from released(0)


def _stamp(packet: Any) -> int | None:
    return packet.pts if packet.dts is None else packet.dts


def _move(packet: Any, shift: int) -> None:
    packet.pts, packet.dts = moved(packet.pts, shift), moved(packet.dts, shift)
