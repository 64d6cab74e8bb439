"""Training of the codec: phone targets, the quantizer's moving averages, and a tiny codec that gets better."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.data.alignment.phones import PHONES, phone_classes
from roboego.data.alignment.recognizer import PhoneRecognizer, mel_matrix
from roboego.data.speech_bank import BankJob, make_shard
from roboego.data.voices.base import TimedPhone
from roboego.errors import CheckpointError, InputError
from roboego.training.codec import CodecTask
from roboego.training.codec_crops import CodecTraining
from roboego.training.codec_decoder import DecoderTask
from roboego.training.codec_hearing import HearingTask, with_hearing
from roboego.training.codec_losses import SpectralLoss
from roboego.training.hearing_pairs import HearingTraining, Pairs
from roboego.training.loop import LoopConfig, train
from roboego.training.phone_recognizer import FeatureLoss, RecognizerTask, RecognizerTraining
from tests.data.small import SMALL_CODEC
from tests.training.interrupted import assert_equal_weights, interrupt


def text(rng: np.random.Generator) -> str:
    return str(rng.choice(["the red cube.", "a blue ball.", "count to ten, please."]))


def bank(folder: Path) -> Path:
    make_shard(BankJob(folder=folder, name="words-heart", voice="heart", source=text, shard=0, sentences=8))
    return folder


def test_stress_belongs_to_the_phone_after_it_and_pauses_are_silence() -> None:
    phones = (
        TimedPhone(symbol="", start=0, end=100),
        TimedPhone(symbol="ˈ", start=100, end=150),
        TimedPhone(symbol="b", start=150, end=300),
    )
    found = phone_classes(phones, np.array([-5, 50, 120, 200, 400]))
    b = PHONES.index("b") + 1
    assert found.tolist() == [0, 0, b, b, 0]
    assert (phone_classes((), np.array([1, 2])) == -100).all()


def test_spectral_loss_is_zero_for_equal_sounds_and_grows_with_difference() -> None:
    loss, x = SpectralLoss(), 0.1 * torch.randn(2, 4_800, generator=torch.Generator().manual_seed(0))
    assert float(loss(x, x)) == 0.0
    assert float(loss(0.5 * x, x)) < float(loss(0.1 * x, x))
    in_turn = [float(loss(0.5 * x, x, step)) for step in range(2)]
    assert sum(in_turn) / 2 == pytest.approx(float(loss(0.5 * x, x)), rel=1e-5)
    assert (mel_matrix(257, 48).sum(0) > 0).all()


def test_a_tiny_codec_learns_and_an_interrupted_run_is_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = CodecTraining(
        folder=bank(tmp_path / "speech"), shares=(("words-heart", 1.0),), crops=2, crop_frames=6, validation_sentences=2
    )
    loop = LoopConfig(steps=16, learning_rate=3e-3, warmup=2, validate_every=8, checkpoint_every=8, log_every=4)
    recognizer = RecognizerTask([], RecognizerTraining()).module
    whole, first, again = (CodecTask(SMALL_CODEC, training, recognizer) for _ in range(3))
    quiet = Console(quiet=True)
    before = whole.validate(0)["words-heart"]
    train(whole, loop, tmp_path / "whole", console=quiet)
    assert whole.validate(16)["words-heart"] < before
    interrupt(first, 9, monkeypatch)
    assert train(first, loop, tmp_path / "parts", console=quiet) == 10
    assert train(again, loop, tmp_path / "parts", console=quiet) == 16
    assert_equal_weights([whole.module], [again.module])
    assert torch.equal(whole.quantizer.count_KE, again.quantizer.count_KE)
    assert torch.equal(whole.quantizer.sum_KEW, again.quantizer.sum_KEW)


def test_a_decoder_learns_alone_and_codes_stay(tmp_path: Path) -> None:
    training = CodecTraining(
        folder=bank(tmp_path / "speech"), shares=(("words-heart", 1.0),), crops=2, crop_frames=6, validation_sentences=2
    )
    torch.manual_seed(0)
    codec, other = EmbeddedCodec(SMALL_CODEC), EmbeddedCodec(SMALL_CODEC)
    task = DecoderTask(codec, training)
    before, fingerprint = task.validate(0)["words-heart"], codec.fingerprint
    loop = LoopConfig(steps=16, learning_rate=3e-3, warmup=2, validate_every=8, checkpoint_every=8, log_every=4)
    train(task, loop, tmp_path / "run", console=Console(quiet=True))
    assert task.validate(16)["words-heart"] < before
    assert codec.fingerprint == fingerprint
    with pytest.raises(CheckpointError, match="remove its folder"):
        train(DecoderTask(other, training), loop, tmp_path / "run", console=Console(quiet=True))


def test_hearing_learns_from_voices_in_noise_and_codes_of_speech_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = HearingTraining(
        folder=bank(tmp_path / "speech"), shares=(("words-heart", 1.0),), changed=("words-heart",), crops=3, crop_frames=16,
        validation_sentences=2,
    )  # fmt: skip
    torch.manual_seed(0)
    codec = EmbeddedCodec(SMALL_CODEC)
    with pytest.raises(InputError, match="with_hearing"):
        HearingTask(codec, training)
    whole, first, again = (HearingTask(with_hearing(codec), training) for _ in range(3))
    assert whole.validate(0)["clean_1"] == 1.0
    batch = whole.batch(100)
    before, _ = whole.loss(batch, 0)
    loop = LoopConfig(steps=16, learning_rate=3e-3, warmup=2, validate_every=16, checkpoint_every=8, log_every=4, autocast="float32")
    train(whole, loop, tmp_path / "whole", console=Console(quiet=True))
    assert whole.loss(batch, 0)[0].item() < before.item()
    assert whole.codec.speech_fingerprint == codec.fingerprint
    interrupt(first, 9, monkeypatch)
    assert train(first, loop, tmp_path / "parts", console=Console(quiet=True)) == 10
    assert train(again, loop, tmp_path / "parts", console=Console(quiet=True)) == 16
    assert_equal_weights([whole.module], [again.module])
    torch.manual_seed(1)
    with pytest.raises(CheckpointError, match="remove its folder"):
        train(HearingTask(with_hearing(EmbeddedCodec(SMALL_CODEC)), training), loop, tmp_path / "parts", console=Console(quiet=True))


def test_a_voice_and_what_is_heard_of_it_last_equally_long(tmp_path: Path) -> None:
    pairs = Pairs(HearingTraining(folder=bank(tmp_path), shares=(("words-heart", 1.0),), crops=8, crop_frames=12, silent=0.3))
    heard, alone = pairs[3]
    assert heard.shape == alone.shape == (8, 12 * 1920)
    assert torch.equal(heard, pairs[3][0])
    assert not torch.equal(heard, alone)
    assert any(torch.equal(h, a) for h, a in zip(heard, alone, strict=True))


def test_feature_loss_compares_what_a_recognizer_sees() -> None:
    loss = FeatureLoss(PhoneRecognizer(width=16))
    x = 0.1 * torch.randn(1, 6_000, generator=torch.Generator().manual_seed(0))
    assert float(loss(x, x)) == 0.0
    noisy = (x + 0.05 * torch.randn_like(x)).requires_grad_()
    loss(noisy, x).backward()
    assert noisy.grad is not None
    assert noisy.grad.abs().sum() > 0
