"""Tensor files are like other new files."""

from pathlib import Path

import torch

from roboego.tensorfiles import save_tensors


def test_whoever_may_read_other_new_files_may_read_weights(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    for _ in range(2):
        save_tensors({"a": torch.zeros(3)}, tmp_path / "weights.safetensors")
        assert (tmp_path / "weights.safetensors").stat().st_mode == other.stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2
