"""The losses of a stage: rows, disturbances, and a tiny model that learns a few grids by heart."""

import itertools
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from roboego.errors import CheckpointError, InputError
from roboego.model.foreign.decoder import text_layout
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano
from roboego.recipes.dry_run import estimate, random_task
from roboego.recipes.start import helpers_of
from roboego.streams.grid import FrameGrid, Tokens, empty_grid
from roboego.streams.tokenizer import SPECIALS
from roboego.training.disturbance import Disturbance, disturb, misheard, sounding_alike, transcribed
from roboego.training.lesson import StageConfig, _onsets, collate
from roboego.training.loop import LoopConfig, train
from roboego.training.recalling import recalled
from roboego.training.rows import UNKNOWN, Mixture, Pool, tightened
from roboego.training.splicing import spliced
from roboego.training.stage import StageTask
from tests.training.interrupted import assert_equal_weights, interrupt

CALM = Disturbance(speech=0.0, listen=0.0, captions=0.0)


def grid(frames: int, seed: int) -> FrameGrid:
    """A reply of three words that Ego says after it was spoken to."""
    rng = np.random.default_rng(seed)
    made = empty_grid(nano.tiny().layout, frames)
    made.listen[:] = rng.integers(0, 512, made.listen.shape)
    made.speak[:] = 7
    made.read[0] = nano.text_layout().duplex or 0
    made.text[5:8] = rng.integers(40, 1000, 3)
    made.spoken[9:11], made.spoken[11:] = 1, 3
    made.speak[7:12] = rng.integers(0, 512, (5, 8))
    for weight in (made.text_weight, made.speak_weight, made.spoken_weight):
        weight[:] = 1
    return made


@cache
def grids() -> list[FrameGrid]:
    return [grid(20 + i, i) for i in range(4)]


def task(**config: object) -> StageTask:
    torch.manual_seed(0)
    stage = StageConfig(rows=3, frames=48, **config)  # type: ignore[arg-type]
    return StageTask(RoboEgoModel(nano.tiny()), Mixture([Pool(grids(), 1.0)]), stage, lambda model, step: {})


def test_rows_are_whole_grids_one_after_another() -> None:
    row = Mixture([Pool(grids(), 1.0)]).row(np.random.default_rng(0), 48).grid
    assert len(row) == 48
    starts = np.flatnonzero(row.read)
    assert starts[0] == 0
    assert len(starts) >= 2


def test_shares_are_of_frames() -> None:
    short, long = [grid(15, 0)], [grid(150, 1)]
    mixture = Mixture([Pool(short, 0.5), Pool(long, 0.5)])
    assert mixture.odds == pytest.approx([10 / 11, 1 / 11])


def test_exercises_lose_silence_and_nothing_else() -> None:
    layout = nano.layout()
    asr = empty_grid(layout, 60)
    asr.read[0], asr.text[30:33], asr.listen[:, 0] = layout.text.asr, 100, np.arange(60)
    tts = empty_grid(layout, 60)
    tts.read[0], tts.text[2:5], tts.speak[4:31] = layout.text.tts, 100, 7
    for grid, last in ((asr, 32), (tts, 30)):
        lengths = set()
        for seed in range(40):
            tight = tightened(grid, layout.text, np.random.default_rng(seed))
            lengths.add(len(tight))
            assert tight.read[0] == grid.read[0]
            assert (tight.text >= layout.text.first_word).sum() == 3
            assert (tight.speak[:, 0] == 7).sum() == (grid.speak[:, 0] == 7).sum()
            assert 2 <= len(tight) - 1 - max(np.flatnonzero(tight.text)[-1], *np.flatnonzero(tight.speak[:, 0] == 7)[-1:], 0) <= 8
        assert max(lengths) <= last + 9
        assert min(lengths) >= (14 + 3 + 2 if grid is asr else 33)
    heard = tightened(asr, layout.text, np.random.default_rng(0)).listen[1:, 0]
    assert (np.diff(heard) == 1).all()
    silent = empty_grid(layout, 20)
    assert len(tightened(silent, layout.text, np.random.default_rng(0))) == 20


