"""A corpus of SDR-HDR pairs on disk: content-addressed safetensors shards and ``corpus.json``.

A shard holds one stretch of one source: ``hdr`` uint16 [N,3,S,S] (65535 = PQ signal 1), ``sdr`` uint8 [M,3,S,S] and
``hdr_of`` int32 [M], which HDR picture each SDR picture was rendered from. Its file name begins with its SHA-256.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import Split
from lumaflux.media.atomic_file import allow_by_umask

MANIFEST = "corpus.json"
Content = Literal["pgc", "ugc"]  # professionally generated, user-generated
HDR_FULL_SCALE, SDR_FULL_SCALE = 65535, 255


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rendering(_Strict):
    """How an SDR picture came about: an operator or family, and the x264 CRF or JPEG quality if it was compressed."""

    name: str
    crf: int | None = None
    jpeg: int | None = None


class Shard(_Strict):
    file: str
    sha256: str
    source: str
    scene: str
    split: Split
    content: Content
    licence: str
    hdr: int  # N
    renderings: tuple[Rendering, ...]  # M, in order


class Corpus(_Strict):
    version: Literal[1] = 1
    size: int
    specification: dict[str, object]
    shards: tuple[Shard, ...]

    @model_validator(mode="after")
    def _scenes_have_one_split(self) -> "Corpus":
        seen: dict[str, str] = {}
        for shard in self.shards:
            if seen.setdefault(shard.scene, shard.split) != shard.split:
                raise ValueError(f"the scene '{shard.scene}' is in the splits {seen[shard.scene]} and {shard.split}")
        return self


def write_shard(
    folder: Path, hdr: NDArray[np.uint16], sdr: NDArray[np.uint8], hdr_of: Sequence[int]
) -> tuple[str, str]:
    """Writes one shard below ``folder``, whole or not at all; (file name, SHA-256)."""
    from safetensors.numpy import save_file

    from lumaflux.digests import sha256

    temporary = folder / f".{os.getpid()}.partial"
    try:
        save_file({"hdr": hdr, "sdr": sdr, "hdr_of": np.asarray(hdr_of, np.int32)}, temporary)
        allow_by_umask(temporary)
        found = sha256(temporary)
        os.replace(temporary, folder / f"{found[:24]}.safetensors")
    finally:
        temporary.unlink(missing_ok=True)
    return f"{found[:24]}.safetensors", found


def read_corpus(folder: Path) -> Corpus:
    """Raises UserError when ``folder`` holds no sound corpus."""
    path = folder / MANIFEST
    try:
        return Corpus.model_validate_json(path.read_bytes())
    except OSError:
        raise UserError(
            f"{folder} holds no corpus (no {MANIFEST}); make one with: lumaflux curate SPEC {folder}"
        ) from None
    except ValidationError as error:
        raise UserError(f"{path} is not a sound corpus: {error.errors()[0]['msg']}") from None


def write_corpus(folder: Path, corpus: Corpus) -> None:
    """Writes ``corpus.json`` whole or not at all."""
    temporary = folder / f".{MANIFEST}.partial"
    temporary.write_text(json.dumps(corpus.model_dump(mode="json"), indent=1, sort_keys=True) + "\n")
    os.replace(temporary, folder / MANIFEST)


class ShardPairs:
    """Draws pairs with a given generator alone: content classes 1:1, then scenes, then pictures, each equally likely.

    Shards are read picture by picture (memory-mapped); each is compared with its checksum when first opened.
    """

    def __init__(self, folder: Path, split: Split):
        corpus = read_corpus(folder)
        self.folder, self.size = folder, corpus.size
        chosen = [shard for shard in corpus.shards if shard.split == split]
        if not chosen:
            raise UserError(f"the split '{split}' of {folder} is empty")
        self._by_content: list[list[list[Shard]]] = []
        for content in ("pgc", "ugc"):
            scenes: dict[str, list[Shard]] = {}
            for shard in chosen:
                if shard.content == content:
                    scenes.setdefault(shard.scene, []).append(shard)
            if scenes:
                self._by_content.append([scenes[name] for name in sorted(scenes)])
        self._sound: set[str] = set()

    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """``count`` crops of ``size`` pixels, mirrored at random: SDR and PQ/BT.2020, float32 [B,3,S,S] in [0,1].

        Raises UserError for a damaged shard and a crop larger than the corpus' pictures.
        """
        if size > self.size:
            raise UserError(f"crops of {size} pixels do not fit the {self.size} pixel pictures of {self.folder}")
        sdr, hdr = zip(*(self._one(size, generator) for _ in range(count)), strict=True)
        return torch.stack(sdr), torch.stack(hdr)

    def _one(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (), generator=generator))

        scenes = self._by_content[below(len(self._by_content))]
        shards = scenes[below(len(scenes))]
        shard = shards[below(len(shards))]
        index = below(len(shard.renderings))
        top, left, mirrored = below(self.size - size + 1), below(self.size - size + 1), below(2)
        rows, columns = slice(top, top + size), slice(left, left + size)
        with self._open(shard) as file:
            source = int(file.get_slice("hdr_of")[index : index + 1][0])
            sdr = file.get_slice("sdr")[index : index + 1, :, rows, columns][0].astype(np.float32) / SDR_FULL_SCALE
            hdr = file.get_slice("hdr")[source : source + 1, :, rows, columns][0].astype(np.float32) / HDR_FULL_SCALE
        pair = torch.from_numpy(sdr), torch.from_numpy(hdr)
        return (pair[0].flip(-1), pair[1].flip(-1)) if mirrored else pair

    def _open(self, shard: Shard):
        from safetensors import safe_open

        from lumaflux.digests import sha256

        path = self.folder / shard.file
        if shard.file not in self._sound:
            if not path.is_file() or sha256(path) != shard.sha256:
                raise UserError(f"the shard {path} is missing or damaged; run lumaflux curate again: it makes it anew")
            self._sound.add(shard.file)
        return safe_open(path, "numpy")
