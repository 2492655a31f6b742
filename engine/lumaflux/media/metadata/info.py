"""What a media file says of itself: ``probe(path)`` for ``lumaflux info`` and for every reader."""

import os

from lumaflux.media.metadata.media_info import AudioInfo, ColourTags, MediaInfo, Tag

__all__ = ["AudioInfo", "ColourTags", "MediaInfo", "Tag", "probe"]


def probe(path: str | os.PathLike, layer: str | None = None) -> MediaInfo:
    """Describe the video or still picture at ``path``; of an EXR file's layers the beauty, or ``layer``.

    Raises UserError when it is missing, empty, a directory, damaged, truncated, or no such file at all.
    """
    from lumaflux.media.stills.exr import refuse_layer
    from lumaflux.media.stills.picture import is_still, probe_still
    from lumaflux.media.video.probe import probe_video
    from lumaflux.media.video.source import check_file

    path = check_file(path)
    if is_still(path):
        return probe_still(path, layer)
    refuse_layer(layer, os.fspath(path))
    return probe_video(path)
