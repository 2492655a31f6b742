"""Makes the example: a 640x360 SDR excerpt, with its sound, of an HDR10 clip, by BT.2446 method A.

python examples/make_sdr_clip.py hdr10-av1.mp4 examples/rooftop-sdr.mp4
"""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F

from lumaflux.color import bt2446a, pq
from lumaflux.media.video.reader import VideoReader

FIRST, COUNT = 45, 72
TOP, SIZE = 230, (640, 360)


def sdr_codes(hdr_pq: np.ndarray) -> np.ndarray:
    """A PQ frame [3,H,W] -> cropped to 16:9, resized in linear light, tone-mapped: uint8 [H,W,3]."""
    height = round(hdr_pq.shape[2] * SIZE[1] / SIZE[0])
    nits = torch.from_numpy(pq.eotf(hdr_pq[:, TOP : TOP + height]))[None]
    small = F.interpolate(nits, SIZE[::-1], mode="bicubic", antialias=True).clamp(min=0)
    sdr = bt2446a.sdr_from_hdr(small[0])
    return (255 * sdr.clamp(0, 1) + 0.5).byte().permute(1, 2, 0).contiguous().numpy()


def main(source: Path, target: Path) -> None:
    with VideoReader(source, allow_hdr=True) as reader, av.open(str(target), "w") as container:
        rate = Fraction(30000, 1001)
        video = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "slow"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.codec_context.color_range = 1  # limited
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 1
        for index, frame in enumerate(reader):
            if FIRST <= index < FIRST + COUNT:
                picture = av.VideoFrame.from_ndarray(sdr_codes(frame.sdr), format="rgb24")
                picture = picture.reformat(format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709")
                picture.pts, picture.time_base = index - FIRST, 1 / rate
                container.mux(video.encode(picture))
        container.mux(video.encode())
    add_sound(source, target, float(FIRST / rate), float(COUNT / rate))


def add_sound(source: Path, target: Path, start: float, duration: float) -> None:
    """Remuxes ``target`` with the matching packets of the source's sound."""
    whole = target.with_name(target.stem + "-sound" + target.suffix)
    with av.open(str(source)) as sound, av.open(str(target)) as picture, av.open(str(whole), "w") as out:
        video = out.add_stream_from_template(picture.streams.video[0])
        audio = out.add_stream_from_template(sound.streams.audio[0])
        for packet in picture.demux(picture.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        tick = sound.streams.audio[0].time_base
        assert tick is not None  # of a file that is read
        offset = round(start / tick)
        for packet in sound.demux(sound.streams.audio[0]):
            if packet.dts is None or packet.pts is None:
                continue
            if 0 <= (packet.dts - offset) * tick < duration:
                packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
                packet.stream = audio
                out.mux(packet)
    whole.replace(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
