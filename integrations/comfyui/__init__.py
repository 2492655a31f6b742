"""LumaFlux in ComfyUI: this folder goes into ``custom_nodes``; the package `lumaflux` into ComfyUI's environment."""

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
