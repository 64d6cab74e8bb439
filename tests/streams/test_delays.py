import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from roboego.streams.delays import DelayLine, apply_delays, undo_delays

PAD = 9
some_delays = st.lists(st.integers(0, 4), min_size=1, max_size=4)


def codes(frames: int, codebooks: int, batch: int = 2) -> Tensor:
    return torch.randint(0, PAD, (batch, frames, codebooks), generator=torch.Generator().manual_seed(frames))


def stream(line: DelayLine, codes_BTK: Tensor) -> Tensor:
    state, out = line.initial_state(len(codes_BTK)), []
    for column in codes_BTK.unbind(1):
        delayed, state = line.step(column, state)
        out.append(delayed)
    return torch.stack(out, 1)


def test_codebooks_are_held_back() -> None:
    assert apply_delays(torch.tensor([[[1, 4], [2, 5], [3, 6]]]), [0, 1], PAD).tolist() == [[[1, PAD], [2, 4], [3, 5]]]


@settings(deadline=None)
@given(some_delays, st.integers(0, 8))
def test_undoing_gives_back_all_that_has_come(delays: list[int], frames: int) -> None:
    given_codes = codes(frames, len(delays))
    found = undo_delays(apply_delays(given_codes, delays, PAD), delays, PAD)
    for k, d in enumerate(delays):
        kept = max(0, frames - d)
        assert torch.equal(found[:, :kept, k], given_codes[:, :kept, k])
        assert (found[:, kept:, k] == PAD).all()


@settings(deadline=None)
@given(some_delays, st.integers(1, 12))
def test_streaming_equals_offline(delays: list[int], frames: int) -> None:
    given_codes = codes(frames, len(delays))
    delayed = apply_delays(given_codes, delays, PAD)
    assert torch.equal(stream(DelayLine(delays, PAD), given_codes), delayed)
    aligned = stream(DelayLine.undoing(delays, PAD), delayed)
    late = max(delays)
    assert torch.equal(aligned[:, late:], undo_delays(delayed, delays, PAD)[:, : max(0, frames - late)])
    assert torch.equal(aligned[:, late:], given_codes[:, : max(0, frames - late)])


@settings(deadline=None)
@given(some_delays, st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_reset_touches_its_slot_alone(delays: list[int], resets: list[bool]) -> None:
    line, given_codes = DelayLine(delays, PAD), codes(6, len(delays))
    state, began = line.initial_state(2), 0
    for t, reset in enumerate(resets):
        if reset:
            state.reset(torch.tensor([False, True]))
            began = t
        delayed, state = line.step(given_codes[:, t], state)
        assert torch.equal(delayed[0], apply_delays(given_codes, delays, PAD)[0, t])
        assert torch.equal(delayed[1], apply_delays(given_codes[:, began:], delays, PAD)[1, t - began])
