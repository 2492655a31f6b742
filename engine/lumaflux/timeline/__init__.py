"""Editors' timelines (OpenTimelineIO) in and out: which media they need, and the timeline that shows HDR."""
