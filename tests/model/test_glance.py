"""Steps that glance at pictures: one frame at a time as all at once, and a closed gate changes nothing."""

import pytest
import torch
from torch.testing import assert_close

from roboego.errors import InputError, ShapeError
from roboego.model.config import GlanceConfig
from roboego.model.glance import Glance, Glances
from roboego.model.model import Batch, StepInput
from roboego.model.rollout import step_settings
from tiny import GREEDY, tiny_config, tiny_model

SLOTS, FRAMES, PICTURES, TOKENS, V = 2, 9, 2, 6, 5
CONFIG = GlanceConfig(tokens=TOKENS, token_width=V, heads=2, head_dim=4, hidden=8)


def opened(glance: Glance) -> Glance:
    with torch.no_grad():
        glance.gate.fill_(0.7)
        glance.mlp_gate.fill_(-0.4)
    return glance.requires_grad_(False)


def pictures() -> Glances:
    """The first slot sees a picture from frame 2 on and another one from frame 6, the second slot none before frame 4."""
    which = torch.full((SLOTS, FRAMES), -1)
    which[0, 2:6], which[0, 6:], which[1, 4:] = 0, 1, 1
    return Glances(torch.randn(SLOTS, PICTURES, TOKENS, V), which)


def test_streaming_equals_offline() -> None:
    torch.manual_seed(0)
    glance, seen = opened(Glance(16, CONFIG)), pictures()
    h = torch.randn(SLOTS, FRAMES, 16)
    whole, memory = glance(h, seen), glance.memory(SLOTS)
    for t in range(FRAMES):
        for slot in range(SLOTS):
            new = int(seen.which[slot, t])
            if new >= 0 and (t == 0 or new != int(seen.which[slot, t - 1])):
                keys, values = glance.details(seen.tokens[slot, new][None])
                memory.put(slot, keys[0], values[0])
        assert_close(glance.step(h[:, t], memory), whole[:, t])
    assert_close(whole[0, :2], h[0, :2])  # nothing had been seen
    assert not torch.allclose(whole[0, 5], h[0, 5])
    memory.clear(0)
    assert_close(glance.step(h[:, 0], memory)[0], h[0, 0])


def test_a_closed_gate_changes_nothing() -> None:
    torch.manual_seed(0)
    h = torch.randn(SLOTS, FRAMES, 16)
    assert_close(Glance(16, CONFIG)(h, pictures()), h)


def test_the_model_writes_by_what_it_glances_at() -> None:
    config = tiny_config(model={"glance": CONFIG})
    model = tiny_model(config)
    assert model.glance is not None
    opened(model.glance)
    state, layout = model.initial_state(SLOTS), config.layout
    memory, seen = model.glance.memory(SLOTS), pictures()
    listen = torch.randint(layout.listen.entries, (SLOTS, FRAMES, layout.listen.codebooks))
    given, outs = [], []
    for t in range(FRAMES):
        for slot in range(SLOTS):
            if (new := int(seen.which[slot, t])) >= 0:
                keys, values = model.glance.details(seen.tokens[slot, new][None])
                memory.put(slot, keys[0], values[0])
        step = StepInput(listen[:, t], torch.full((SLOTS,), layout.text.wait), torch.full((SLOTS,), 30 + t), details=memory)
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
        glances=seen,
    )
    assert torch.isfinite(model.hidden(batch)).all()
    blind = model.hidden(Batch(**{**batch.__dict__, "glances": None}))
    assert not torch.allclose(model.hidden(batch)[0, 3:], blind[0, 3:])
    assert_close(model.hidden(batch)[0, :2], blind[0, :2])


def test_nothing_of_a_picture_stays_where_it_was() -> None:
    torch.manual_seed(0)
    glance = opened(Glance(16, CONFIG))
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
