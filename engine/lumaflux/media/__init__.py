"""Frames in and out: video, stills, and the HDR metadata that goes with them. One reader or writer a file."""
