"""The embedded codec: streaming, files, errors."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from roboego.codecs.base import Codec
from roboego.codecs.embedded.codec import EmbeddedCodec, overlap_add
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.codecs.embedded.files import load_codec, rounded, save_codec
from roboego.errors import CheckpointError, ShapeError
from roboego.training.codec_hearing import with_hearing

TINY = EmbeddedCodecConfig(
    fine_width=16, fine_hidden=24, coarse_width=24, coarse_hidden=32, encoder_fine=2, encoder_coarse=1, decoder_coarse=1, decoder_fine=2,
    codebooks=3, entries=16, code_width=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def codec() -> EmbeddedCodec:
    torch.manual_seed(0)
    return EmbeddedCodec(TINY).eval()


def test_implements_the_protocol(codec: EmbeddedCodec) -> None:
    assert isinstance(codec, Codec)
    assert codec.delay_samples <= 0.040 * 24_000


def test_full_size_has_at_most_ten_million_parameters() -> None:
    assert sum(p.numel() for p in EmbeddedCodec(EmbeddedCodecConfig()).parameters()) <= 10_000_000


def test_what_is_heard_has_an_encoder_of_its_own_and_the_same_codebooks_and_decoder(codec: EmbeddedCodec, tmp_path: Path) -> None:
    assert codec.listener() is codec
    other = with_hearing(codec)
    assert other.speech_fingerprint == codec.fingerprint != other.fingerprint
    pcm = 0.1 * torch.randn(2, 5 * 1920, generator=torch.Generator().manual_seed(2))
    assert torch.equal(other.listener().encode(pcm), codec.encode(pcm))  # until it is taught
    assert other.hearing is not None
    with torch.no_grad():
        other.hearing.out.bias += 1.0
    heard = other.listener().encode(pcm)
    assert torch.equal(other.encode(pcm), codec.encode(pcm))
    assert not torch.equal(heard, codec.encode(pcm))
    state, listener = other.listener().initial_encoder_state(2), other.listener()
    for t in range(5):
        codes, state = listener.encode_step(pcm[:, t * 1920 : (t + 1) * 1920], state)
        assert torch.equal(codes, heard[:, t])
    assert_close(listener.decode(heard), codec.decode(heard))
    kept = rounded(other)
    save_codec(kept, tmp_path)
    assert torch.equal(load_codec(tmp_path).listener().encode(pcm), kept.listener().encode(pcm))


@settings(deadline=None, max_examples=15)
@given(starts=st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_streaming_equals_offline_for_slots_that_join_at_different_frames(codec: EmbeddedCodec, starts: list[int]) -> None:
    frames, slots = 9, len(starts)
    pcm = 0.1 * torch.randn(slots, frames * 1920, generator=torch.Generator().manual_seed(1))
    into, out_of = codec.initial_encoder_state(slots), codec.initial_decoder_state(slots)
    codes, sound = [], []
    for t in range(frames):
        joining = torch.tensor([start == t for start in starts])
        into.reset(joining)
        out_of.reset(joining)
        column, into = codec.encode_step(pcm[:, t * 1920 : (t + 1) * 1920], into)
        frame, out_of = codec.decode_step(column, out_of)
        codes.append(column)
        sound.append(frame)
    for slot, start in enumerate(starts):
        offline = codec.encode(pcm[slot : slot + 1, start * 1920 :])
        assert torch.equal(torch.stack(codes[start:], 1)[slot : slot + 1], offline)
        assert_close(torch.cat(sound[start:], 1)[slot : slot + 1], codec.decode(offline), atol=1e-5, rtol=0)


def test_overlapping_windows_of_a_constant_sum_to_it() -> None:
    window = torch.hann_window(960) ** 2 / 1.5
    out, _ = overlap_add(window.expand(1, 20, -1), 240, torch.zeros(1, 720))
    assert_close(out[0, 720:], torch.ones(20 * 240 - 720), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1000), (1, 0), (1920,)])
def test_refuses_sound_off_the_grid(codec: EmbeddedCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="multiple of 1920"):
        codec.encode(torch.zeros(shape))


def test_refuses_codes_of_another_codec(codec: EmbeddedCodec) -> None:
    with pytest.raises(ShapeError, match="codes must be"):
        codec.decode(torch.zeros(1, 2, 5, dtype=torch.int64))


def test_saved_and_loaded_it_is_the_same_codec(codec: EmbeddedCodec, tmp_path: Path) -> None:
    kept = rounded(codec)
    save_codec(kept, tmp_path)
    again = load_codec(tmp_path)
    assert again.fingerprint == kept.fingerprint != codec.fingerprint
    pcm = 0.1 * torch.randn(1, 3 * 1920)
    assert torch.equal(again.encode(pcm), kept.encode(pcm))


def test_damaged_files_are_refused(codec: EmbeddedCodec, tmp_path: Path) -> None:
    save_codec(codec, tmp_path)
    config = json.loads((tmp_path / "codec.json").read_text())
    (tmp_path / "codec.json").write_text(json.dumps(config | {"colour": 1}))
    with pytest.raises(CheckpointError, match="unknown keys colour"):
        load_codec(tmp_path)
    (tmp_path / "codec.json").write_text(json.dumps(config))
    (tmp_path / "codec-00.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot open the codec"):
        load_codec(tmp_path)
    with pytest.raises(CheckpointError):
        load_codec(tmp_path / "nowhere")
