"""Streaming equals the whole grid, for slots that join, leave and restart at different frames, far past the wrap of the ring."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from roboego.errors import ShapeError
from roboego.model.config import ModelConfig
from roboego.model.glance import Details, Glances
from roboego.model.model import Batch, RoboEgoModel, StepInput, advances
from roboego.model.rollout import roll_out, step_settings
from roboego.model.sampling import Sampling, StepSettings, StreamSampling
from roboego.model.state import ModelState
from roboego.streams.delays import undo_delays
from tiny import GREEDY, LIVELY, TINY_GLANCE, open_gates, tiny_config, tiny_model

SLOTS = 3


@dataclass
class Life:
    """What a slot was given and put out between two resets, frame by frame."""

    given: dict[str, list[Tensor]] = field(default_factory=dict)
    hidden: list[Tensor] = field(default_factory=list)
    speak: list[Tensor] = field(default_factory=list)

    def add(self, name: str, value: Tensor) -> None:
        self.given.setdefault(name, []).append(value.clone())


def watch(state: ModelState) -> list[Tensor]:
    """Hidden states of every step, as they are computed."""
    hidden: list[Tensor] = []
    text_head = state.text_head

    def watched_text(h: Tensor) -> Tensor:
        hidden.append(h.clone())
        return text_head(h)

    state.text_head = watched_text
    return hidden


@dataclass
class Sight:
    """Every slot's latest picture: at first none, then another every twelve frames. What stands where nothing has been seen must not
    matter."""

    look: Tensor
    tokens: Tensor
    seen: Tensor
    details: Details | None

    @classmethod
    def of(cls, model: RoboEgoModel) -> "Sight":
        details = None
        if model.glance is not None:
            details = model.glance.memory(SLOTS)
            details.keys.fill_(1.0)
        look, tokens = torch.ones(SLOTS, model.config.vision_width), torch.ones(SLOTS, TINY_GLANCE.tokens, TINY_GLANCE.token_width)
        return cls(look, tokens, torch.zeros(SLOTS, dtype=torch.bool), details)

    def advance(self, t: int, model: RoboEgoModel, generator: torch.Generator) -> None:
        new = (5 * torch.arange(SLOTS) + t) % 12 == 11
        self.look = torch.where(new[:, None], torch.randn(self.look.shape, generator=generator), self.look)
        self.tokens = torch.where(new[:, None, None], torch.randn(self.tokens.shape, generator=generator), self.tokens)
        self.seen = self.seen | new
        for slot in new.nonzero().flatten().tolist() if model.glance is not None and self.details is not None else ():
            keys, values = model.glance.details(self.tokens[slot : slot + 1])
            self.details.put(slot, keys[0], values[0])

    def forget(self, slot: int) -> None:
        self.seen[slot] = False
        if self.details is not None:
            self.details.clear(slot)


def random_settings(model: RoboEgoModel, generator: torch.Generator) -> StepSettings:
    settings = step_settings(model, [LIVELY] * SLOTS)
    settings.uniform = torch.rand(SLOTS, model.uniform_width(), generator=generator)
    return settings


def live(model: RoboEgoModel, frames: int, resets: Callable[[int], list[int]], active: Callable[[int, int], bool]) -> list[Life]:
    """Runs all slots over random input; returns all their lives."""
    layout, generator = model.config.layout, torch.Generator().manual_seed(1)
    state = model.initial_state(SLOTS)
    hidden = watch(state)
    current = [Life() for _ in range(SLOTS)]
    lives = list(current)
    sight = Sight.of(model) if layout.looks else None
    for t in range(frames):
        for slot in resets(t):
            state.reset(torch.arange(SLOTS) == slot)
            if sight is not None:
                sight.forget(slot)
            current[slot] = Life()
            lives.append(current[slot])
        listen = torch.randint(layout.listen.entries, (SLOTS, layout.listen.codebooks), generator=generator)
        read = torch.randint(layout.text.ids, (SLOTS,), generator=generator)
        chosen = torch.randint(layout.text.ids, (SLOTS,), generator=generator)
        # Replies, waits, and the model's own choice.
        forced = torch.where(chosen % 5 == 0, layout.text.wait, torch.where(chosen % 7 == 0, chosen, -1))
        takes = torch.tensor([active(t, slot) for slot in range(SLOTS)])
        given = StepInput(listen, read, forced, active=None if takes.all() else takes)
        if sight is not None:
            sight.advance(t, model, generator)
            given.look, given.seen, given.details = sight.look, sight.seen, sight.details
        out, state = model.step(given, state, random_settings(model, generator))
        frame_hidden, frame_speak = hidden.pop(), torch.stack(state.depth.results, 1)
        for slot in takes.nonzero().flatten().tolist():
            life = current[slot]
            for name, value in (
                ("listen", listen),
                ("read", read),
                ("text", out.text),
                ("raw", out.raw_speak),
                ("spoken", out.spoken),
                ("act", out.act),
            ):
                life.add(name, value[slot])
            if model.caption_head is not None:
                life.add("caption", out.caption[slot])
            if sight is not None:
                life.add("look", sight.look[slot])
                life.add("seen", sight.seen[slot])
                life.add("tokens", sight.tokens[slot])
            life.hidden.append(frame_hidden[slot])
            life.speak.append(frame_speak[slot])
    return [life for life in lives if life.hidden]


def batch_of(life: Life, config: ModelConfig) -> Batch:
    values = {name: torch.stack(column)[None] for name, column in life.given.items()}
    raw, tokens = values.pop("raw"), values.pop("tokens", None)
    if config.glance is not None and tokens is not None:
        # Each frame has a picture of its own, which is the latest one if any has been seen.
        values["glances"] = Glances.of(tokens[0], torch.where(values["seen"], torch.arange(tokens.shape[1]), -1))
    return Batch(speak=undo_delays(raw, config.layout.speak.delays, config.layout.speak.pad_id), **values)


def check(config: ModelConfig, frames: int) -> None:
    streaming, whole = open_gates(tiny_model(config)), open_gates(tiny_model(config))

    def resets(t: int) -> list[int]:
        return [slot for slot, at in ((1, frames // 12), (2, frames // 3), (1, frames * 3 // 5), (2, frames - 5)) if t == at]

    def active(t: int, slot: int) -> bool:
        # Slot 0 always, slot 1 leaves for a while, slot 2 comes and goes.
        return (slot != 1 or not frames // 4 < t < frames // 3) and (slot != 2 or (t * 7919) % 11 < 8)

    lives = live(streaming, frames, resets, active)
    assert len(lives) == SLOTS + 4
    assert len(lives[0].hidden) == frames
    for life in lives:
        batch = batch_of(life, config)
        logits = whole(batch)
        assert_close(torch.stack(life.hidden), whole.hidden(batch)[0], atol=1e-4, rtol=0)
        # The first frames of delayed codebooks hold no code, and so no choice.
        first = config.layout.speak.max_delay
        assert_close(torch.stack(life.speak)[first:], logits.speak[0, first:], atol=1e-4, rtol=0)


def test_streaming_equals_the_grid_over_two_thousand_frames() -> None:
    check(tiny_config(), 2_000)


@pytest.mark.parametrize(
    "config",
    [
        tiny_config(delays=(0, 1, 2)),
        tiny_config(delays=(0, 1, 1), first_listen=False, reads=False, model={"spoken_head": False, "tied_head": False}),
        tiny_config(kept_sinks=3, action_dims=2, action_bins=5),
        tiny_config(learned_sinks=False, window=1),
        tiny_config(looks=True, model={"vision_width": 4}),
        tiny_config(model={"caption_head": True}),
        tiny_config(looks=True, action_dims=2, action_bins=5, model={"vision_width": 4, "glance": TINY_GLANCE}),
        tiny_config(looks=True, kept_sinks=3, model={"glance": TINY_GLANCE, "context_width": 8}),
        tiny_config(looks=True, model={"glance": replace(TINY_GLANCE, after=(1,)), "context_width": 8}),
    ],
    ids=[
        "delays",
        "as FLM-Audio",
        "kept sinks, actions",
        "a window of one frame",
        "pictures",
        "captions",
        "glances, actions",
        "glances alone",
        "glances between layers",
    ],
)
def test_streaming_equals_the_grid_in_other_shapes(config: ModelConfig) -> None:
    check(config, 180)


def test_captions_are_written_and_fed_back() -> None:
    model = tiny_model(tiny_config(model={"caption_head": True}))
    layout = model.config.layout
    listen = torch.randint(layout.listen.entries, (2, 30, layout.listen.codebooks), generator=torch.Generator().manual_seed(0))
    out = roll_out(model, listen, torch.zeros(2, 30, dtype=torch.int64))
    zero = torch.zeros(2, 30, 0, dtype=torch.int64)
    batch = Batch(out.text, torch.zeros(2, 30, dtype=torch.int64), out.speak, listen, out.spoken, zero, out.caption)
    logits = model(batch).caption
    assert logits is not None
    words = logits.clone()
    words[..., layout.text.wait] = -torch.inf
    expected = torch.where(words.logsumexp(-1) > logits[..., layout.text.wait], words.argmax(-1), layout.text.wait)
    assert torch.equal(out.caption, expected)
    other = replace(batch, caption=(out.caption + 1) % layout.text.ids)
    assert not torch.equal(model(other).text[:, 1:], model(batch).text[:, 1:])
    with pytest.raises(ShapeError, match="captions"):
        model(replace(batch, caption=None))
    silent = roll_out(tiny_model(tiny_config()), listen, torch.zeros(2, 30, dtype=torch.int64))
    assert (silent.caption == layout.text.wait).all()


def test_replies_longer_than_512_tokens_keep_their_pointer() -> None:
    """None of it becomes audible: all of its tokens wait to be said."""
    tokens, frames = 600, 640
    config = tiny_config(window=frames)
    streaming, whole = tiny_model(config), tiny_model(config)
    assert streaming.spoken_head is not None
    streaming.spoken_head.bias[0] = 100.0
    text = config.layout.text
    state, settings = streaming.initial_state(1), step_settings(streaming, [GREEDY])
    hidden, life = watch(state), Life()
    for t in range(frames):
        forced = text.first_word + t % 5 if 4 <= t < 4 + tokens else text.wait
        given = StepInput(torch.full((1, 3), t % 16), torch.full((1,), text.wait), torch.tensor([forced]))
        out, state = streaming.step(given, state, settings)
        for name in ("text", "spoken", "act"):
            life.add(name, getattr(out, name)[0])
        life.add("raw", out.raw_speak[0])
        life.add("listen", given.listen[0])
        life.add("read", given.read[0])
    assert not any(life.given["spoken"])
    assert_close(torch.cat(hidden), whole.hidden(batch_of(life, config))[0], atol=1e-4, rtol=0)


def test_slots_that_sit_out_keep_their_state() -> None:
    model = tiny_model(tiny_config(delays=(0, 1, 2)))
    state, settings = model.initial_state(2), step_settings(model, [GREEDY] * 2)
    given = StepInput(torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, dtype=torch.int64), torch.tensor([40, 41]))
    _, state = model.step(given, state, settings)
    given.active = torch.tensor([True, False])
    _, after = model.step(given, state, settings)
    for new, old in ((after, state), (after.pointer, state.pointer), (after.cache, state.cache)):
        for name in ("text", "speak", "heard", "said", "frame", "ring", "written", "spoken", "hold", "position"):
            if hasattr(new, name):
                assert torch.equal(getattr(new, name)[1], getattr(old, name)[1])
    assert after.frame.tolist() == [2, 1]


def test_seeds_reproduce_and_differ() -> None:
    model, frames = tiny_model(), 30
    listen, read = torch.zeros(2, frames, 3, dtype=torch.int64), torch.zeros(2, frames, dtype=torch.int64)
    first = roll_out(model, listen, read, sampling=LIVELY)
    again = roll_out(model, listen, read, sampling=LIVELY)
    assert torch.equal(first.text, again.text)
    assert torch.equal(first.speak, again.speak)
    assert not torch.equal(first.speak[0], first.speak[1])
    # A slot alone draws what it draws among others.
    alone = roll_out(model, listen[:1], read[:1], sampling=LIVELY)
    assert torch.equal(alone.speak[0], first.speak[0])


def test_penalties_look_at_the_slots_own_outputs() -> None:
    """With a penalty that all but forbids repeats, no code comes twice within its window, also after a reset of the other slot."""
    model = tiny_model()
    window = 4
    stern = StreamSampling(repetition_penalty=1e9, penalty_frames=window, penalized_codebooks=2)
    state, settings = model.initial_state(2), step_settings(model, [Sampling(speak=stern), GREEDY])
    assert settings.speak.penalizes == 2
    codes = []
    for t in range(90):
        if t == 40:
            state.reset(torch.tensor([False, True]))
        given = StepInput(torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, dtype=torch.int64), torch.full((2,), -1))
        out, state = model.step(given, state, settings)
        codes.append(out.raw_speak[0].tolist())
    for k in (0, 1):
        column = [c[k] for c in codes]
        assert all(len(set(column[t : t + window])) == window for t in range(len(column) - window))


def test_forced_text_is_written_and_spoken_upto_never_passes_it() -> None:
    model, frames = tiny_model(), 40
    assert model.spoken_head is not None
    model.spoken_head.bias[model.config.max_advance] = 100.0
    forced = torch.full((1, frames), model.config.layout.text.wait)
    forced[0, 5:12] = 40
    forced[0, 20:22] = 41
    out = roll_out(model, torch.zeros(1, frames, 3, dtype=torch.int64), torch.zeros(1, frames, dtype=torch.int64), forced)
    assert torch.equal(out.text, forced)
    assert out.spoken[0, 4:13].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert out.spoken[0, 20:23].tolist() == [1, 2, 2]


def test_what_is_due_becomes_overdue_when_all_has_been_said_and_apart_from_that_while_it_is_being_said() -> None:
    model, zeros = tiny_model(), torch.zeros(1, dtype=torch.int64)
    wait, piece = model.config.layout.text.wait, model.config.layout.text.first_word
    assert model.spoken_head is not None
    model.spoken_head.bias[0] = 100.0  # nothing is ever heard of what is written

    def silent(**overdue: float) -> list[float]:
        settings = step_settings(model, [replace(GREEDY, wait_or_write=True, **overdue)])
        state, found = model.initial_state(1), []
        for text in [wait] * 4 + [piece] + [wait] * 4:
            given = StepInput(torch.zeros(1, 3, dtype=torch.int64), zeros, zeros + text)
            _, state = model.step(given, state, settings)
            found.append(float(state.silent))
        return found

    alone, idle, speaking = silent(reply_overdue=1e-9), silent(reply_overdue=1.0), silent(cut_overdue=1.0)
    assert idle[:5] == pytest.approx(np.cumsum(alone[:5]), rel=1e-4)
    assert idle[5:] == pytest.approx(alone[5:], rel=1e-4)
    assert speaking[:6] == pytest.approx(alone[:6], rel=1e-4)
    assert speaking[5:] == pytest.approx(np.cumsum(alone[5:]), rel=1e-4)


def test_advances_are_what_the_spoken_head_learns() -> None:
    config = tiny_config()
    wait, piece = config.layout.text.wait, config.layout.text.first_word
    text = torch.tensor([[wait, piece, piece, piece, wait, wait, piece, wait]])
    spoken = torch.tensor([[0, 0, 1, 1, 3, 3, 1, 1]])
    assert advances(text, spoken, config).tolist() == [[0, 0, 1, 0, 2, 0, 1, 0]]


def test_grids_of_other_models_are_refused() -> None:
    model = tiny_model()
    column = torch.zeros(1, 4, dtype=torch.int64)
    wrong = torch.zeros(1, 4, 5, dtype=torch.int64)
    with pytest.raises(ShapeError, match=r"3 \+ 3 codebooks, the grid 5 \+ 5"):
        model(Batch(text=column, read=column, speak=wrong, listen=wrong, spoken=column, act=wrong[..., :0]))


def test_a_step_takes_no_more_memory_than_the_one_before() -> None:
    """All that a state holds has the same shape after the wrap as at the start."""
    model = tiny_model()
    state, settings = model.initial_state(1), step_settings(model, [GREEDY])

    def shapes() -> list[torch.Size]:
        parts = [*vars(state).values(), *vars(state.pointer).values(), *state.cache.rings, state.cache.bias, state.cache.position]
        return [part.shape for part in parts if isinstance(part, Tensor)]

    seen = [shapes()]
    for _ in range(60):
        zeros = torch.zeros(1, dtype=torch.int64)
        _, state = model.step(StepInput(torch.zeros(1, 3, dtype=torch.int64), zeros, zeros - 1), state, settings)
        seen.append(shapes())
    assert all(a == b for a, b in pairwise(seen))
