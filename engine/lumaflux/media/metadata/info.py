"""What a media file says of itself: ``probe(path)`` for ``lumaflux info`` and for every reader."""

import os

from lumaflux.media.metadata.media_info import AudioInfo, ColourTags, MediaInfo, Tag

__all__ = ["AudioInfo", "ColourTags", "MediaInfo", "Tag", "probe"]


def probe(path: str | os.PathLike) -> MediaInfo:
    """Describe the video or still picture at ``path``.

    Raises UserError when it is missing, empty, a directory, damaged, truncated, or no such file at all.
    """
    from lumaflux.media.stills.picture import is_still, probe_still
    from lumaflux.media.video.probe import probe_video
    from lumaflux.media.video.source import check_file

    path = check_file(path)
    return probe_still(path) if is_still(path) else probe_video(path)
