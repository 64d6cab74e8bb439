import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roboego.streams.grid import FrameGrid, concatenate
from roboego.streams.organizers import WeightConfig
from roboego.streams.pointer import LONGEST_HOLD, PointerInputs, PointerState, pointer_inputs
from streams.examples import LAYOUT, text_first_grids

TEXT = LAYOUT.text
some_grids = text_first_grids(spk_delay=2, weights=WeightConfig())


def offline(grid: FrameGrid) -> PointerInputs:
    return pointer_inputs(torch.tensor(grid.text)[None].long(), torch.tensor(grid.spoken)[None].long(), TEXT)


def advances(grid: FrameGrid) -> list[int]:
    """How many tokens the head has to say became audible in each frame."""
    by, before, last = [], 0, TEXT.wait
    for text, spoken in zip(grid.text.tolist(), grid.spoken.tolist(), strict=True):
        if text >= TEXT.first_word and last < TEXT.first_word and last != TEXT.call:
            before = 0
        by.append(spoken - before)
        before, last = spoken, text
    return by


@settings(deadline=None, max_examples=40)
@given(st.lists(some_grids, min_size=1, max_size=3), st.lists(st.integers(0, 30), min_size=3, max_size=3))
def test_streaming_equals_offline(grids: list[FrameGrid], joins: list[int]) -> None:
    """Slots join at different frames and are used again when their grid is over."""
    slots = len(grids)
    state = PointerState.initial(slots, TEXT)
    wanted, by, place = [offline(g) for g in grids], [advances(g) for g in grids], [-join for join in joins[:slots]]
    for _ in range(2 * max(len(g) for g in grids) + max(joins)):
        fresh = [place[b] in (0, len(grids[b])) for b in range(slots)]
        place = [0 if f else p for f, p in zip(fresh, place, strict=True)]
        if any(fresh):
            state.reset(torch.tensor(fresh))
        found = state.inputs()
        text, rises = torch.full((slots,), 40), torch.ones(slots, dtype=torch.int64)
        for b, t in enumerate(place):
            if t >= 0:
                for name in ("token", "after", "hold"):
                    assert getattr(found, name)[b] == getattr(wanted[b], name)[0, t], (name, b, t)
                text[b], rises[b] = int(grids[b].text[t]), by[b][t]
        state = state.advanced(text, rises, TEXT)
        for b, t in enumerate(place):
            assert t < 0 or state.spoken[b] == grids[b].spoken[t]
        place = [p + 1 for p in place]


@settings(deadline=None)
@given(st.lists(some_grids, min_size=1, max_size=4))
def test_a_batch_is_its_rows(grids: list[FrameGrid]) -> None:
    frames = min(len(g) for g in grids)
    text = torch.stack([torch.tensor(g.text[:frames]).long() for g in grids])
    spoken = torch.stack([torch.tensor(g.spoken[:frames]).long() for g in grids])
    batch = pointer_inputs(text, spoken, TEXT)
    for b, grid in enumerate(grids):
        row = offline(grid[:frames])
        for name in ("token", "after", "hold"):
            assert torch.equal(getattr(batch, name)[b], getattr(row, name)[0])


@settings(deadline=None)
@given(some_grids, some_grids)
def test_the_future_does_not_matter(grid: FrameGrid, other: FrameGrid) -> None:
    whole = offline(concatenate([grid, other]))
    part = offline(grid)
    for name in ("token", "after", "hold"):
        assert torch.equal(getattr(whole, name)[:, : len(grid)], getattr(part, name))


def naive(grid: FrameGrid) -> list[tuple[int, int, int]]:
    """Token, the one after it, and frames on it, by the plain reading of the rules."""
    out, reply, spoken, held, writing, calling = [], [], 0, 0, False, False
    for text, count in zip(grid.text.tolist(), grid.spoken.tolist(), strict=True):
        queue = [*reply[spoken:], TEXT.wait, TEXT.wait]
        out.append((queue[0], queue[1], held))
        calling = text == TEXT.call or (calling and text >= TEXT.first_word)
        piece = text >= TEXT.first_word and not calling
        starts = piece and not writing
        if starts or text == TEXT.cut:
            reply = []
        if piece:
            reply.append(text)
        held = 1 if starts or count != spoken or held == 0 else min(held + 1, LONGEST_HOLD)
        spoken, writing = count, piece
    return out


@settings(deadline=None)
@given(some_grids)
def test_the_token_to_be_said_next(grid: FrameGrid) -> None:
    found = offline(grid)
    assert list(zip(found.token[0].tolist(), found.after[0].tolist(), found.hold[0].tolist(), strict=True)) == naive(grid)


def test_long_replies_keep_their_place_until_their_last_word() -> None:
    """Written at a token a frame, said at one in three frames: more than 512 tokens wait at a time."""
    tokens, start = 1_000, 5
    frame = torch.arange(3 * tokens + 40)
    text = torch.where((frame >= start) & (frame < start + tokens), TEXT.first_word + frame % 7, TEXT.wait)
    spoken = ((frame - start) // 3).clamp(0, tokens)
    wanted = pointer_inputs(text[None], spoken[None], TEXT)
    state = PointerState.initial(1, TEXT, length=tokens)
    for t, by in enumerate(spoken.diff(prepend=spoken[:1])):
        found = state.inputs()
        for name in ("token", "after", "hold"):
            assert torch.equal(getattr(found, name), getattr(wanted, name)[:, t]), (name, t)
        state = state.advanced(text[t : t + 1], by[None], TEXT)
    assert (state.spoken.item(), found.token.item()) == (tokens, TEXT.wait)


def test_an_advance_never_passes_the_text() -> None:
    state = PointerState.initial(1, TEXT)
    for text, by, spoken in ((0, 3, 0), (30, 3, 1), (31, 0, 1), (0, 3, 2), (0, 1, 2), (40, 0, 0), (1, 0, 0), (0, 2, 0)):
        state = state.advanced(torch.tensor([text]), torch.tensor([by]), TEXT)
        assert state.spoken.tolist() == [spoken]
