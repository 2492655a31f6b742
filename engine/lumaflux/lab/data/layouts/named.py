"""The collections by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lumaflux.lab.data.layouts import chug, hdrtv1k, hdrtv4k, hidrovqa, live_tmhdr
from lumaflux.lab.data.layouts.records import HdrVideo, Pair

VIDEOS: Mapping[str, Callable[[Path], list[HdrVideo]]] = {
    "hidrovqa": hidrovqa.videos,
    "chug": chug.videos,
    "live-tmhdr": live_tmhdr.videos,
}
PAIRS: Mapping[str, Callable[[Path], list[Pair]]] = {
    "hdrtv1k": hdrtv1k.pairs,
    "hdrtv4k": hdrtv4k.pairs,
    "live-tmhdr": live_tmhdr.pairs,
}
