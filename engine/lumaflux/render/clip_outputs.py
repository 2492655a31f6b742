"""Where the frames of a clip go: one or more targets, the matte, the way back to SDR, and the certificate."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.render.loop import Rendered
from lumaflux.render.matte import MatteSink, Sums, in_the_picture
from lumaflux.render.targets import Target
from lumaflux.render.way_back import WayBack

if TYPE_CHECKING:
    from lumaflux.media.sink import Channels
    from lumaflux.render.recorder import Recorder


@dataclass(frozen=True, kw_only=True)
class ClipOutputs:
    """``targets``: the first is what was asked for, the others were named beside it (``--also``). ``matte``: its file,
    None where none is asked for; ``mattes`` takes those that go into a file of their own."""

    targets: list[Target]
    matte: Path | None = None
    mattes: MatteSink | None = None
    back: WayBack | None = None
    recorder: "Recorder | None" = None
    sums: Sums = field(default_factory=Sums)

    @property
    def take_codes(self) -> bool:
        """Whether a frame may come as ten-bit codes."""
        return len(self.targets) == 1 and self.matte is None and self.targets[0].takes_codes

    def hold(self, number: int) -> bool:
        """Whether the source's frame of that number is in all of them already."""
        there = all(made.done(number) for made in self.targets)
        return there and (self.mattes is None or self.mattes.holds(self._picture(number, number)))

    def write(self, made: Rendered) -> None:
        first, *others = self.targets
        if made.planes is not None:
            first.write_codes(made.frame, made.planes)
            if self.recorder is not None:
                self.recorder.add(made.frame.number, made.planes, made.matte)
            return
        assert made.hdr_pq is not None
        if self.recorder is not None:
            self.recorder.add(made.frame.number, made.hdr_pq, made.matte)
        shares: Channels = {"shares": made.matte} if in_the_picture(self.matte) else {}
        pts = first.write(made.frame, made.hdr_pq, **shares)
        for target in others:
            target.write(made.frame, made.hdr_pq)
        if self.back is not None and made.lighting is not None:
            self.back.add(made.lighting, made.frame.number)
        if made.matte is not None and self.matte is not None:
            self.sums.add(made.matte)
            if self.mattes is not None:
                self.mattes.write(made.matte, self._picture(made.frame.number, pts), pts)

    def _picture(self, number: int, pts: int) -> int:
        """The number of a frame's matte, where it is a picture: the result's own, or beside a video the source's."""
        made = self.targets[0]
        return number if made.time_base is not None else made.stamp(number, pts, None)[0]

    def recorded_pictures(self) -> list[int] | None:
        """The numbers of the pictures that a certificate is of; None for a video."""
        if self.recorder is None or self.targets[0].time_base:
            return None
        return [self.targets[0].stamp(number, 0, None)[0] for number in self.recorder.numbers]

    @property
    def notes(self) -> list[str]:
        """What the targets could not hold."""
        return [note for made in self.targets for note in made.sink.notes]

    def finish_early(self) -> str:
        """Ends them with what was written; says what that is."""
        return "; ".join(made.sink.finish_early() for made in self.targets)
