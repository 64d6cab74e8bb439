"""Steps that glance at pictures: one frame at a time as all at once, and at first nothing is added."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from roboego.errors import InputError, ShapeError
from roboego.model.config import GlanceConfig
from roboego.model.glance import BEHIND, Details, Glance, Glances
from roboego.model.model import Batch, StepInput
from roboego.model.rollout import step_settings
from tiny import GREEDY, open_gates, open_glance, tiny_config, tiny_model

SLOTS, FRAMES, TOKENS, V = 2, 21, 6, 5
CONFIG = GlanceConfig(tokens=TOKENS, token_width=V, heads=2, head_dim=4)


def pictures() -> tuple[Tensor, Tensor]:
    """The first slot sees a picture from frame 2 on and another one from frame 6, the second slot none before frame 4."""
    which = torch.full((SLOTS, FRAMES), -1)
    which[0, 2:6], which[0, 6:], which[1, 4:] = 0, 1, 2
    return which, torch.randn(3, TOKENS, V)


class Watching:
    """Details of each slot as frames go on."""

    def __init__(self, glance: Glance) -> None:
        self.glance, self.memory = glance, glance.memory(SLOTS)
        self.which, self.tokens = pictures()

    def at(self, t: int) -> Details:
        for slot in range(SLOTS):
            if (new := int(self.which[slot, t])) >= 0:
                keys, values = self.glance.details(self.tokens[new][None])
                self.memory.put(slot, keys[0], values[0])
        return self.memory


def test_streaming_equals_offline() -> None:
    torch.manual_seed(0)
    glance = open_glance(Glance(16, CONFIG))
    h = torch.randn(SLOTS, FRAMES, 16)
    watching = Watching(glance)
    whole = glance.among(Glances.of(watching.tokens, watching.which))[BEHIND](h)
    for t in range(FRAMES):
        assert_close(glance.now(watching.at(t))[BEHIND](h[:, t]), whole[:, t])
    assert_close(whole[0, :2], h[0, :2])  # nothing had been seen
    assert not torch.allclose(whole[0, 5], h[0, 5])
    watching.memory.clear(0)
    assert_close(glance.step(h[:, 0], watching.memory)[0], h[0, 0])


def test_at_first_it_changes_nothing() -> None:
    torch.manual_seed(0)
    h, (which, tokens) = torch.randn(SLOTS, FRAMES, 16), pictures()
    assert_close(Glance(16, CONFIG).among(Glances.of(tokens, which))[BEHIND](h), h)


def test_grids_that_see_nothing() -> None:
    h = torch.randn(SLOTS, FRAMES, 16)
    seen = Glances.of(torch.randn(1, TOKENS, V), torch.full((SLOTS, FRAMES), -1))
    assert torch.equal(open_glance(Glance(16, CONFIG)).among(seen)[BEHIND](h), h)


def test_how_far_glances_miss_what_they_ought_to_find() -> None:
    torch.manual_seed(0)
    glance, h, (which, tokens) = open_glance(Glance(16, CONFIG)), torch.randn(SLOTS, FRAMES, 16), pictures()
    aims = torch.zeros(SLOTS, FRAMES, TOKENS + 1)
    aims[0, 8:12, 3] = aims[1, 6:9, TOKENS] = 1  # the second time at nothing
    open_everywhere = Glances.of(tokens, which)
    seen, unaimed = Glances.of(tokens, which, aims), Glances.of(tokens, which, torch.zeros_like(aims))
    assert torch.equal(glance.among(seen)[BEHIND](h), glance.among(open_everywhere)[BEHIND](h))
    glance.among(unaimed)[BEHIND](h)
    assert (float(open_everywhere.missed()), float(unaimed.missed())) == (0, 0)
    first = seen.missed().item()
    assert first > 0
    optimizer = torch.optim.AdamW(glance.requires_grad_(True).parameters(), 1e-1)
    for _ in range(60):
        glance.among(seen)[BEHIND](h)
        optimizer.zero_grad()
        seen.missed().backward()
        optimizer.step()
    assert seen.missed().item() < 0.2 * first


def test_an_aim_at_several_is_missed_by_a_glance_at_one_of_them() -> None:
    torch.manual_seed(0)
    glance, h, (which, tokens) = open_glance(Glance(16, CONFIG)), torch.randn(SLOTS, FRAMES, 16), pictures()
    torch.nn.init.zeros_(glance.query[0].weight)  # all tokens and nothing are looked at alike
    aims = torch.zeros(SLOTS, FRAMES, TOKENS + 1)
    aims[0, 8] = 1
    seen = Glances.of(tokens, which, aims)
    glance.among(seen)[BEHIND](h)
    assert seen.missed().item() == pytest.approx(0, abs=1e-6)
    aims[0, 8, 0] = 0
    seen = Glances.of(tokens, which, aims)
    glance.among(seen)[BEHIND](h)
    assert seen.missed().item() == pytest.approx(np.log((TOKENS + 1) / TOKENS), rel=1e-4)


@pytest.mark.parametrize("after", [(), (1,), (1, 2)], ids=["behind", "between", "twice"])
@pytest.mark.parametrize("native", [True, False], ids=["native", "torch"])
def test_the_model_writes_and_acts_by_what_it_glances_at(after: tuple[int, ...], native: bool) -> None:
    config = tiny_config(layers=3, model={"glance": replace(CONFIG, after=after)})
    config = replace(config, layout=replace(config.layout, action_dims=2, action_bins=5))
    model = open_gates(tiny_model(config))
    assert model.glance is not None
    state, layout, watching = model.initial_state(SLOTS, native=native), config.layout, Watching(model.glance)
    listen = torch.randint(layout.listen.entries, (SLOTS, FRAMES, layout.listen.codebooks))
    given, outs = [], []
    for t in range(FRAMES):
        step = StepInput(listen[:, t], torch.full((SLOTS,), layout.text.wait), torch.full((SLOTS,), 30 + t), details=watching.at(t))
        out, state = model.step(step, state, step_settings(model, [GREEDY] * SLOTS))
        given.append(step)
        outs.append(out)
    batch = Batch(
        text=torch.stack([o.text for o in outs], 1),
        read=torch.stack([g.read for g in given], 1),
        speak=torch.stack([o.raw_speak for o in outs], 1),
        listen=listen,
        spoken=torch.stack([o.spoken for o in outs], 1),
        act=torch.stack([o.act for o in outs], 1),
        caption=torch.stack([o.caption for o in outs], 1) if model.caption_head is not None else None,
        glances=Glances.of(watching.tokens, watching.which),
    )
    assert torch.isfinite(model.hidden(batch)).all()
    whole = model(batch)
    assert torch.equal(whole.speak[..., : layout.speak.entries].argmax(-1), batch.speak)
    assert torch.equal(whole.act.argmax(-1), batch.act)
    blind = model.hidden(replace(batch, glances=None))
    assert not torch.allclose(model.hidden(batch)[0, 3:], blind[0, 3:])
    assert_close(model.hidden(batch)[0, :2], blind[0, :2])


@pytest.mark.parametrize(("after", "message"), [((2, 1), "rising order"), ((0,), "from 1 on"), ((2, 3), "before the last of 3 layers")])
def test_places_that_cannot_be(after: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny_config(layers=3, model={"glance": replace(CONFIG, after=after)})


def test_nothing_of_a_picture_stays_where_it_was() -> None:
    torch.manual_seed(0)
    glance = open_glance(Glance(16, CONFIG))
    memory = glance.memory(SLOTS)
    keys, values = glance.details(torch.randn(2, TOKENS, V))
    for slot in range(SLOTS):
        memory.put(slot, keys[slot], values[slot])
    memory.clear(0)
    assert (memory.keys[0].any(), memory.values[0].any(), memory.seen.tolist()) == (False, False, [False, True])
    assert_close(memory.keys[1], keys[1])


def test_tokens_of_another_width_are_refused() -> None:
    with pytest.raises(ShapeError, match="5 wide"):
        Glance(16, CONFIG).details(torch.zeros(1, TOKENS, V + 1))
    with pytest.raises(InputError, match="the same tokens and must be equal, not 4 and 5"):
        tiny_config(model={"glance": CONFIG, "context_width": 4})
