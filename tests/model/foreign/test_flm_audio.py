"""FLM-Audio's format: numbers of the released model code, its streaming rules, and folders that cannot be opened."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from roboego.errors import CheckpointError
from roboego.model.foreign.flm_audio import SAMPLING, load_flm_audio
from roboego.model.model import Batch, RoboEgoModel, StepInput
from roboego.model.rollout import roll_out, step_settings
from roboego.model.sampling import Sampling, StreamSampling
from roboego.streams.pointer import is_piece

GOLDEN = Path(__file__).parents[2] / "golden" / "flm_audio"
FOLDERS = [GOLDEN, *([Path(os.environ["ROBOEGO_FLM_GOLDEN"])] if os.environ.get("ROBOEGO_FLM_GOLDEN") else [])]
GREEDY = Sampling(speak=StreamSampling())


def step_tokens(io: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([io["text_ids"][..., None], io["speak_ids"], io["listen_ids"]], -1)


def edited(folder: Path, *, config: dict[str, Any] | None = None, tensors: dict[str, torch.Tensor | None] | None = None) -> Path:
    """A copy of the fixture with some values changed; None removes a tensor."""
    folder.mkdir(parents=True)
    values = json.loads((GOLDEN / "config.json").read_text()) | (config or {})
    (folder / "config.json").write_text(json.dumps(values))
    state = load_file(GOLDEN / "model.safetensors") | (tensors or {})
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, folder / "model.safetensors")
    return folder


def heard(model: RoboEgoModel, frames: int, slots: int = 1) -> torch.Tensor:
    sound = model.config.layout.listen
    return torch.randint(sound.entries, (slots, frames, sound.codebooks), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_numbers_equal_the_released_codes(folder: Path) -> None:
    model = load_flm_audio(folder)
    io = load_file(folder / "io.safetensors")
    hidden = model.hidden_from_tokens(step_tokens(io))
    assert_close(hidden, io["hidden"], atol=1e-4, rtol=0)
    assert_close(model.text_logits(hidden), io["text_logits"], atol=1e-4, rtol=0)
    depth = model.speech(io["hidden"].flatten(0, 1), None, io["depth_codes"])
    assert_close(depth, io["depth_logits"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_frame_by_frame_equals_the_released_code(folder: Path) -> None:
    model = load_flm_audio(folder)
    io = load_file(folder / "io.safetensors")
    tokens = step_tokens(io)
    state = model.backbone.initial_state(len(tokens))
    steps = []
    for t in range(tokens.shape[1]):
        h, state = model.backbone.step(model.fusion(tokens[:, t]), state)
        steps.append(h)
    assert_close(torch.stack(steps, 1), io["hidden"], atol=1e-4, rtol=0)

    h, layout = io["hidden"].flatten(0, 1), model.config.layout.speak
    assert_close(model.speech(h, None, io["depth_codes"]), io["depth_logits"], atol=1e-4, rtol=0)
    for native in (False, True):
        depth, greedy = model.speech.initial_state(len(h), native=native), step_settings(model, [GREEDY] * len(h)).speak
        past = torch.zeros(len(h), 64, layout.codebooks, dtype=torch.int64)
        codes = depth.speak(h, None, greedy, None, past, torch.full((len(h),), 99), layout)
        assert_close(torch.stack(depth.results, 1), model.speech(h, None, codes), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("first_listen", "window"), [(False, None), (True, None), (False, 24)])
def test_engine_steps_equal_the_whole_grid(first_listen: bool, window: int | None) -> None:
    """Also past the wrap of the ring: what a greedy run put out is what the whole grid's logits say."""
    model = load_flm_audio(GOLDEN, first_listen=first_listen, window=window)
    layout, listen, frames = model.config.layout, heard(load_flm_audio(GOLDEN), 40, 2), 40
    wait = torch.full((2, frames), layout.text.wait)
    state = model.initial_state(2)
    settings = step_settings(model, [GREEDY] * 2)
    texts, raws = [], []
    for t in range(frames):
        out, state = model.step(StepInput(listen[:, t], wait[:, t], torch.full((2,), -1)), state, settings)
        texts.append(out.text)
        raws.append(out.raw_speak)
    text, raw = torch.stack(texts, 1), torch.stack(raws, 1)
    # Codes of one frame: each codebook was sampled `delay` steps after it.
    speak = torch.stack([raw[:, :, k].roll(-delay, 1) for k, delay in enumerate(layout.speak.delays)], -1)
    logits = model(Batch(text=text, read=wait, speak=speak, listen=listen, spoken=wait, act=torch.zeros(2, frames, 0)))
    assert torch.equal(logits.text.argmax(-1), text)
    best = logits.speak[..., : layout.speak.entries].argmax(-1)
    assert torch.equal(best[:, 1:], raw[:, 1:])
    assert torch.equal(best[:, 0, 0], raw[:, 0, 0])


