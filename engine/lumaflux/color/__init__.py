"""Colour: transfer functions, primaries, YCbCr, ICtCp, tone-mapping operators, gamut mapping, spaces by name.

Every function takes a NumPy array or a torch tensor and gives back the same kind, dtype and device.
RGB arrays are channels first, ``[..., 3, H, W]``.
"""
