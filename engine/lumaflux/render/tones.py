"""Which tone each frame gets: that of a tone track, found on the whole input or read from a file, or its own."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.options import NO_TRACK, ToneOptions
from lumaflux.render.analysis import ClipAnalysis, check_clip, check_model, track_of
from lumaflux.render.growing_track import GrowingTrack
from lumaflux.render.job import Progress
from lumaflux.render.source import Source, settings_for
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.inference.converter import Converter
    from lumaflux.inference.tone import Tone
    from lumaflux.inference.tone_track import ToneTrack
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.reader import SdrFrame

_IN_A_ROW = 8  # frames that cannot be read, after which nothing more is expected


@dataclass(frozen=True)
class Tones:
    """``track`` is None where every frame has its own tone; ``numbers`` are those of the input's frames in order, where
    they do not count from 0; ``every_frame``: the track's stops of highlights are not taken; ``notes``: sentences on
    how the tones were found; ``growing``: instead of ``track``, one of which only the first shots may be known yet."""

    track: "ToneTrack | None" = None
    numbers: list[int] | None = None
    every_frame: bool = False
    notes: tuple[str, ...] = ()
    growing: GrowingTrack | None = None

    def at(self, number: int, settings: Settings) -> "tuple[Settings, Tone | None]":
        """What the frame of that number in the source is rendered with."""
        place = self._place(number)
        if self.growing is not None:
            tone = self.growing.shot_of(place).tone_at(place)  # nobody has pinned anything in it
        elif self.track is not None:
            tone, settings = self.track.tone_at(place), self.track.settings_at(place, settings)
        else:
            return settings, None
        return settings, replace(tone, stops=None) if self.every_frame else tone

    def wait_for(self, number: int, ended: Callable[[], bool] = lambda: False) -> bool:
        """Until the tone of that frame is known; False if ``ended`` comes first. Raises what ended its search."""
        return self.growing is None or self.growing.wait_for(self._place(number), ended)

    def around(self, number: int, reach: int) -> list[int]:
        """The numbers of the frame and of those of its shot that are at most ``reach`` away; itself without a track.

        Beyond the end that a container announced there may be no such frame.
        """
        if self.track is None:
            return [number]
        place = self._place(number)
        shot = self.track.shot_of(place)
        last = place + reach if shot is self.track.shots[-1] else min(place + reach, shot.last)
        places = range(max(shot.first, place - reach), last + 1)
        return list(places) if self.numbers is None else [self.numbers[p] for p in places if p < len(self.numbers)]

    def _place(self, number: int) -> int:
        return number if self.numbers is None else bisect_left(self.numbers, number)


@dataclass(frozen=True, kw_only=True)
class ToneRequest:
    """Which tones are asked for.

    Attributes:
        converter: What finds them.
        model: The identity of its weights, which a track's must be.
        settings: The look that the frames are rendered with.
        options: ``track`` is a file; "none"; or None, and the track is found, of all frames, whatever part is rendered.
    """

    converter: "Converter"
    model: str
    settings: Settings
    options: ToneOptions = field(default_factory=ToneOptions)

    @property
    def finds_track(self) -> bool:
        """Whether a pass over the whole source is needed first."""
        return self.options.track is None and self.settings.strength != 0.0


def tones_of(
    source: Source,
    asked: ToneRequest,
    progress: Progress = lambda done, total: None,
    *,
    by_number: bool = False,
) -> Tones:
    """The tones of a clip or a sequence, the whole track before the first frame is rendered.

    ``by_number``: a frame that cannot be read counts as the one before it, so that the others keep their places. Raises
    UserError for a track of another input or of another model, and for a reference (``match``) that cannot be one.
    """
    options, settings = asked.options, asked.settings
    check_match(options, settings)
    if options.track == NO_TRACK or settings.strength == 0.0:
        return Tones()
    numbers = source.numbers if source.pattern is not None else None

    def pictures() -> "Iterator[SdrFrame | CodedFrame]":
        return _by_number(source, progress) if by_number or numbers else _in_one_pass(source, progress)

    if options.track is not None:
        found = read_tones(Path(options.track), source, asked.model, every_frame=options.every_frame)
    else:
        track = _track_of(pictures(), source.path, asked)
        found = Tones(track, numbers, options.every_frame)
    if options.match is None or found.track is None:
        return found
    from lumaflux.render.match import led_track

    led = led_track(found.track, (frame.sdr for frame in pictures()), options.match)
    return replace(found, track=led.track, notes=led.notes)


def _track_of(pictures: "Iterable[np.ndarray | SdrFrame | CodedFrame]", path: Path, asked: ToneRequest) -> "ToneTrack":
    lights = not asked.options.every_frame
    return track_of(pictures, asked.converter, asked.settings, path, asked.model, lights=lights)


def growing_tones_of(source: Source, asked: ToneRequest, progress: Progress = lambda done, total: None) -> Tones:
    """The same for frames that are rendered in their order, once the first shot is known: the others are found
    meanwhile, in a thread, until the track is closed.

    The whole track comes first where a frame needs more than its shot, or the model evaluates one frame at a time:
    sequences, a reference, motion blending, a device other than the CPU, an engine bundle.
    """
    options = asked.options
    plain = options.match is None and options.motion_blending == 0 and source.pattern is None
    if not (plain and asked.finds_track and _takes_two_at_a_time(asked.converter)):
        return tones_of(source, asked, progress)
    analysis = ClipAnalysis(asked.converter, asked.settings, lights=not options.every_frame)
    track = GrowingTrack(lambda told: _in_one_pass(source, told), analysis, str(source.path))
    try:
        track.wait_for_first(progress)
    except BaseException:
        track.close()
        raise
    return Tones(growing=track, every_frame=options.every_frame)


def _takes_two_at_a_time(converter: "Converter") -> bool:
    from lumaflux.backends.torch import TorchBackend

    return isinstance(converter.backend, TorchBackend) and converter.backend.device.type == "cpu"


def check_match(options: ToneOptions, settings: Settings) -> None:
    """Raises UserError where a tone is to be led and there is none, and for a reference that cannot be one."""
    if options.match is None:
        return
    if options.track == NO_TRACK:
        raise UserError("--match leads the tone of shots, and --track none gives every frame its own; leave out one")
    if settings.strength == 0.0:
        raise UserError("--match leads the model's tone, and at strength 0 there is none; raise the strength")
    from lumaflux.render.match import Reference

    Reference(options.match)


def led_tone(sdr: "np.ndarray", path: Path, asked: ToneRequest) -> Tones:
    """Of a picture that stands alone, SDR [3,H,W] in [0,1]: its tone, led to the reference; its own without one."""
    if asked.options.match is None:
        return Tones()
    from lumaflux.render.match import led_track

    led = led_track(_track_of([sdr], path, asked), [sdr], asked.options.match)
    return Tones(led.track, notes=led.notes)


def read_tones(path: Path, source: Source, model: str, *, every_frame: bool = False) -> Tones:
    """The track of a file. Raises UserError for one of another input or of another model."""
    from lumaflux.inference.tone_track import read_track

    track = read_track(path)
    check_clip(track, source.path)
    check_model(track, path, model)
    return Tones(track, source.numbers if source.pattern is not None else None, every_frame)


def _in_one_pass(source: Source, progress: Progress) -> "Generator[SdrFrame | CodedFrame, None, None]":
    with source.going_on().open() as reader:  # the second pass tells of damage
        for done, frame in enumerate(getattr(reader, "coded_frames", reader.frames)(), 1):
            yield frame
            progress(done, reader.info.frame_count)


def _by_number(source: Source, progress: Progress) -> "Iterator[SdrFrame]":
    todo, unread, in_a_row, last = deque(source.numbers), 0, 0, None
    while todo and in_a_row < _IN_A_ROW:  # what lies beyond the end of a track belongs to its last shot
        try:
            for frame in source.read(list(todo)):
                todo.popleft()
                for _ in range(unread + 1):
                    yield frame
                progress(len(source.numbers) - len(todo), len(source.numbers))
                unread, in_a_row, last = 0, 0, frame
        except UserError:
            todo.popleft()
            in_a_row += 1
            if last is None:
                unread += 1
            else:
                yield last


def analyze(source: Source, asked: ToneRequest, progress: Progress = lambda done, total: None) -> "ToneTrack":
    """The tone track of a clip, always of the whole. Raises UserError for a clip that cannot be read."""
    settings = settings_for(asked.settings, source.info, source.path)[0]
    made = tones_of(source, replace(asked, settings=settings), progress)
    if made.track is None:
        raise UserError("at strength 0 no frame has a tone; leave the strength as it is")
    return made.track