def transcription(words: list[int], heard: int) -> FrameGrid:
    """Words of three frames each, written down four frames after they were heard; every frame heard has its own code."""
    made = empty_grid(nano.tiny().layout, 20 + 3 * len(words))
    made.read[0] = nano.text_layout().asr or 0
    made.listen[:, 0] = heard + np.arange(len(made))
    for i, word in enumerate(words):
        made.text[5 + 3 * (i + 1) + 4] = word
    made.text_weight[:] = 1
    return made


def test_spliced_words_follow_what_was_heard() -> None:
    layout = nano.text_layout()
    first, second = transcription([100, 101, 102, 103], 0), transcription([200, 201, 202, 203], 100)
    found = set()
    for seed in range(40):
        made = spliced(first, second, layout, 4, np.random.default_rng(seed))
        heard, words = made.listen[:, 0], made.text[made.text != layout.wait]
        cut = int(np.flatnonzero(np.diff(heard) != 1)[0])
        # What is heard before the cut ends with the last word of the first, and goes on after a word of the second.
        assert heard[cut] == 5 + 3 * (words < 200).sum() - 1
        assert heard[cut + 1] == 100 + 5 + 3 * (4 - (words >= 200).sum())
        assert made.read[0] == layout.asr
        assert (made.read[1:] == layout.wait).all()
        for frame in np.flatnonzero(made.text != layout.wait):
            word = int(made.text[frame])
            assert heard[frame - 4 - 1] == (word // 100 - 1) * 100 + 5 + 3 * (word % 100 + 1) - 1
        found.add(tuple(words))
    assert len(found) > 5
    assert spliced(first, empty_grid(nano.tiny().layout, 9), layout, 4, np.random.default_rng(0)) is first
    row = Mixture([Pool([first, second], 1.0)], layout, splices=0.9).row(np.random.default_rng(0), 400)
    words = row.grid.text[row.grid.text != layout.wait]
    assert any(b != a + 1 for a, b in itertools.pairwise(words) if a % 100 < 3)


def test_disturbed_inputs_leave_targets_alone() -> None:
    batch, _ = collate([g[slice(0, 20)] for g in grids()])
    noisy = disturb(batch, nano.tiny(), Disturbance(speech=0.5, listen=1.0), np.random.default_rng(0))
    assert not torch.equal(noisy.speak, batch.speak)
    assert (noisy.listen == 512).any()
    assert torch.equal(noisy.text, batch.text)
    calm = disturb(batch, nano.tiny(), CALM, np.random.default_rng(0))
    assert torch.equal(calm.speak, batch.speak)


def test_what_the_arm_did_before_is_that_of_other_frames() -> None:
    config = replace(nano.tiny(), layout=nano.whole_model().layout)
    batch, _ = collate([g[slice(0, 20)] for g in grids()])
    batch.act = torch.arange(batch.text.numel()).reshape(*batch.text.shape, 1).repeat(1, 1, 4) % 31
    given = disturb(batch, config, replace(CALM, acts=0.5), np.random.default_rng(0)).act
    assert 0.2 < (given != batch.act).any(-1).float().mean() < 0.8
    assert (given == given[..., :1]).all()
    assert torch.equal(disturb(batch, config, CALM, np.random.default_rng(0)).act, batch.act)


def test_codes_are_taken_for_others_that_sound_like_them() -> None:
    vectors = np.random.default_rng(1).normal(size=(8, 512, 3)).astype(np.float32)
    alike = sounding_alike(vectors, 4)
    nearest = np.linalg.norm(vectors[2, 5] - vectors[2], axis=1).argsort()
    assert alike[2, 5].tolist() == nearest[1:5].tolist()
    batch, _ = collate([g[slice(0, 20)] for g in grids()])
    batch.listen[0, 3] = nano.tiny().layout.listen.pad_id
    often = Disturbance(speech=0.0, listen=0.0, captions=0.0, alike=0.5)
    given = disturb(batch, nano.tiny(), often, np.random.default_rng(0), alike=alike).listen
    changed = given != batch.listen
    assert 0.1 < changed.float().mean() < 0.9
    assert not changed[0, 3].any()
    for place in changed.nonzero().tolist():
        row, frame, book = place
        assert int(given[row, frame, book]) in alike[book, int(batch.listen[row, frame, book])]
    assert torch.equal(disturb(batch, nano.tiny(), often, np.random.default_rng(0)).listen, batch.listen)


def test_what_nobody_hears_is_never_misheard() -> None:
    batch, _ = collate([g[slice(0, 20)] for g in grids()])
    batch.caption = torch.full_like(batch.text, nano.tiny().layout.text.first_word) + torch.arange(20)
    heard = np.zeros(batch.text.shape, bool)
    heard[0] = True
    given = disturb(batch, nano.tiny(), Disturbance(captions=0.5), np.random.default_rng(0), heard).caption
    assert given is not None
    assert torch.equal(given[1:], batch.caption[1:])
    assert not torch.equal(given[0], batch.caption[0])


def test_only_what_was_transcribed_is_misheard() -> None:
    layout = nano.tiny().layout.text
    read = torch.zeros(2, 400, dtype=torch.int64)
    read[0, 100], read[0, 300], read[1, 0] = layout.asr, layout.tts, layout.duplex
    text = torch.where(torch.arange(400) % 4 == 0, layout.first_word + torch.arange(400) % 50, layout.wait).expand(2, 400).contiguous()
    written = transcribed(read, layout)
    found = misheard(text, written, layout, Disturbance(captions=0.5), np.random.default_rng(3))
    changed = found != text
    assert not changed[1].any()
    assert not changed[0, :100].any()
    assert not changed[0, 300:].any()
    pieces = text[0, 100:300] != layout.wait
    assert 0.05 < changed[0, 100:300][pieces].float().mean() < 0.95
    assert torch.equal(found == layout.wait, text == layout.wait)


def test_captions_come_from_transcripts(tmp_path: Path) -> None:
    twins = [replace(g, text=np.full(len(g), 50 + i, np.int32)) for i, g in enumerate(grids())]
    mixture = Mixture([Pool(grids(), 0.5, twins), Pool(grids(), 0.5)])
    row = mixture.row(np.random.default_rng(1), 96)
    assert set(row.captions.tolist()) <= {UNKNOWN, 50, 51, 52, 53}
    assert (row.captions == UNKNOWN).any()
    assert (row.captions >= 50).any()
    with pytest.raises(InputError, match="4 grids have 3 transcripts"):
        Pool(grids(), 0.5, twins[:3])

    torch.manual_seed(0)
    stage = StageConfig(rows=3, frames=48, captions=2.0)
    learner = StageTask(RoboEgoModel(nano.tiny()), mixture, stage, lambda model, step: {})
    loop = LoopConfig(steps=2, learning_rate=1e-2, warmup=1, validate_every=2, checkpoint_every=2)
    train(learner, loop, tmp_path, console=Console(quiet=True))
    _, metrics = learner.loss(learner.batch(0), 0)
    assert metrics["captions"] > 0
    batch = learner.batch(0)
    assert batch.target.caption is not None
    assert torch.equal(batch.target.caption, batch.captions.clamp(min=0))


def test_captions_of_exercises_are_known() -> None:
    layout = nano.text_layout()
    heard, said, silent = transcription([100, 101], 0), grid(20, 0), grid(20, 1)
    said.read[0] = layout.tts or 0
    mixture = Mixture([Pool([heard], 1.0), Pool([said], 1.0), Pool([silent], 1.0, wordless=True)], layout)
    row = mixture.row(np.random.default_rng(0), 400)
    assert UNKNOWN not in row.captions
    assert set(row.captions.tolist()) == {layout.wait, 100, 101}
    assert set(row.grid.text.tolist()) > {layout.wait, 100, 101}


def test_a_run_begins_with_the_ear_of_the_one_before(tmp_path: Path) -> None:
    first, loop = eared(), LoopConfig(steps=2, learning_rate=1e-2, warmup=1, validate_every=2, checkpoint_every=2)
    train(first, loop, tmp_path, console=Console(quiet=True))
    assert helpers_of(tmp_path.name, tmp_path.parent).keys() == {"ear"}
    further = eared()
    assert first.ear is not None
    assert further.ear is not None
    assert not torch.equal(further.ear.out.weight, first.ear.out.weight)
    further.take_helpers(helpers_of(tmp_path.name, tmp_path.parent))
    assert torch.equal(further.ear.out.weight, first.ear.out.weight)
    with pytest.raises(CheckpointError, match="trains other parts"):
        train(task(), loop, tmp_path, console=Console(quiet=True))


def eared(**config: object) -> StageTask:
    """A stage with an ear."""
    torch.manual_seed(0)
    own = [replace(g, text=np.full(len(g), 50 + i, np.int32)) for i, g in enumerate(grids())]
    stage = StageConfig(rows=2, frames=32, captions=3.0, phones=1.0, **config)  # type: ignore[arg-type]
    return StageTask(
        RoboEgoModel(nano.tiny()), Mixture([Pool(grids(), 1.0, own)]), stage, lambda model, step: {},
        pronounce=lambda captions: (captions[captions >= 50][:9] - 49).tolist(),
    )  # fmt: skip


def test_a_fresh_ear_learns_alone_before_it_pulls_at_the_backbone() -> None:
    def pulls(learner: StageTask, step: int) -> tuple[float, float]:
        """Sums of the gradients that phones alone would give to the first layer and to the ear."""
        assert learner.ear is not None
        loss, _ = learner.loss(learner.batch(3), step)
        rest = replace(learner.config, phones=0.0)
        learner.config, config = rest, learner.config
        loss = loss - learner.loss(learner.batch(3), step)[0]
        learner.config = config
        learner.module.zero_grad()
        first, ear = next(learner.module.backbone.parameters()), learner.ear.out.weight
        return tuple(float(g.abs().sum()) for g in torch.autograd.grad(loss, (first, ear)))  # type: ignore[return-value]

    alone, usual = eared(ear_alone=10), eared()
    backbone, ear = pulls(usual, 0)
    assert backbone > 1e-4
    for step, share in ((0, 0.0), (10, 0.0), (15, 0.5), (20, 1.0), (500, 1.0)):
        found = pulls(alone, step)
        assert found[0] == pytest.approx(share * backbone, rel=0.02, abs=1e-4 * backbone + 1e-5)
        assert found[1] == pytest.approx(ear, rel=1e-4)


def test_an_interrupted_run_with_an_ear_and_captions_is_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = LoopConfig(steps=8, learning_rate=1e-2, warmup=2, validate_every=8, checkpoint_every=3)
    whole, first, again = eared(), eared(), eared()
    train(whole, loop, tmp_path / "whole", console=Console(quiet=True))
    interrupt(first, 4, monkeypatch)
    assert train(first, loop, tmp_path / "parts", console=Console(quiet=True)) == 5
    assert train(again, loop, tmp_path / "parts", console=Console(quiet=True)) == 8
    assert again.ear is not None
    assert_equal_weights((whole.module, *whole.helpers()), (again.module, *again.helpers()))


def test_batches_depend_on_the_step_alone() -> None:
    a, b = task(), task()
    for step in (0, 3):
        assert torch.equal(a.batch(step).given.speak, b.batch(step).given.speak)
    assert not torch.equal(a.batch(0).target.listen, a.batch(1).target.listen)


def test_a_tiny_model_learns_by_heart(tmp_path: Path) -> None:
    learner = task(disturbance=CALM, chosen=0.5)
    with torch.no_grad():
        before, _ = learner.loss(learner.batch(0), 0)
    loop = LoopConfig(steps=60, learning_rate=2e-2, warmup=5, decay=0.2, validate_every=60, checkpoint_every=60)
    train(learner, loop, tmp_path, console=Console(quiet=True))
    with torch.no_grad():
        after, metrics = learner.loss(learner.batch(0), 0)
    assert float(after) < 0.5 * float(before)
    assert set(metrics) >= {"text", "spoken", "first_codebook", "codebooks", "words"}


def test_finer_codebooks_weigh_less() -> None:
    shares = task(finer=0.5)._finer(3, torch.zeros(1))
    assert torch.allclose(shares, torch.tensor([4.0, 2.0, 1.0]) / 7)
    assert torch.allclose(task()._finer(4, torch.zeros(1)), torch.full((4,), 0.25))


def test_a_dry_run_estimates(tmp_path: Path) -> None:
    run = replace(nano.sft(), model=nano.tiny(), stage=replace(nano.sft().stage, rows=2, frames=32))
    task = random_task(run, torch.device("cpu"))
    _, losses = task.loss(task.batch(0), 0)
    assert all(losses[part] > 0 for part in ("text", "spoken", "first_codebook", "codebooks", "phones", "captions"))
    found = estimate(run, device="cpu", console=Console(quiet=True))
    assert found["frames_a_step"] == 64
    assert found["hours"] > 0
    assert not list(tmp_path.iterdir())


def test_missing_grids_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    from roboego.data.workshop import Workshop
    from roboego.recipes.perform import open_pool

    with pytest.raises(InputError, match="roboego synth"):
        open_pool(tmp_path, "asr", Workshop(codec=None, tokenizer=None, silence=np.zeros(8, np.int16)), nano.tiny())  # type: ignore[arg-type]


def test_a_transcription_can_be_asked_for_afterwards() -> None:
    text, made = nano.text_layout(), grid(40, 0)
    token = text.recall
    assert token is not None
    made.text[:] = 0
    made.text[[12, 15, 16]] = 50, 51, 52
    longest = 0
    for seed in range(20):
        late, captions = recalled(made, text, token, 4, np.random.default_rng(seed))
        pieces = np.flatnonzero(late.text)
        assert late.text[pieces].tolist() == [50, 51, 52]
        assert (np.diff(pieces) == 1).all()
        assert 14 <= pieces[0] <= 16
        assert captions[:17].tolist() == made.text[:17].tolist()
        assert len(captions) == len(late)
        assert np.array_equal(late.listen[:18], made.listen[:18])
        assert not late.speak_weight.any()
        assert set(late.read[1:].tolist()) == {token}
        longest = max(longest, len(late))
    assert longest > 22
    short = made[:17]
    assert len(recalled(short, text, token, 4, np.random.default_rng(0))[0]) > 17
    empty = replace(made, text=np.zeros(40, np.int32))
    assert recalled(empty, text, token, 4, np.random.default_rng(0))[0] is empty


def test_words_may_come_before_the_special_tokens() -> None:
    """As in the vocabulary of a foreign decoder: rows are the same, but for the numbers of their tokens."""
    ours = nano.text_layout()
    words = ours.ids - ours.first_word
    theirs = text_layout(words)
    assert (ours.recall, theirs.recall) == (SPECIALS.index("<reserved_0>"), theirs.ids - 2)
    assert replace(ours, end=None).recall is None
    assert replace(ours, first_word=7).recall is None
    assert replace(ours, wait=7).recall is None

    def renumbered(tokens: Tokens) -> Tokens:
        return np.where(tokens >= ours.first_word, tokens - ours.first_word, tokens + words).astype(np.int32)

    made = [transcription([100 + 10 * i + n for n in range(4)], 50 * i) for i in range(6)]
    foreign = [replace(g, text=renumbered(g.text), read=renumbered(g.read)) for g in made]
    read: set[int] = set()
    mistakes = 0
    for seed in range(4):
        rows = [
            Mixture([Pool(pool, 1.0)], text, splices=0.5, recalls=0.5).row(np.random.default_rng(seed), 150)
            for pool, text in ((made, ours), (foreign, theirs))
        ]
        for name in ("text", "read"):
            assert np.array_equal(renumbered(getattr(rows[0].grid, name)), getattr(rows[1].grid, name))
        assert np.array_equal(renumbered(rows[0].captions), rows[1].captions)
        assert np.array_equal(rows[0].grid.listen, rows[1].grid.listen)
        read |= set(rows[0].grid.read.tolist())
        # Mistakes in what was transcribed are other words, and waits stay waits.
        marks, wrong = np.ones((1, 150), bool), Disturbance(captions=0.5)
        given = [
            misheard(torch.from_numpy(row.grid.text[None]), marks, text, wrong, np.random.default_rng(seed))[0].numpy()
            for row, text in zip(rows, (ours, theirs), strict=True)
        ]
        assert np.array_equal(renumbered(given[0]), given[1])
        mistakes += int((given[0] != rows[0].grid.text).sum())
    assert mistakes
    assert read == {ours.wait, ours.asr, ours.duplex, ours.recall}


def test_the_first_frames_of_speech_count_more() -> None:
    speak = np.zeros((2, 12, 3), np.int64)
    speak[0, 5:9] = np.arange(1, 13).reshape(4, 3)
    speak[1, 4:] = np.arange(24).reshape(8, 3) + 1
    assert _onsets(speak, 5.0).tolist() == [[1] * 5 + [5, 5] + [1] * 5, [1] * 4 + [5, 5] + [1] * 6]
    assert (_onsets(speak, 1.0) == 1).all()
    assert (_onsets(np.zeros((1, 3, 3), np.int64), 5.0) == 1).all()
    loud, plain = (task(onset=onset).batch(0) for onset in (3.0, 1.0))
    assert (loud.weights.speak >= plain.weights.speak).all()
