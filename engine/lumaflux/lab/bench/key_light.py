"""What highlights on key frames cost and save: ``python -m lumaflux.lab.bench.key_light CLIP``."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lumaflux.arguments import file_there, whole
from lumaflux.endings import told

_BT2124 = np.array([1.0, 0.5, 1.0], np.float32)[:, None, None]  # Ct counts half


def key_light(clip: Path, frames: int = 48) -> dict[str, float]:
    """Of the first ``frames`` of a clip, rendered by ``lite`` under one track with its highlights and without:

    ``delta_e_itp``: mean over all pixels of all frames between both, ``delta_e_itp_worst``: of the worst frame;
    ``flicker`` and ``flicker_every_frame``: mean second difference in time of the mean of ICtCp's I, in units of
    Delta-E-ITP; ``asked``: the share of frames for which the network was asked.
    """
    from lumaflux.color import pq
    from lumaflux.color.ictcp import rgb_to_ictcp
    from lumaflux.inference.load import load
    from lumaflux.media.video.reader import VideoReader
    from lumaflux.render.analysis import track_of
    from lumaflux.settings import Settings

    with VideoReader(clip) as reader:
        pictures = [frame.sdr for frame in reader.frames(lambda number: number < frames)]
    converter = load("lite")
    track = track_of(pictures, converter, Settings(), clip, "lite")
    off, levels, levels_every = [], [], []
    for number, picture in enumerate(pictures):
        tone = track.tone_at(number)
        keyed, every = (
            rgb_to_ictcp(pq.eotf(converter.render(picture, tone=each))) for each in (tone, replace(tone, stops=None))
        )
        off.append(float((720 * np.sqrt((((keyed - every) * _BT2124) ** 2).sum(axis=0))).mean()))
        levels.append(720 * float(keyed[0].mean()))
        levels_every.append(720 * float(every[0].mean()))
    asked = sum(len(shot.lights) for shot in track.shots)
    return {
        "delta_e_itp": float(np.mean(off)),
        "delta_e_itp_worst": max(off),
        "flicker": _flicker(levels),
        "flicker_every_frame": _flicker(levels_every),
        "asked": asked / len(pictures),
    }


def _flicker(levels: list[float]) -> float:
    return float(np.abs(np.diff(levels, 2)).mean()) if len(levels) > 2 else 0.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.key_light", description=__doc__)
    parser.add_argument("clip", type=file_there)
    parser.add_argument("--frames", type=whole(), default=48)
    options = parser.parse_args(arguments)
    print(json.dumps(key_light(options.clip, options.frames), indent=1))


if __name__ == "__main__":
    with told("lumaflux"):
        main()
