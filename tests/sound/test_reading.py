"""Any sound file, as frames of 80 ms; what cannot be used is said in one line."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.testing import assert_allclose, assert_array_equal

from roboego.errors import InputError
from roboego.sound.reading import SoundReader
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE
from saved import voice, write


def read(path: Path) -> np.ndarray:
    with SoundReader(path) as sound:
        frames = list(sound)
    assert all(frame.shape == (FRAME_SAMPLES,) and frame.dtype == np.float32 for frame in frames)
    return np.concatenate(frames)


def refused(path: Path) -> str:
    """The error, which must be one line and name the file."""
    with pytest.raises(InputError) as caught, SoundReader(path) as sound:
        list(sound)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000])
def test_streaming_equals_resampling_the_whole(tmp_path: Path, rate: int) -> None:
    pcm = voice(1.7, rate)
    got = read(write(tmp_path / "in.wav", pcm, rate, "FLOAT"))
    whole = soxr.resample(pcm, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else pcm
    assert len(got) == -(-len(whole) // FRAME_SAMPLES) * FRAME_SAMPLES
    assert_allclose(got[: len(whole)], whole.clip(-1, 1), atol=1e-6)
    assert not got[len(whole) :].any()


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    pcm = voice(0.4)
    tracks = np.stack([pcm * (c + 1) / channels for c in range(channels)], 1)
    got = read(write(tmp_path / "in.wav", tracks, subtype="FLOAT"))
    assert_allclose(got[: len(pcm)], tracks.mean(1), atol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_ints_and_floats_mean_the_same(tmp_path: Path, subtype: str) -> None:
    pcm = voice(0.4)
    got = read(write(tmp_path / "in.wav", pcm, subtype=subtype))
    assert_allclose(got[: len(pcm)], pcm, atol=0.02)


@pytest.mark.parametrize(("kind", "tolerance"), [("FLAC", 1e-4), ("AIFF", 1e-4), ("OGG", 0.1), ("MP3", 0.1), ("RF64", 1e-4)])
def test_other_formats(tmp_path: Path, kind: str, tolerance: float) -> None:
    pcm = voice(0.8)
    path = tmp_path / f"in.{kind.lower()}"
    soundfile.write(path, pcm, SAMPLE_RATE, format=kind)
    got = read(path)
    # The ends of lossy formats are smeared.
    assert_allclose(got[4_800:14_400], pcm[4_800:14_400], atol=tolerance)


def test_the_last_frame_is_filled_with_silence(tmp_path: Path) -> None:
    got = read(write(tmp_path / "in.wav", np.full(1, 0.5, np.float32), subtype="FLOAT"))
    assert_array_equal(got, [0.5, *[0.0] * (FRAME_SAMPLES - 1)])


def test_what_is_too_loud_is_clipped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", np.array([0.5, 1.5, -3.0], np.float32), subtype="FLOAT")
    with SoundReader(path) as sound:
        (frame,) = sound
        assert sound.clipped_samples == 2
    assert_array_equal(frame[:3], [0.5, 1.0, -1.0])


def test_facts_of_the_file(tmp_path: Path) -> None:
    with SoundReader(write(tmp_path / "in.wav", np.zeros((8_000, 2), np.float32), 16_000)) as sound:
        assert (sound.sample_rate, sound.channels, sound.duration_s) == (16_000, 2, 0.5)


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8_000, 1, subtype="PCM_U8") as file:
        for _ in range(10):
            file.write(np.zeros(8_000 * 60, np.float32))
    with SoundReader(path) as sound:
        frames = iter(sound)
        next(frames)
        tracemalloc.start()
        try:
            count = 1 + sum(1 for _ in frames)
            assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
        finally:
            tracemalloc.stop()
    assert count == 10 * 60 * SAMPLE_RATE / FRAME_SAMPLES


def test_a_length_that_the_recorder_did_not_know(tmp_path: Path) -> None:
    path = write(tmp_path / "pipe.wav", voice(0.5))
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[at + 4 : at + 8] = data[4:8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert_allclose(read(path)[:12_000], voice(0.5), atol=1e-4)


# -- what cannot be used -----------------------------------------------------------------


def test_missing(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.wav")


def test_a_folder(tmp_path: Path) -> None:
    assert "not a file" in refused(tmp_path)


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "in.wav").touch()
    assert "empty" in refused(tmp_path / "in.wav")


def test_a_header_alone(tmp_path: Path) -> None:
    assert "no samples" in refused(write(tmp_path / "in.wav", np.zeros(0, np.float32)))


@pytest.mark.parametrize("content", [b"hello, this is text\n" * 50, b"RIFF", bytes(5_000), b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_no_sound_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.wav").write_bytes(content)
    assert "not a sound file" in refused(tmp_path / "in.wav")


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("AIFF", "PCM_16"), ("RF64", "PCM_16"), ("AU", "PCM_16"), ("FLAC", "PCM_16")],
)
def test_cut_short(tmp_path: Path, kind: str, subtype: str) -> None:
    path = tmp_path / "in.sound"
    # Noise, so that FLAC has something to lose.
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (48_000, 2)), 48_000, format=kind, subtype=subtype)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert "cut short" in refused(path)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float, name: str) -> None:
    pcm = np.stack([voice(2.0, 16_000)] * 2, 1)
    pcm[20_000, 1] = value
    message = refused(write(tmp_path / "in.wav", pcm, 16_000, "FLOAT"))
    assert name in message
    assert "sample 20000 of channel 2 (1.250 s)" in message


def test_integers_stored_as_floats(tmp_path: Path) -> None:
    assert "divide" in refused(write(tmp_path / "in.wav", voice(0.5) * 32_768, subtype="FLOAT"))


@pytest.mark.parametrize("rate", [4_000, 384_000])
def test_rates_that_are_not_read(tmp_path: Path, rate: int) -> None:
    assert f"{rate} samples a second" in refused(write(tmp_path / "in.wav", np.zeros(100, np.float32), rate))


def test_too_many_channels(tmp_path: Path) -> None:
    assert "9 channels" in refused(write(tmp_path / "in.wav", np.zeros((100, 9), np.float32)))
