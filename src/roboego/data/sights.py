"""What the picture encoder makes of stored pictures, made once: a model in training looks at each of them many times.

Beside a shard of pictures, `NAME-00012.sights.safetensors` holds the vectors [P, V] and tokens [P, M, V] of its pictures in half precision,
and the encoder's fingerprint.
"""
# P pictures, S pixels a side, M tokens of a picture, V their width

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from roboego.data.pictures import PictureBank
from roboego.errors import InputError
from roboego.perception.files import load_vit
from roboego.perception.picture import to_pixels
from roboego.perception.vit import ViT
from roboego.sound.files import appearing

SUFFIX = ".sights.safetensors"
BATCH = 16

Half = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class SightJob:
    """One shard to encode: the pictures of `index`, by the encoder in the folder `encoder`, into `folder` (None: beside them)."""

    index: Path
    encoder: Path
    folder: Path | None = None

    @property
    def out(self) -> Path:
        return sights_of(self.index, self.folder)


def sights_of(index: Path, folder: Path | None = None) -> Path:
    """Where the sights of a shard of pictures lie: beside them, or in a folder of their own."""
    return (folder or index.parent) / (index.stem + SUFFIX)


def make_sights(job: SightJob) -> Path:
    """Encodes one shard, unless that has been done by this encoder.

    Raises:
        InputError: the pictures are missing or damaged, or the sights cannot be written.
        CheckpointError: the encoder cannot be opened.
    """
    vit = load_vit(job.encoder)
    if job.out.exists() and _fingerprint(job.out) == vit.fingerprint:
        return job.out
    bank = PictureBank(job.index.parent, job.index.stem)
    parts = [_encoded(vit, bank, range(i, min(i + BATCH, len(bank)))) for i in range(0, len(bank), BATCH)]
    vectors, tokens = (torch.cat(part) for part in zip(*parts, strict=True))
    try:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        with appearing(job.out) as temporary:
            save_file({"vectors": vectors, "tokens": tokens}, temporary, metadata={"encoder": vit.fingerprint})
    except OSError as error:
        raise InputError(f"cannot write {job.out} ({error.strerror}): free some space or choose another folder") from error
    return job.out


def drop_stale(jobs: Sequence[SightJob]) -> None:
    """Deletes what another encoder made, so that it is made anew.

    Raises:
        CheckpointError: an encoder cannot be opened.
        InputError: sights are damaged.
    """
    encoders = {folder: load_vit(folder).fingerprint for folder in {job.encoder for job in jobs}}
    for job in jobs:
        if job.out.exists() and _fingerprint(job.out) != encoders[job.encoder]:
            job.out.unlink()


@torch.inference_mode()
def _encoded(vit: ViT, bank: PictureBank, chosen: range) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.stack([to_pixels(bank[i].picture, vit.config.image_size) for i in chosen])
    seen = vit(pixels)
    return seen.vector.half(), seen.tokens.half()


class SightBank:
    """What pictures look like to the encoder, by their numbers in their `PictureBank`.

    Args:
        folder: where the sights lie; None: beside the pictures.
    Attributes:
        vectors: [P, V].
        encoder: its fingerprint.

    Raises:
        InputError: sights are missing or damaged, or of different encoders.
    """

    vectors: Half

    def __init__(self, pictures: PictureBank, folder: Path | None = None) -> None:
        self._files = [sights_of(index, folder) for index in pictures.indices]
        prints = {_fingerprint(path) for path in self._files}
        if len(prints) != 1:
            raise InputError(f"the pictures in {self._files[0].parent} were seen by different encoders; run roboego synth sights")
        (self.encoder,) = prints
        self.vectors = np.concatenate([_read(path, "vectors") for path in self._files])
        self._added: list[Half] = []
        self._starts = np.cumsum([0, *pictures.counts])
        if self._starts[-1] != len(self.vectors):
            raise InputError(f"some pictures in {self._files[0].parent} were drawn after they were seen; run roboego synth sights")

    def add(self, vit: ViT, picture: NDArray[np.uint8]) -> int:
        """One more picture [S, S, 3], which no bank holds; returns its number."""
        with torch.inference_mode():
            seen = vit(to_pixels(picture, vit.config.image_size)[None])
        self._added.append(seen.tokens[0].half().numpy())
        self.vectors = np.concatenate([self.vectors, seen.vector.half().numpy()])
        return len(self.vectors) - 1

    def tokens(self, chosen: ArrayLike) -> Half:
        """[..., M, V] of pictures [...]."""
        numbers = np.asarray(chosen, np.int64)
        found = [self._token(int(n)) for n in numbers.ravel()]
        return np.stack(found).reshape(*numbers.shape, *found[0].shape)

    def _token(self, number: int) -> Half:
        if number >= self._starts[-1]:
            return self._added[number - int(self._starts[-1])]
        shard = int(np.searchsorted(self._starts, number, "right")) - 1
        with _opened(self._files[shard]) as file:
            row: Half = file.get_slice("tokens")[number - int(self._starts[shard])]
            return row


def _opened(path: Path) -> "safe_open":
    try:
        return safe_open(path, "np")
    except (OSError, SafetensorError) as error:
        raise InputError(f"no usable {path.name} in {path.parent} ({error}); make it with: roboego synth sights") from error


def _fingerprint(path: Path) -> str:
    with _opened(path) as file:
        return str((file.metadata() or {}).get("encoder", ""))


def _read(path: Path, name: str) -> Half:
    with _opened(path) as file:
        found: Half = file.get_tensor(name)
        return found
