"""A run's checkpoint as a model folder, with its card."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import roboego
from roboego.codecs.embedded.files import rounded, save_codec
from roboego.errors import InputError
from roboego.model.model import RoboEgoModel
from roboego.recipes import card, nano
from roboego.recipes.export import export
from roboego.recipes.nano_data import Places
from roboego.training.checkpoint import save_state
from tiny import tiny_codec, tiny_config, tiny_model, tiny_tokenizer

RATE = {"rate": 0.9, "of": 200, "interval": [0.85, 0.94]}
WER = {"wer": 0.071, "interval": [0.05, 0.09], "sentences": 100, "words": 700}
FIGURES = {
    "talk": {
        "answered_right": RATE,
        "took_floor_early": RATE,
        "silences_kept": {"rate": None, "of": 0},
        "latency_s": {"median": 0.52, "p90": 0.9},
    },
    "asr": {"training": WER, "unseen": WER, "voices": {"joe": WER, "nezumi": WER}},
    "tts": {"model": WER, "teacher": WER},
    "codec": {"heart": {"points": 1.8}},
}


def test_a_checkpoint_becomes_a_folder_that_opens(tmp_path: Path) -> None:
    model = tiny_model(tiny_config())
    run = replace(nano.sft(), model=model.config)
    places = Places(root=tmp_path)
    with pytest.raises(InputError, match="train it first"):
        export(run, places, tmp_path / "out", {})
    save_codec(rounded(tiny_codec()), places.tools / "codec")
    tiny_tokenizer().save(places.tools / "tokenizer.json")
    save_state(tmp_path / run.name / "step-00000040", {"step": 40, "module": model.state_dict()})
    told = export(run, places, tmp_path / "out", FIGURES)
    assert told["step"] == 40
    loaded = roboego.load(tmp_path / "out")
    assert loaded.sampling == nano.sampling()
    assert loaded.card == (tmp_path / "out" / "README.md").read_text()
    for name, tensor in loaded.model.state_dict().items():
        assert_close(tensor, model.state_dict()[name].to(torch.bfloat16).float())


def test_several_checkpoints_become_their_mean(tmp_path: Path) -> None:
    models = [tiny_model(tiny_config(), seed=seed) for seed in range(3)]
    run, places = replace(nano.sft(), model=models[0].config), Places(root=tmp_path)
    save_codec(rounded(tiny_codec()), places.tools / "codec")
    tiny_tokenizer().save(places.tools / "tokenizer.json")
    for i, model in enumerate(models):
        save_state(tmp_path / run.name / f"step-0000004{i}", {"step": 40 + i, "module": model.state_dict()})
    assert export(run, places, tmp_path / "out", {}, average=2)["step"] == 42
    loaded = roboego.load(tmp_path / "out")
    assert "the mean of its last 2 checkpoints" in loaded.card
    for name, tensor in loaded.model.state_dict().items():
        mean = (models[1].state_dict()[name] + models[2].state_dict()[name]) / 2
        assert_close(tensor, mean.to(torch.bfloat16).float(), rtol=1e-2, atol=1e-5)
    with pytest.raises(InputError, match="fewer than the 4"):
        export(run, places, tmp_path / "out", {}, average=4)


def test_a_card_tells_commands_and_what_is_done_at_the_table() -> None:
    run = replace(nano.whole(), model=nano.whole_model())
    acted = {"do": {"by_verb": {"pick_up": RATE}}, "stop": {"rested": RATE}, "impossible": {"both": RATE}, "wrong": []}
    figures = FIGURES | {
        "vqa": {"answered_right": RATE, "by_topic": {"color": RATE}, "without_picture": {"answered_right": RATE}},
        "action": acted,
        "sense": {"all": {"answered_right": RATE}, "wrong": []},
        "conflict": {"frozen": {"safe": RATE}, "left_out": []},
        "commands": {"vqa": "--suite vqa --count 300"},
    }
    text = card.text(run, RoboEgoModel(run.model), 10, figures)
    for part in (
        "| the same, color | 90.0% (85.0% to 94.0%, 200 cases) | `roboego eval nano --suite vqa --count 300` |",
        "| done when asked aloud: pick up | 90.0%",
        '| arm at rest within 400 ms of "stop" | 90.0% (85.0% to 94.0%, 200 cases) | `roboego eval nano --suite action` |',
        "what is felt, told rightly with all",
        "the safe course, frozen",
        "moves an arm at once",
        "exchanges about pictures 2",
    ):
        assert part in text
    assert "see or act yet" not in text


def test_a_card_names_what_was_measured_and_what_was_not() -> None:
    run = replace(nano.post_training(), model=nano.tiny())
    model = RoboEgoModel(run.model)
    empty, full = card.text(run, model, 10, {}), card.text(run, model, 10, FIGURES, note="Begun from another run.")
    assert "\n\nBegun from another run.\n\n" in full
    assert "not measured" in empty
    assert "7.1% (5.0% to 9.0%, 700 words)" in full
    assert "0.52 s (p90 0.90 s)" in full
    assert "520 ms in the median" in full
    assert len(re.findall("not measured", full)) == 1
    assert "never heard in training" in full
    assert "8 codebooks of 512 at 12.5 frames a second (0.9 kbit/s)" in full
    assert "3 to 5 frames" in full
