"""Gain maps between an SDR and an HDR picture (ISO 21496-1), read and written."""
