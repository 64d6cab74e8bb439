"""Choosing: the likeliest, by temperature, among the top k and the top p, without repeats; each slot for itself."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from roboego.errors import InputError
from roboego.model.sampling import (
    HISTORY_FRAMES,
    Sampling,
    StreamSampling,
    StreamSettings,
    certainty,
    due,
    fill_uniform,
    gumbel,
    less_patient,
    penalized,
    sample,
    wait_or_write,
)

CPU = torch.device("cpu")
CHOICES = 12


def choose(logits: Tensor, slots: list[StreamSampling], *, seed: int = 0) -> Tensor:
    noise = gumbel(torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed)))
    return sample(logits, StreamSettings.of(slots, logits.shape[1], CPU), noise)


def shares(sampling: StreamSampling, logits: Tensor, draws: int = 20_000) -> Tensor:
    """How often each choice is made."""
    drawn = choose(logits.expand(draws, -1), [sampling] * draws)
    return torch.bincount(drawn, minlength=logits.shape[-1]) / draws


def test_without_temperature_the_likeliest_is_taken() -> None:
    logits = torch.randn(6, CHOICES)
    assert torch.equal(choose(logits, [StreamSampling()] * 6), logits.argmax(-1))
    assert torch.equal(sample(logits, StreamSettings.of([StreamSampling(temperature=1)] * 6, CHOICES, CPU), None), logits.argmax(-1))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature_gives_the_softmax(temperature: float) -> None:
    logits = torch.linspace(-2, 2, CHOICES)
    assert_close(shares(StreamSampling(temperature=temperature), logits), (logits / temperature).softmax(-1), atol=0.015, rtol=0)


def test_top_k_keeps_the_k_likeliest() -> None:
    logits = torch.linspace(-1, 1, CHOICES)
    found = shares(StreamSampling(temperature=0.7, top_k=3), logits)
    expected = torch.where(torch.arange(CHOICES) >= CHOICES - 3, (logits / 0.7).exp(), 0)
    assert_close(found, expected / expected.sum(), atol=0.015, rtol=0)


def test_top_p_keeps_the_fewest_that_have_the_probability() -> None:
    logits = torch.tensor([0.5, 0.2, 0.15, 0.1, 0.05]).log()
    for top_p, kept in ((0.4, 1), (0.6, 2), (0.84, 3), (0.96, 5)):
        assert int((shares(StreamSampling(temperature=1, top_p=top_p), logits) > 0).sum()) == kept
    # Both limits hold.
    assert int((shares(StreamSampling(temperature=1, top_p=0.84, top_k=2), logits) > 0).sum()) == 2


@pytest.mark.parametrize("temperature", [0.0, 0.4, 1.0])
def test_whether_to_write_is_chosen_before_what(temperature: float) -> None:
    shares_of = torch.tensor([0.4, 0.25, 0.2, 0.15])
    stream = StreamSampling(temperature=temperature)

    def chosen(flag: bool) -> Tensor:
        draws = 20_000 if temperature else 1
        settings = StreamSettings.of([stream] * draws, 4, CPU)
        logits = wait_or_write(shares_of.log().expand(draws, -1), 0, settings, torch.tensor([flag] * draws))
        noise = gumbel(torch.rand(logits.shape, generator=torch.Generator().manual_seed(0))) if temperature else None
        return torch.bincount(sample(logits, settings, noise), minlength=4) / draws

    if not temperature:
        assert chosen(False).tolist() == [1, 0, 0, 0]
        assert chosen(True).tolist() == [0, 1, 0, 0]
        return
    sharp = shares_of ** (1 / temperature)
    assert_close(chosen(False), sharp / sharp.sum(), atol=0.015, rtol=0)
    waits = 0.4 ** (1 / temperature) / (0.4 ** (1 / temperature) + 0.6 ** (1 / temperature))
    assert_close(chosen(True), torch.cat([torch.tensor([waits]), (1 - waits) * sharp[1:] / sharp[1:].sum()]), atol=0.015, rtol=0)


def test_certainty_is_the_probability_of_what_was_written_among_all_that_could_have_been() -> None:
    logits = torch.tensor([[5.0, 1.0, 3.0], [-5.0, 1.0, 3.0], [0.0, 2.0, 2.0], [0.0, 2.0, 2.0]])
    sure = certainty(logits, torch.tensor([2, 1, 1, 0]), wait=0)
    high = torch.tensor([1.0, 3.0]).softmax(0)
    # How likely a wait was makes no difference, and a wait itself is no matter of doubt.
    assert_close(sure, torch.tensor([high[1], high[0], 0.5, 1.0]))
    assert torch.equal(logits[:, 0], torch.tensor([5.0, -5.0, 0.0, 0.0]))


def test_a_slots_choice_does_not_depend_on_its_neighbours() -> None:
    generator = torch.Generator().manual_seed(0)
    kinds = [
        StreamSampling(),
        StreamSampling(temperature=0.5, top_k=3),
        StreamSampling(temperature=1.5),
        StreamSampling(temperature=1.0, top_p=0.6),
        StreamSampling(temperature=0.7, top_p=0.9, top_k=5),
    ]
    for trial in range(40):
        # Coarse logits tie often.
        logits = torch.randint(-3, 3, (len(kinds), CHOICES), generator=generator) / 2
        noise = gumbel(torch.rand(logits.shape, generator=generator))
        together = sample(logits, StreamSettings.of(kinds, CHOICES, CPU), noise)
        for slot, kind in enumerate(kinds):
            alone = sample(logits[slot : slot + 1], StreamSettings.of([kind], CHOICES, CPU), noise[slot : slot + 1])
            assert alone[0] == together[slot], (trial, kind)


def test_settings_know_what_a_step_can_leave_out() -> None:
    greedy, plain = StreamSampling(), StreamSampling(temperature=1)
    limited = StreamSampling(temperature=1, top_k=4)
    settings = StreamSettings.of([greedy, limited], CHOICES, CPU)
    assert (settings.samples, settings.mixed, settings.most, settings.nucleus, settings.penalizes) == (True, True, 4, False, 0)
    assert StreamSettings.of([plain, limited], CHOICES, CPU).most == CHOICES
    assert StreamSettings.of([plain], CHOICES, CPU).most == 0
    assert not StreamSettings.of([greedy], CHOICES, CPU).samples
    assert StreamSettings.of([StreamSampling(temperature=1, top_k=99)], CHOICES, CPU).most == CHOICES


def test_penalty_divides_positive_and_multiplies_negative_logits_of_what_was_chosen() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0, 3.0], [2.0, -2.0, 1.0, 3.0]])
    history = torch.tensor([[0, 1, 3], [0, 0, 2]])
    valid = torch.tensor([[True, True, False], [False, False, True]])
    changed = penalized(logits, history, valid, torch.tensor([2.0, 4.0]))
    assert changed.tolist() == [[1.0, -4.0, 1.0, 3.0], [2.0, -2.0, 0.25, 3.0]]


def test_only_streams_that_sample_draw_random_numbers() -> None:
    blocks = (5, 6, 4)
    speaks = Sampling(speak=StreamSampling(temperature=1), seed=3)
    row = torch.full((15,), 0.5)
    fill_uniform(row, blocks, speaks, torch.Generator().manual_seed(3))
    assert (row[:5] == 0.5).all()
    assert (row[11:] == 0.5).all()
    assert torch.equal(row[5:11], torch.rand(6, generator=torch.Generator().manual_seed(3)))


def test_noise_is_finite_at_both_ends() -> None:
    assert torch.isfinite(gumbel(torch.tensor([0.0, 1.0, 0.5]))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.1}, {"repetition_penalty": 0},
        {"penalty_frames": -1}, {"penalty_frames": HISTORY_FRAMES},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        StreamSampling(**wrong)


def test_a_word_whose_frame_is_uncertain_is_written_when_it_is_overdue() -> None:
    # In each of four frames, writing has a chance of 0.3, in a later one of 0.05.
    chances = [0.02, 0.3, 0.3, 0.3, 0.3, 0.05]

    def written(overdue: float) -> list[bool]:
        unwritten, found = torch.zeros(1), []
        for chance in chances:
            logits = torch.log(torch.tensor([[1 - chance, 0.8 * chance, 0.2 * chance]]))
            due_B, unwritten = due(logits, 0, unwritten, torch.tensor([overdue]))
            found.append(bool(due_B))
        return found

    assert written(0.0) == [False] * 6
    assert written(1.0) == [False, False, True, False, True, False]
    assert written(0.5) == [False, False, False, False, False, False]
    sure = torch.log(torch.tensor([[0.4, 0.6]]))
    assert bool(due(sure, 0, torch.zeros(1), torch.zeros(1))[0])


def test_a_reply_whose_frame_is_uncertain_begins_when_it_is_overdue() -> None:
    chances = [0.02, 0.3, 0.3, 0.3, 0.3, 0.05]

    def begun(overdue: float) -> list[bool]:
        silent, found = torch.zeros(1), []
        for chance in chances:
            logits = torch.log(torch.tensor([[1 - chance, 0.8 * chance, 0.2 * chance]]))
            less, silent = less_patient(logits, 0, silent, torch.tensor([overdue]))
            assert less[0, 2] - less[0, 1] == pytest.approx(np.log(0.25), abs=1e-4)  # what is written is another question
            found.append(bool(less[0, 1:].logsumexp(-1) > less[0, 0]))
            silent = torch.where(torch.tensor([found[-1]]), 0.0, silent)
        return found

    assert begun(0.0) == [False] * 6
    assert begun(1.0) == [False, False, True, False, True, False]
    sure = torch.tensor([[40.0, -40.0, -41.0]])
    assert torch.equal(less_patient(sure, 0, torch.zeros(1), torch.zeros(1))[0], sure)
    assert bool(less_patient(sure, 0, torch.zeros(1), torch.ones(1))[0].isfinite().all())


def test_overdue_is_a_share() -> None:
    for name in ("overdue", "reply_overdue", "cut_overdue"):
        with pytest.raises(InputError, match=name):
            Sampling(wait_or_write=True, **{name: 1.5})
    for name in ("reply_overdue", "cut_overdue"):
        with pytest.raises(InputError, match="wait_or_write"):
            Sampling(**{name: 0.5})
