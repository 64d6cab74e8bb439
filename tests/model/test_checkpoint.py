"""A model's folder carries its picture encoder and its tokenizer: saved, opened, checked, and used by the engine."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import roboego
from decoders import SENTENCES, bytes_tokenizer
from roboego.errors import CheckpointError
from roboego.model.checkpoint import save_model
from roboego.model.foreign.decoder import text_layout
from roboego.model.foreign.text import DecoderTokenizer, ForeignTokenizer
from roboego.model.loaded import LoadedModel
from roboego.perception.files import save_vit
from roboego.perception.latest import encoder
from roboego.runtime.engine import Engine
from saved import save
from tiny import LIVELY, TINY_GLANCE, TINY_VIT, WINDOW, glancing_loaded, seeing_loaded, tiny_config, tiny_loaded, tiny_vit


def test_a_model_that_sees_survives_a_round_trip(tmp_path: Path) -> None:
    loaded = seeing_loaded()
    assert loaded.vision is not None
    folder = save(loaded, tmp_path / "seeing")
    again = roboego.load(folder)
    assert again.vision is not None
    assert again.vision.config == TINY_VIT
    assert again.vision.fingerprint == loaded.vision.fingerprint
    assert again.model.config == loaded.model.config
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for a, b in zip(encoder(again.vision)(picture), encoder(loaded.vision)(picture), strict=True):
        assert_close(a, b, atol=0.05, rtol=0.05)
    # What is saved again is the same.
    assert roboego.load(save(again, tmp_path / "twice")).vision.fingerprint == loaded.vision.fingerprint  # type: ignore[union-attr]
    assert next(roboego.load(folder, dtype=torch.bfloat16).vision.parameters()).dtype == torch.bfloat16  # type: ignore[union-attr]


def test_a_model_that_glances_survives_a_round_trip(tmp_path: Path) -> None:
    loaded = glancing_loaded()
    again = roboego.load(save(loaded, tmp_path / "glancing"))
    assert again.model.config.glance == TINY_GLANCE
    state, expected = again.model.state_dict(), loaded.model.state_dict()
    names = [name for name in state if name.startswith("glance.")]
    assert "glance.gate" in names
    for name in names:
        assert_close(state[name], expected[name], atol=1e-2, rtol=1e-2)


def test_a_model_without_sight_has_no_encoder(tmp_path: Path) -> None:
    folder = save(tiny_loaded(), tmp_path / "blind")
    assert not (folder / "vision").exists()
    assert roboego.load(folder).vision is None
    # Folders of before there were encoders.
    config = json.loads((folder / "config.json").read_text())
    del config["vision"]
    (folder / "config.json").write_text(json.dumps(config))
    assert roboego.load(folder).vision is None


def test_the_engine_sees_with_the_models_own_encoder(tmp_path: Path) -> None:
    loaded = roboego.load(save(seeing_loaded(), tmp_path / "seeing"))
    assert loaded.vision is not None
    picture = np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8)
    vector = encoder(loaded.vision)(picture)[0]
    with Engine(loaded, see_in_background=False) as engine:

        def run(look: np.ndarray | torch.Tensor | None) -> list[list[int]]:
            with engine.open(sampling=LIVELY) as session:
                frames = [session.step(look=look if t == 1 else None) for t in range(8)]
            return [[frame.token, *frame.codes.tolist()] for frame in frames]

        assert run(picture) == run(vector) != run(None)


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    folder = save(seeing_loaded(), tmp_path / "seeing")
    save_vit(tiny_vit(1), folder / "vision")
    with pytest.raises(CheckpointError, match="restore its vision folder"):
        roboego.load(folder)
    (folder / "vision" / "vit.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot open the picture encoder"):
        roboego.load(folder)


@pytest.mark.parametrize(
    ("fields", "window", "message"),
    [
        ({"vision_width": 0}, WINDOW, "does not see"),
        ({"vision_width": 12}, WINDOW, "width 12"),
        ({"vision_width": 8, "context_width": 12}, WINDOW, "8 and 12"),
        ({"vision_width": 8, "glance": replace(TINY_GLANCE, token_width=12)}, WINDOW, "8 and 12"),
        ({"vision_width": 8, "glance": replace(TINY_GLANCE, tokens=9)}, WINDOW, "pictures of 9 tokens, its picture encoder makes 4"),
        ({"vision_width": 8, "context_width": 8}, 4, "a window of 4 positions, too few for a picture of 4 tokens"),
    ],
    ids=["none", "vector", "context", "glance's width", "glance's tokens", "window"],
)
def test_an_encoder_that_does_not_fit(fields: dict[str, Any], window: int, message: str, tmp_path: Path) -> None:
    loaded = replace(tiny_loaded(tiny_config(looks=True, window=window, model=fields)), vision=tiny_vit())
    with pytest.raises(CheckpointError, match=message):
        save_model(loaded, tmp_path / "model")
    with pytest.raises(CheckpointError, match=message):
        Engine(loaded)


def decoders_loaded() -> LoadedModel:
    """A model with the vocabulary of a foreign decoder."""
    tokenizer = DecoderTokenizer(bytes_tokenizer().to_str())
    return replace(tiny_loaded(tiny_config(text=text_layout(350), model={"caption_head": True})), tokenizer=tokenizer)


def test_a_model_with_the_tokenizer_of_a_decoder_survives_a_round_trip(tmp_path: Path) -> None:
    loaded = decoders_loaded()
    again = roboego.load(save(loaded, tmp_path / "model"))
    assert isinstance(again.tokenizer, DecoderTokenizer)
    assert loaded.tokenizer is not None
    assert again.tokenizer.fingerprint == loaded.tokenizer.fingerprint
    assert again.tokenizer.decode(again.tokenizer.encode(SENTENCES[0])) == SENTENCES[0]
    assert again.model.config == loaded.model.config
    twice = save(again, tmp_path / "twice")
    for name in ("config.json", "tokenizer.json"):
        assert (twice / name).read_bytes() == (tmp_path / "model" / name).read_bytes()
    with Engine(again) as engine, engine.open(sampling=LIVELY) as session:
        session.say(SENTENCES[0])
        frames = [session.step() for _ in range(12)]
    assert "".join(frame.text for frame in frames).strip().startswith(SENTENCES[0])
    plain = replace(loaded, tokenizer=ForeignTokenizer(bytes_tokenizer().to_str()))
    with pytest.raises(CheckpointError, match="the decoder they stand on"):
        save_model(plain, tmp_path / "plain")


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = save(decoders_loaded(), tmp_path / "model")
    other = bytes_tokenizer(SENTENCES[:2])
    other.save(str(folder / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="not the one the model was trained with"):
        roboego.load(folder)
    # Nor is it taken for one of ours, or one of ours for it.
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "tokenizer"}))
    with pytest.raises(CheckpointError, match="not one of RoboEgo's"):
        roboego.load(folder)
    ours = save(tiny_loaded(), tmp_path / "ours")
    assert "tokenizer" not in json.loads((ours / "config.json").read_text())