def test_first_steps_are_given_waits_pads_and_delayed_codes() -> None:
    model = load_flm_audio(GOLDEN)
    listen = heard(model, 3)
    given: list[torch.Tensor] = []
    model.fusion.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0][0]))
    out = roll_out(model, listen, torch.full((1, 3), 299), sampling=GREEDY)
    pad = [32] * 8
    assert given[0].tolist() == [299, *pad, *pad]
    assert given[1][0] == out.text[0, 0]
    # In step 0 the upper codebooks of speech belong to no frame.
    assert given[1][2:9].tolist() == pad[1:]
    assert given[1][9:].tolist() == [int(listen[0, 1, 0]), *listen[0, 0, 1:].tolist()]
    assert given[2][9:].tolist() == [int(listen[0, 2, 0]), *listen[0, 1, 1:].tolist()]
    assert given[2][0] == out.text[0, 1]


def test_released_engines_first_listening_code_can_be_had() -> None:
    model = load_flm_audio(GOLDEN, first_listen=True)
    listen = heard(model, 1)
    given: list[torch.Tensor] = []
    model.fusion.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0][0]))
    roll_out(model, listen, torch.full((1, 1), 299), sampling=GREEDY)
    assert given[0].tolist() == [299, *[32] * 8, int(listen[0, 0, 0]), *[32] * 7]


def test_special_codes_are_never_sampled_as_sound(tmp_path: Path) -> None:
    heads = {f"aud_output_layers.lm_heads.{k}.weight": torch.zeros(34, 32) for k in range(8)}
    for weight in heads.values():
        weight[:32] = -10 * torch.rand(32, 32)
    model = load_flm_audio(edited(tmp_path / "eager", tensors=heads))
    out = roll_out(model, heard(model, 20), torch.full((1, 20), 299), sampling=SAMPLING)
    assert out.speak[:, 1:].max() < 32
    # The first complete frame is that of step 0, put out in step 1.
    assert out.speak[0, 0].tolist() == [32] * 8


def test_sampling_defaults_are_the_released_engines() -> None:
    text, speak = SAMPLING.text, SAMPLING.speak
    assert (text.temperature, text.repetition_penalty, text.top_p, text.penalty_frames) == (0.01, 1.03, 0.9, 50)
    assert (speak.temperature, speak.repetition_penalty, speak.top_p, speak.penalty_frames) == (0.5, 1.2, 0.9, 50)
    assert speak.penalized_codebooks == 4
    assert text.top_k == speak.top_k == 0


def test_waits_and_special_ids_are_no_words() -> None:
    layout = load_flm_audio(GOLDEN).config.layout.text
    assert is_piece(torch.tensor([0, 295, 296, 297, 299]), layout).tolist() == [True, True, False, False, False]


def test_window_is_what_the_model_was_trained_for_unless_asked() -> None:
    assert load_flm_audio(GOLDEN).config.backbone.window == 512
    assert load_flm_audio(GOLDEN, window=64).config.backbone.window == 64
    with pytest.raises(CheckpointError, match="512 positions"):
        load_flm_audio(GOLDEN, window=513)


def test_mup_scales(tmp_path: Path) -> None:
    model = load_flm_audio(edited(tmp_path / "mup", config={"use_mup": True}))
    plain = load_flm_audio(GOLDEN)
    tokens = step_tokens(load_file(GOLDEN / "io.safetensors"))[0]
    assert_close(model.fusion(tokens), 1.5 * plain.fusion(tokens))
    hidden = torch.randn(3, 64)
    assert_close(model.text_logits(hidden), plain.text_logits(hidden) * 2.0 / 4.0)


def test_shards(tmp_path: Path) -> None:
    state = load_file(GOLDEN / "model.safetensors")
    names = sorted(state)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: state[name] for name in part}, tmp_path / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    shutil.copy(GOLDEN / "config.json", tmp_path)
    whole, sharded = load_flm_audio(GOLDEN), load_flm_audio(tmp_path)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, sharded.state_dict()[name])


@pytest.mark.parametrize(
    ("config", "tensors", "message"),
    [
        ({"model_type": "qwen2"}, {}, "open it with roboego.load"),
        ({"hidden_act": "gelu"}, {}, "silu"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, {}, "yarn"),
        ({"hidden_size": "64"}, {}, "must be of type int"),
        ({"hidden_size": None}, {}, "lacks 'hidden_size'"),
        ({"vocab_size": 301}, {}, r"text_embeddings.*\[300, 64\].*\[301, 64\]"),
        ({"mm_token_info": {"text_wait_token_id": 299, "aud_pad_token_id": 32, "aud_emp_token_id": 34}}, {}, "outside their vocab"),
        ({"aud_depthgpt": {"n_layer": 2, "n_head": 4, "n_embd": 32}}, {}, "RMSNorm"),
        ({}, {"model.norm.weight": None}, "lacks the tensor model.norm.weight"),
        ({}, {"model.extra.weight": torch.zeros(1)}, "model.extra.weight"),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor | None], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_flm_audio(edited(tmp_path / "edited", config=config, tensors=tensors))


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config.json does not exist"):
        load_flm_audio(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot read"):
        load_flm_audio(tmp_path)
    shutil.copy(GOLDEN / "config.json", tmp_path)
    with pytest.raises(CheckpointError, match=r"neither model.safetensors"):
        load_flm_audio(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((GOLDEN / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_flm_audio(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled"):
        load_flm_audio(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../b.safetensors"}}))
    with pytest.raises(CheckpointError, match="outside its folder"):
        load_flm_audio(tmp_path)
