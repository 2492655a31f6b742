"""The job of `lumaflux convert`: frames from media through the converter and back into media."""

from engine.convert.job import VIDEO_SUFFIXES, Job, Progress, Report
from engine.convert.run import convert

__all__ = ["VIDEO_SUFFIXES", "Job", "Progress", "Report", "convert"]
