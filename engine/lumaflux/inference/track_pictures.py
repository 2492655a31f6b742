"""Small pictures of a clip's frames, kept with its tone track, so that the track knows its clip again."""

import base64
import binascii
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

SIZE = 9 * 16  # samples of a picture, as lumaflux.service.frame_mapping makes them
MOST_PICTURES = 20_000  # about 4 MB of text


class Pictures(BaseModel):
    """Of every ``step``-th frame 144 signed bytes, one after another in Base64: a thumbnail of luma without its mean,
    as large as fits. A flat one is all zeros."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Annotated[int, Field(ge=1)]
    samples: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        try:
            size = len(base64.b64decode(self.samples, validate=True))
        except (binascii.Error, ValueError):
            raise ValueError("the pictures of a track must be Base64") from None
        if not size or size % SIZE:
            raise ValueError(f"the pictures of a track must have {SIZE} bytes each")
        return self

    @classmethod
    def of(cls, film: np.ndarray) -> Self:
        """Of thumbnails of all frames, float [frames, 144] with frames > 0."""
        step = -(-len(film) // MOST_PICTURES)
        kept = np.asarray(film[::step], np.float32)
        largest = np.abs(kept).max(1, keepdims=True)
        codes = np.rint(127 * kept / np.where(largest > 0, largest, 1)).astype(np.int8)
        return cls(step=step, samples=base64.b64encode(codes.tobytes()).decode("ascii"))

    def film(self) -> np.ndarray:
        """Thumbnails of length 1, or 0 where flat: float32 [pictures, 144]."""
        codes = np.frombuffer(base64.b64decode(self.samples), np.int8).reshape(-1, SIZE).astype(np.float32)
        lengths = np.linalg.norm(codes, axis=1, keepdims=True)
        return codes / np.where(lengths > 0, lengths, 1)
