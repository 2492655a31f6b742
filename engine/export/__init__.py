"""The door to `lumaflux.export`, so that `python -m export build-engine` works wherever LumaFlux is installed."""
