"""Pictures as extra positions: a chunk equals as many steps, streaming equals offline, and frames stay frames."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from roboego.errors import ShapeError
from roboego.model.backbone import Backbone
from roboego.model.cache import held_position, ring_index
from roboego.model.config import BackboneConfig, ModelConfig, SpeechDecoderConfig
from roboego.model.context_vision import Pictures, interleave
from roboego.model.model import RoboEgoModel
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout

KINDS = {"learned sinks": (True, 0), "kept sinks": (False, 3), "no sinks": (False, 0)}
WINDOW, V, M = 12, 5, 4


def shape(kind: str) -> BackboneConfig:
    learned, kept = KINDS[kind]
    return BackboneConfig(
        width=16,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=4,
        hidden=16,
        window=WINDOW,
        rope_theta=100.0,
        learned_sinks=learned,
        kept_sinks=kept,
    )


def drawn(module: torch.nn.Module) -> None:
    """Parameters that start as zeros or ones, drawn, so that they take part."""
    for name, parameter in module.named_parameters():
        if name.endswith(("sink", "norm.weight", "no_look", "bias")):
            torch.nn.init.normal_(parameter, 0.5, 0.5)


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest) -> RoboEgoModel:
    torch.manual_seed(0)
    sound = SoundLayout(codebooks=2, entries=8, delays=(0, 1))
    model = RoboEgoModel(
        ModelConfig(
            layout=StreamLayout(text=TextLayout(ids=40), speak=sound, listen=sound),
            backbone=shape(request.param),
            speech=SpeechDecoderConfig(width=8, layers=1, heads=2, hidden=8),
            vision_width=3,
            context_width=V,
        )
    )
    drawn(model)
    return model.requires_grad_(False)


@given(position=st.integers(0, 60), window=st.integers(2, 14), kept=st.integers(0, 4))
def test_what_the_ring_holds(position: int, window: int, kept: int) -> None:
    kept = min(kept, window - 1)
    ring = [-1] * window
    for p in range(position):
        ring[int(ring_index(torch.tensor(p), window, kept))] = p
    assert held_position(torch.tensor([position]), window, kept).tolist() == [ring]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(counts=st.lists(st.integers(1, WINDOW - 3), min_size=1, max_size=6), before=st.integers(0, 2 * WINDOW))
def test_a_chunk_equals_as_many_steps(kind: str, counts: list[int], before: int) -> None:
    torch.manual_seed(0)
    backbone = Backbone(shape(kind)).requires_grad_(False)
    drawn(backbone)
    x_BTD = torch.randn(3, before + sum(counts) + 1, 16)
    alone, together = backbone.initial_state(3), backbone.initial_state(3)
    for t in range(before):
        _, alone = backbone.step(x_BTD[:, t], alone)
        _, together = backbone.step(x_BTD[:, t], together)
    slots, t = torch.tensor([2, 0]), before
    for count in counts:
        h_AMD, together = backbone.extend(x_BTD[slots, t : t + count], together, slots)
        for i in range(count):
            h_BD, alone = backbone.step(x_BTD[:, t + i], alone)
            assert_close(h_AMD[:, i], h_BD[slots], atol=1e-5, rtol=0)
        t += count
    assert together.position.tolist() == [t, before, t]
    # Slot 1 did not ask: it goes on from where it was.
    h_BD, _ = backbone.step(torch.stack([x_BTD[0, t], x_BTD[1, before], x_BTD[2, t]]), together)
    fresh = backbone.initial_state(3)
    for i in range(before + 1):
        expected, fresh = backbone.step(x_BTD[:, i], fresh)
    assert_close(h_BD[1], expected[1], atol=1e-5, rtol=0)
    assert_close(h_BD[::2], backbone.step(x_BTD[:, t], alone)[0][::2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("chunk", [1, 3, 16])
def test_streaming_equals_offline(model: RoboEgoModel, chunk: int) -> None:
    frames = 30
    tokens_BTS = torch.randint(8, (3, frames, model.streams))
    row, frame = torch.tensor([0, 1, 0, 0, 1, 0]), torch.tensor([0, 2, 7, 7, 25, 8])
    pictures = Pictures(torch.randn(6, M, V), row, frame)
    whole = model.hidden_from_tokens(tokens_BTS, pictures=pictures)
    plain = model.hidden_from_tokens(tokens_BTS)
    assert_close(whole[2], plain[2], atol=1e-5, rtol=0)
    assert not torch.allclose(whole[0], plain[0], atol=1e-2)

    state = model.initial_state(3)
    for t in range(frames):
        for n in (frame == t).nonzero()[:, 0].tolist():
            asks = torch.arange(3) == row[n]
            state = model.see(pictures.tokens[n].expand(3, -1, -1), asks, state, chunk=chunk)
        h_BD, state.cache = model.backbone.step(model.fusion(tokens_BTS[:, t]), state.cache)
        assert_close(h_BD, whole[:, t], atol=1e-4, rtol=0)
    assert state.cache.position.tolist() == [frames + 4 * M, frames + 2 * M, frames]


def test_pictures_take_positions_and_no_frames(model: RoboEgoModel) -> None:
    state = model.initial_state(2)
    after = model.see(torch.randn(2, M, V), torch.tensor([True, False]), state)
    assert after.cache.position.tolist() == [M, 0]
    assert after.frame.tolist() == after.pointer.hold.tolist() == [0, 0]
    assert model.see(torch.randn(2, M, V), torch.tensor([False, False]), after).cache.position.tolist() == [M, 0]
    after.reset(torch.tensor([True, False]))
    assert after.cache.position.tolist() == [0, 0]


def test_gradients_reach_the_pictures() -> None:
    x_BTD = torch.randn(2, 3, 2, requires_grad=True)
    pictures = torch.randn(1, 2, 2, requires_grad=True)
    x_BLD, place_BT = interleave(x_BTD, pictures, torch.tensor([1]), torch.tensor([1]))
    assert place_BT.tolist() == [[0, 1, 2], [0, 3, 4]]
    assert torch.equal(x_BLD[1], torch.cat([x_BTD[1, :1], pictures[0], x_BTD[1, 1:]]))
    x_BLD.sum().backward()
    assert x_BTD.grad is not None
    assert pictures.grad is not None
    assert x_BTD.grad.eq(1).all()
    assert pictures.grad.eq(1).all()


def test_what_does_not_fit(model: RoboEgoModel) -> None:
    state, all_ask = model.initial_state(2), torch.tensor([True, True])
    with pytest.raises(ShapeError, match="width 5"):
        model.see(torch.randn(2, M, V + 1), all_ask, state)
    with pytest.raises(ShapeError, match="at most"):
        model.see(torch.randn(2, WINDOW + 1, V), all_ask, state, chunk=WINDOW + 1)
    with pytest.raises(ShapeError, match="within 1 grids of 3 frames"):
        interleave(torch.zeros(1, 3, 2), torch.zeros(1, 2, 2), torch.tensor([0]), torch.tensor([3]))
    model.fusion.context = None
    with pytest.raises(ShapeError, match="no pictures"):
        model.see(torch.randn(2, M, V), all_ask, state)
