"""The experiment on organization: a model that takes turns with itself as its grids have it, likelihoods, transplanted weights."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from roboego.errors import InputError
from roboego.evaluation.organization import likelihood
from roboego.evaluation.time_division import TimeDivisionPartner
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel, StepInput, StepOutput
from roboego.model.sampling import StepSettings
from roboego.model.state import ModelState
from roboego.recipes import organization
from roboego.streams.grid import empty_grid
from roboego.timebase import FRAME_SAMPLES
from roboego.training.lesson import collate
from tests.tiny import tiny_config, tiny_loaded, tiny_model, tiny_tokenizer

CHUNK, CHUNKS = 3, 4
TURNS = tiny_config(window=600, model={"spoken_head": False, "caption_head": True})


@dataclass
class Column:
    """What a step was given of the outputs before it, and what it put out."""

    listen: torch.Tensor
    speak_before: torch.Tensor
    caption_before: int
    text: int
    speak: torch.Tensor


def talked(loaded: LoadedModel, sound: np.ndarray) -> list[Column]:
    """The columns of a conversation beside another one, which ends before it."""
    columns: list[Column] = []
    step = loaded.model.step

    def recorded(given: StepInput, state: ModelState, settings: StepSettings) -> tuple[StepOutput, ModelState]:
        before = state.speak[0].clone(), int(state.caption[0])
        out, after = step(given, state, settings)
        if given.active is not None and given.active[0]:
            columns.append(Column(given.listen[0], *before, int(out.text[0]), out.speak[0]))
        return out, after

    with pytest.MonkeyPatch.context() as patch, TimeDivisionPartner(loaded, CHUNK, slots=2).open(2) as talks:
        patch.setattr(loaded.model, "step", recorded)
        frames = [talks.step({0: s} if t >= CHUNK * 2 else {0: s, 1: -s}) for t, s in enumerate(sound)]
    assert all(frame[0].is_silent for frame in frames[: CHUNK - 1])
    return columns


def test_in_turns_it_writes_and_says_what_it_would_with_a_teacher() -> None:
    loaded, layout = tiny_loaded(TURNS, seed=3), TURNS.layout
    sound = np.random.default_rng(0).normal(0, 0.2, (CHUNK * CHUNKS, FRAME_SAMPLES)).astype(np.float32)
    columns = talked(loaded, sound)
    grid = empty_grid(layout, len(columns))
    assert layout.text.duplex is not None
    grid.read[0] = layout.text.duplex
    captions = np.full(len(columns), layout.text.wait)
    for t, column in enumerate(columns):
        grid.listen[t], grid.text[t], grid.speak[t] = column.listen, column.text, column.speak
    for t, column in enumerate(columns[1:]):
        grid.speak[t], captions[t] = column.speak_before, column.caption_before
    hears = (grid.listen != layout.listen.pad_id).any(1)
    assert hears.sum() == CHUNK * CHUNKS
    assert (grid.speak[hears] == layout.speak.pad_id).all()
    assert (grid.text[hears] == layout.text.wait).all()
    assert (captions[~hears] == layout.text.wait).all()

    batch, _ = collate([grid])
    batch.caption = torch.from_numpy(captions)[None]
    logits = loaded.model(batch)
    written = torch.from_numpy(grid.text != layout.text.wait)
    assert written.any()
    assert torch.equal(logits.text[0].argmax(-1)[written], batch.text[0][written])
    said = (grid.speak != layout.speak.pad_id).any(1)
    assert said.sum() == CHUNK * CHUNKS
    assert torch.equal(logits.speak[0, said, :, : layout.speak.entries].argmax(-1), batch.speak[0, said])


def test_a_pointer_has_no_place_in_turns() -> None:
    with pytest.raises(InputError, match="pointer"):
        TimeDivisionPartner(tiny_loaded(), CHUNK)


def test_likelihood_is_of_words_alone() -> None:
    model = tiny_model(tiny_config(model={"tied_head": False}))
    assert model.text_head is not None
    model.text_head.weight.zero_()
    text = model.config.layout.text
    grid = empty_grid(model.config.layout, 10)
    grid.text[2:6] = text.first_word + np.arange(4)
    tokenizer = tiny_tokenizer()
    found = likelihood(model, [grid, grid], [grid, grid], lambda token: token % 2 == 0)
    assert found["words"] == 2 * sum(t % 2 == 0 for t in range(text.first_word, text.first_word + 4))
    # Equal logits: each piece is as likely as any other piece of words, special tokens aside.
    assert found["nats_a_word"] == pytest.approx(8 / found["words"] * np.log(len(tokenizer) - text.first_word), rel=1e-5)


def test_transplanted_weights_compute_the_same_where_nothing_is_missing() -> None:
    source = tiny_model(tiny_config())
    same = organization.transplanted(source, replace(source.config, layout=replace(source.config.layout, spk_delay=5)))
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), same.parameters(), strict=True))
    less = organization.transplanted(source, replace(source.config, spoken_head=False))
    assert isinstance(less, RoboEgoModel)
    assert less.spoken_head is None
    name = f"listen.{source.config.layout.listen.codebooks - 1}"
    assert torch.equal(less.fusion.stream_table(less.config, name), source.fusion.stream_table(source.config, name))


@pytest.mark.parametrize("name", list(organization.VARIANTS))
def test_variants_differ_in_their_layout_alone(name: str) -> None:
    run, usual = organization.run(name, 10, "nano-post"), organization.run("text-first-2", 10, "nano-post")
    assert run.pools == usual.pools
    assert run.loop == usual.loop
    assert run.stage.frames == usual.stage.frames * (2.4 if name == "time-division" else 1) // 1
    assert run.model.layout.spk_delay == organization.VARIANTS[name].spk_delay
    assert run.name == f"organization-{name}-from-nano-post"
