"""Everything that is seen of one frame of a file, and what the pages and folders are made of."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lumaflux.media.display_light import DisplayLight
from lumaflux.viewing.scope_plots import draw_chromaticity, draw_histogram, draw_waveform
from lumaflux.viewing.scopes import LightFacts, light_facts
from lumaflux.viewing.views import Light, Pixels, in_false_color, peak_of, reduced, viewable, with_legend


@dataclass(frozen=True)
class Sheet:
    """Frame ``number`` of ``path`` as light [3,H,W] in cd/m2; ``peak`` is what the tone mapping brings in."""

    path: Path
    number: int
    nits: Light
    peak: float
    kind: str = "HDR"

    @classmethod
    def of(cls, source: DisplayLight, number: int | None = None) -> "Sheet":
        """Raises UserError for a frame that is not there."""
        frame = source.frame(number)
        kind = "SDR" if source.is_sdr else source.info.hdr or source.info.transfer.value.upper()
        kind = "gain map" if source.has_gain_map else kind
        return cls(source.path, frame.number, frame.nits, peak_of(frame.nits, source.info), kind)

    @cached_property
    def facts(self) -> LightFacts:
        return light_facts(self.nits)

    def view(self, width: int) -> Pixels:
        """Tone-mapped for an SDR screen, at most ``width`` pixels wide."""
        return viewable(reduced(self.nits, width), self.peak)

    def false_color(self, width: int) -> Pixels:
        return with_legend(in_false_color(reduced(self.nits, width)))

    @cached_property
    def scopes(self) -> dict[str, Pixels]:
        """Of all pixels of the frame, by their file names."""
        return {
            "waveform": draw_waveform(self.nits),
            "chromaticity": draw_chromaticity(self.nits),
            "histogram": draw_histogram(self.nits),
        }

    def rows(self) -> list[tuple[str, str]]:
        """The facts in words."""
        f = self.facts
        return [
            ("frame", f"{self.number}, {self.nits.shape[2]}x{self.nits.shape[1]}, {self.kind}"),
            ("largest R, G or B", f"{f.max_cll:.1f} cd/m²"),
            ("frame average", f"{f.frame_average:.1f} cd/m²"),
            ("median luminance", f"{f.median:.2f} cd/m² ({f.exposure:+.1f} stops from 26)"),
            ("99 % of the pixels up to", f"{f.percentile_99:.1f} cd/m²"),
            ("above 203 cd/m²", f"{f.above_203:.2f} % of the pixels"),
            ("outside of BT.709", f"{f.outside_709:.2f} % of the pixels"),
            ("outside of P3-D65", f"{f.outside_p3:.2f} % of the pixels"),
        ]
