"""The job of `lumaflux convert`: frames from media through the converter and back into media."""

from lumaflux.render.job import VIDEO_SUFFIXES, Job, Progress, Report
from lumaflux.render.run import convert

__all__ = ["VIDEO_SUFFIXES", "Job", "Progress", "Report", "convert"]
