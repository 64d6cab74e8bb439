"""Folders in the hub's format: config.json, and safetensors in one file or in shards with an index. Each value is asked for by name."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from roboego.errors import CheckpointError

T = TypeVar("T", bound=bool | int | float | str | dict[str, Any] | list[Any])


class HubConfig:
    """A JSON object whose values are read with their types checked.

    Such files are full of keys that change nothing here, so unknown ones are allowed; a key that would change the computation is
    read, and refused by its reader.
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values, self.where = values, where

    @classmethod
    def read(cls, path: Path) -> "HubConfig":
        """Opens config.json.

        Raises:
            CheckpointError: the file is missing, or no JSON object.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{path} does not exist; give a model's folder, with its config.json") from None
        except (OSError, ValueError) as error:
            raise CheckpointError(f"cannot read {path}: {error}; download it again") from error
        if not isinstance(values, dict):
            raise CheckpointError(f"{path} holds no JSON object; download it again")
        return cls(values, str(path))

    def get(self, name: str, default: T) -> T:
        """A value of the default's type; the default where the key is absent or null."""
        value = self.values.get(name)
        return default if value is None else self._checked(name, type(default), value)

    def need(self, name: str, kind: type[T]) -> T:
        """A value that must be there."""
        if self.values.get(name) is None:
            raise CheckpointError(f"{self.where} lacks {name!r}; it is not of the format it should be, or damaged: download it again")
        return self._checked(name, kind, self.values[name])

    def size(self, name: str, default: int | None = None) -> int:
        """A whole number of at least 1."""
        value = self.need(name, int) if default is None else self.get(name, default)
        if value < 1:
            raise CheckpointError(f"{self.where}: {name!r} must be at least 1, not {value}; download it again")
        return value

    def part(self, name: str) -> "HubConfig":
        """A nested object; empty where it is absent or null."""
        return HubConfig(self.get(name, {}), f"{self.where}: {name}")

    def _checked(self, name: str, kind: type[T], value: Any) -> T:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise CheckpointError(f"{self.where}: {name!r} must be of type {kind.__name__}, not {value!r}; download it again")
        return value


class HubTensors:
    """Tensors of a folder, read one at a time, straight to a device and type; what is missing, misshapen or left over is an error.

    Args:
        folder: holds model.safetensors, or model.safetensors.index.json and the shards that it names.
    Raises:
        CheckpointError: there are no such files, or they are damaged.
    """

    def __init__(self, folder: Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.folder, self.device, self.dtype = folder, str(device), dtype
        self._files: dict[Path, Any] = {}
        self._place: dict[str, Path] = {}
        for path in self._paths():
            try:
                self._files[path] = safe_open(path, framework="pt", device=self.device)
            except (OSError, SafetensorError) as error:
                raise CheckpointError(f"{path} is missing or damaged ({error}); download the model again") from error
            self._place.update(dict.fromkeys(self._files[path].keys(), path))
        self._left = set(self._place)

    def _paths(self) -> list[Path]:
        single, index = self.folder / "model.safetensors", self.folder / "model.safetensors.index.json"
        if not index.exists():
            if single.exists():
                return [single]
            if any(self.folder.glob("*.bin")):
                raise CheckpointError(f"{self.folder} holds pickled weights (*.bin), which can run any code; convert them to safetensors")
            raise CheckpointError(f"{self.folder} has neither model.safetensors nor model.safetensors.index.json; download the model again")
        names = set(HubConfig.read(index).need("weight_map", dict).values())
        if not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise CheckpointError(f"{index} names files outside its folder; download the model again")
        return [self.folder / name for name in sorted(names)]

    def __contains__(self, name: str) -> bool:
        return name in self._left

    @property
    def left(self) -> frozenset[str]:
        """Names not taken yet."""
        return frozenset(self._left)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor that is there."""
        self._check(name)
        return tuple(self._files[self._place[name]].get_slice(name).get_shape())

    def take(self, name: str, *shape: int) -> Tensor:
        """One tensor, of exactly this shape, in the folder's type and on its device."""
        if self.shape(name) != shape:
            raise CheckpointError(
                f"{self.folder}: {name} has shape {list(self.shape(name))}, config.json makes it {list(shape)}; download both files again"
            )
        self._left.remove(name)
        return self._files[self._place[name]].get_tensor(name).to(self.dtype)  # type: ignore[no-any-return]

    def skip(self, *prefixes: str) -> None:
        """Leaves out tensors that nothing here has a use for."""
        self._left = {name for name in self._left if not name.startswith(prefixes)}

    def finish(self, kind: str) -> None:
        """Raises CheckpointError if tensors were not taken: the model has parts that would be ignored."""
        if self._left:
            names = ", ".join(sorted(self._left)[:3]) + (", ..." if len(self._left) > 3 else "")
            raise CheckpointError(f"{self.folder} has {len(self._left)} tensors that a {kind} has not: {names}; give a {kind}'s folder")

    def _check(self, name: str) -> None:
        if name not in self._left:
            raise CheckpointError(f"{self.folder} lacks the tensor {name}; config.json and weights do not fit: download both again")


def stacked(tensors: HubTensors, names: Iterable[str], *shape: int) -> Tensor:
    """Tensors of one shape, stacked."""
    return torch.stack([tensors.take(name, *shape) for name in names])
