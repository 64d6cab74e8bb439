"""Wav files, whole or not at all."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose

from roboego.errors import InputError, ShapeError
from roboego.sound.writing import WavWriter
from saved import voice


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes only so many bytes a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("channels", [1, 2])
def test_written_in_blocks_it_reads_back(tmp_path: Path, channels: int) -> None:
    pcm = voice(0.5) if channels == 1 else np.stack([voice(0.5), -voice(0.5)], 1)
    with WavWriter(tmp_path / "out.wav", channels=channels) as wav:
        for start in range(0, len(pcm), 1_000):
            wav.write(pcm[start : start + 1_000])
        assert not (tmp_path / "out.wav").exists()
    assert wav.duration_s == 0.5
    back, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == 24_000
    assert_allclose(back, pcm, atol=1e-4)


def test_what_is_too_loud_is_clipped(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "out.wav", channels=1) as wav:
        wav.write(np.array([2.0, -2.0], np.float32))
    assert_allclose(soundfile.read(tmp_path / "out.wav")[0], [1, -1], atol=1e-4)


def test_the_wrong_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError), WavWriter(tmp_path / "out.wav", channels=2) as wav:
        wav.write(np.zeros(10, np.float32))
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), WavWriter(tmp_path / "out.wav", channels=1) as wav:
        wav.write(voice(0.1))
        raise ValueError("stop")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    with files_of_at_most(50_000), pytest.raises(OSError, match="too large") as caught, WavWriter(tmp_path / "out.wav", channels=1) as wav:
        for _ in range(100):
            wav.write(voice(0.1))
    assert caught.value.filename == str(tmp_path / "out.wav")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    with files_of_at_most(0), pytest.raises(OSError, match="too large"), WavWriter(tmp_path / "out.wav", channels=1):
        pass
    assert not list(tmp_path.iterdir())


def test_a_full_device() -> None:
    with pytest.raises(OSError, match="No space left"), WavWriter(Path("/dev/full"), channels=1):
        pass


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"), WavWriter(tmp_path, channels=1):
        pass
