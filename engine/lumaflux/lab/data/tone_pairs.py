"""Pairs for the tone predictor: a bank of them, rendered once from the pool with a given seed, then drawn from.

A record is by one of the eight operators, by an author's law, by an author's own hand (pairs), or by another rendering;
each from a master at an exposure of its own, with overlays and damage for a share of them. Shares: docs/training.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lumaflux.color import bt1886, pq, srgb
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.lab.data.author_rendering import relit, render_author, render_hlg
from lumaflux.lab.data.damage import damaged
from lumaflux.lab.data.draws import happens, uniform
from lumaflux.lab.data.imperfections import SHARES as ERRORS
from lumaflux.lab.data.mastering import exposed, shoulder
from lumaflux.lab.data.overlays import overlaid
from lumaflux.lab.data.renderings import operators_without, render_jittered, render_outside
from lumaflux.lab.data.tone_pool import FULL_SCALE, TonePictures

SIZE = 72  # pixels a side
_SCENES = ("panorama", "still", "cube")
_OVERLAY_SHARE, _MISREAD_SHARE, _DIMMED_SHARE, _ERROR_SHARE = 0.13, 0.1, 0.18, 0.25
_DIMMED = (0.5, 4.0)  # stops, of SDR and HDR alike
SHARES = {"operator": 0.6, "author": 0.17, "pair": 0.1, "hlg": 0.05, "outside": 0.08}
_RELIT_SHARE = 0.25  # of the masters of operators: HDR that an author's law makes of photographs
CAMERA = frozenset({"author", "pair", "hlg", "reference-white", "base-detail", "dodge-burn", "exposure-fusion"})


@dataclass(frozen=True, kw_only=True)
class Bank:
    """``sdr`` codes uint8 [N,3,S,S], ``hdr`` PQ/BT.2020 uint16 [N,3,S,S], ``camera`` [N] in {0,1}; ``names`` of the
    renderings and ``sources``, of the pictures."""

    sdr: Tensor
    hdr: Tensor
    camera: Tensor
    names: tuple[str, ...]
    sources: tuple[str, ...]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """SDR and HDR signals [B,3,S,S], mirrored at random, and whether they are camera material [B]."""
        picked = torch.randint(len(self.sdr), (count,), generator=generator)
        sdr, hdr = self.sdr[picked].float() / 255, self.hdr[picked].float() / FULL_SCALE
        flip = torch.rand(count, 1, 1, 1, generator=generator) < 0.5
        return torch.where(flip, sdr.flip(-1), sdr), torch.where(flip, hdr.flip(-1), hdr), self.camera[picked]


class PairRenderer:
    """Renders records from ``pictures``; ``without``: operators that render nothing. ``shares`` by kind of record."""

    def __init__(
        self,
        pictures: Sequence[TonePictures],
        without: Collection[str] = (),
        shares: dict[str, float] | None = None,
    ):
        self.operators = operators_without(without)
        self.scenes = [p for p in pictures if p.kind in _SCENES]
        self.graded = [p for p in pictures if p.kind == "graded"]
        self.pairs = [p for p in pictures if p.kind == "pair"]
        self.photographs = [p for p in pictures if p.kind == "photograph"]
        self.shares = {**SHARES, **(shares or {})}
        self.source = ""  # of the record that was rendered last
        if not self.pairs:
            self.shares["pair"] = 0.0

    def bank(self, count: int, seed: int) -> Bank:
        generator = torch.Generator().manual_seed(seed)
        sdr = torch.empty(count, 3, SIZE, SIZE, dtype=torch.uint8)
        hdr = torch.empty(count, 3, SIZE, SIZE, dtype=torch.uint16)
        camera, names, sources = torch.empty(count), [], []
        for index in range(count):
            one, master, name = self.record(generator)
            sdr[index] = (one[0] * 255).round().to(torch.uint8)
            hdr[index] = (master[0] * FULL_SCALE).round().to(torch.int32).to(torch.uint16)
            camera[index] = float(name in CAMERA)
            names.append(name)
            sources.append(self.source)
        return Bank(sdr=sdr, hdr=hdr, camera=camera, names=tuple(names), sources=tuple(sources))

    @torch.no_grad()
    def record(self, generator: torch.Generator) -> tuple[Tensor, Tensor, str]:
        """SDR and HDR signals [1,3,S,S] and the rendering's name."""
        weights = torch.tensor(list(self.shares.values()))
        kind = list(self.shares)[int(torch.multinomial(weights, 1, generator=generator))]
        if kind == "pair":
            sdr, hdr, name = *self._pair(generator), kind
        elif kind == "author" and self.photographs and happens(0.5, generator):
            sdr, hdr = self._relit(generator)
            name = kind
        else:
            hdr = self._master(kind, generator)
            sdr, name = self._rendered(kind, hdr, generator)
        if happens(_DIMMED_SHARE, generator):
            sdr, hdr = dimmed(sdr, hdr, float(uniform((), *_DIMMED, generator)))
        if name in CAMERA and happens(_MISREAD_SHARE, generator):
            sdr = srgb.inverse_eotf(bt1886.eotf(sdr, white_nits=1.0)).clamp(0, 1)  # read as if it were video
        if happens(_OVERLAY_SHARE, generator):
            sdr, hdr = overlaid(sdr, hdr, generator)
        return damaged(sdr, generator), hdr, name

    def _rendered(self, kind: str, hdr: Tensor, generator: torch.Generator) -> tuple[Tensor, str]:
        if kind == "author":
            return render_author(hdr, generator), kind
        if kind == "hlg":
            return render_hlg(hdr, generator), kind
        if kind == "outside":
            return render_outside(hdr, generator)
        sdr, name = render_jittered(hdr, generator, self.operators)
        if happens(_ERROR_SHARE, generator):
            for error, share in ERRORS:
                if happens(share, generator):
                    sdr = error(sdr, generator)
        return sdr, name

    def _master(self, kind: str, generator: torch.Generator) -> Tensor:
        if kind == "operator" and self.photographs and happens(_RELIT_SHARE, generator):
            return self._relit(generator)[1]
        graded = self.graded and happens(0.12 if kind == "operator" else 0.3, generator)
        picture = self._any(self.graded if graded else self.scenes, generator)
        assert picture.hdr is not None
        light = _reduced(_view(picture.hdr, generator), generator)
        if graded:
            return pq.inverse_eotf(shoulder(pq.eotf(light)))
        return exposed(light, picture.scene, generator)

    def _any(self, pictures: Sequence[TonePictures], generator: torch.Generator) -> TonePictures:
        picture = pictures[int(torch.randint(len(pictures), (), generator=generator))]
        self.source = picture.name
        return picture

    def _relit(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        picture = self._any(self.photographs, generator)
        assert picture.sdr is not None
        codes = _reduced(_view(picture.sdr, generator), generator)
        return srgb_to_bt1886(codes), relit(srgb.eotf(codes), generator)

    @staticmethod
    def whole(pair: TonePictures) -> tuple[Tensor, Tensor]:
        """The whole picture of an author-made pair: SDR and HDR signals [1,3,S,S], the pool's size."""
        assert pair.sdr is not None
        assert pair.hdr is not None
        sdr, hdr = _tensor(pair.sdr[:1]), _tensor(pair.hdr[:1])
        return (srgb_to_bt1886(sdr) * 255).round() / 255, pq.inverse_eotf(shoulder(pq.eotf(hdr)))

    def _pair(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        picture = self._any(self.pairs, generator)
        assert picture.sdr is not None
        assert picture.hdr is not None
        index = int(torch.randint(len(picture.sdr), (), generator=generator))
        state = generator.get_state()
        codes = _reduced(_tensor(picture.sdr[index : index + 1]), generator)
        generator.set_state(state)  # the same pixels of both
        hdr = _reduced(_tensor(picture.hdr[index : index + 1]), generator)
        return srgb_to_bt1886(codes), pq.inverse_eotf(shoulder(pq.eotf(hdr)))


def dimmed(sdr: Tensor, hdr: Tensor, stops: float) -> tuple[Tensor, Tensor]:
    """A pair with both sides' light ``stops`` lower."""
    light = bt1886.eotf(sdr, white_nits=1.0) * 2.0**-stops
    return bt1886.inverse_eotf(light, white_nits=1.0), pq.inverse_eotf(pq.eotf(hdr) * 2.0**-stops)


def needed_stops(sdr: Tensor, hdr: Tensor) -> Tensor:
    """What a pair [B,3,H,W] asks for: mean stops of the HDR's luminance over static placement [B,1]."""
    from lumaflux.color.sdr_to_pq import sdr_to_pq

    def level(signal: Tensor) -> Tensor:
        return luminance(pq.eotf(signal), BT2020_LUMA).clamp(min=0.05).log2().flatten(1).mean(1, keepdim=True)

    return level(hdr) - level(sdr_to_pq(sdr))


def _tensor(codes) -> Tensor:
    scale = 255 if codes.dtype.itemsize == 1 else FULL_SCALE
    return torch.from_numpy(codes.astype("float32") / scale)


def _view(views, generator: torch.Generator) -> Tensor:
    index = int(torch.randint(len(views), (), generator=generator))
    return _tensor(views[index : index + 1])


def _reduced(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Every second pixel, or the mean of four: what is seen at run time lies between."""
    if happens(0.5, generator):
        return torch.nn.functional.avg_pool2d(picture, 2)
    top, left = (int(torch.randint(2, (), generator=generator)) for _ in range(2))
    return picture[..., top::2, left::2]
