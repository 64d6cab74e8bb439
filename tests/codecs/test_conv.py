"""Causal convolutions: streaming equals offline, whatever the blocks and whenever slots start."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from roboego.codecs.conv import CausalConv1d, CausalConvTranspose1d, ConvConfig
from roboego.errors import ShapeError

SLOTS = 3


@st.composite
def configs(draw: st.DrawFn, transposed: bool) -> ConvConfig:
    kernel, dilation = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 2]))
    return ConvConfig(
        channels_in=2 * groups,
        channels_out=groups * draw(st.integers(1, 3)),
        kernel=kernel,
        dilation=dilation,
        stride=draw(st.integers(1, (kernel - 1) * dilation + 1)),
        groups=groups,
        bias=draw(st.booleans()),
        padding="zeros" if transposed else draw(st.sampled_from(["zeros", "replicate"])),
    )


# Each block: its length (in strides) and the slots that start afresh before it.
schedules = st.lists(st.tuples(st.integers(1, 9), st.lists(st.booleans(), min_size=SLOTS, max_size=SLOTS)), min_size=1, max_size=5)


def stream(conv: CausalConv1d | CausalConvTranspose1d, blocks: list[Tensor], resets: list[Tensor]) -> list[Tensor]:
    state, out = conv.initial_state(SLOTS), []
    for block, reset_B in zip(blocks, resets, strict=True):
        state.reset(reset_B)
        y, state = conv.step(block, state)
        out.append(y)
    return out


def offline(conv: CausalConv1d | CausalConvTranspose1d, blocks: list[Tensor], resets: list[Tensor], slot: int) -> Tensor:
    """What the slot hears between two resets, computed at once."""
    lives: list[list[Tensor]] = [[]]
    for block, reset_B in zip(blocks, resets, strict=True):
        if reset_B[slot] and lives[-1]:
            lives.append([])
        lives[-1].append(block[slot : slot + 1])
    return torch.cat([conv(torch.cat(life, -1)) for life in lives], -1)[0]


@settings(deadline=None, max_examples=30)
@given(config=configs(transposed=False), schedule=schedules)
def test_streaming_equals_offline(config: ConvConfig, schedule: list[tuple[int, list[bool]]]) -> None:
    torch.manual_seed(0)
    conv = CausalConv1d(config)
    blocks = [torch.randn(SLOTS, config.channels_in, strides * config.stride) for strides, _ in schedule]
    resets = [torch.tensor(reset) for _, reset in schedule]
    out = torch.cat(stream(conv, blocks, resets), -1)
    for slot in range(SLOTS):
        assert_close(out[slot], offline(conv, blocks, resets, slot), atol=1e-5, rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(config=configs(transposed=True), schedule=schedules)
def test_transposed_streaming_equals_offline(config: ConvConfig, schedule: list[tuple[int, list[bool]]]) -> None:
    torch.manual_seed(0)
    conv = CausalConvTranspose1d(config)
    blocks = [torch.randn(SLOTS, config.channels_in, length) for length, _ in schedule]
    resets = [torch.tensor(reset) for _, reset in schedule]
    out = torch.cat(stream(conv, blocks, resets), -1)
    for slot in range(SLOTS):
        assert_close(out[slot], offline(conv, blocks, resets, slot), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_whole_signal_is_a_left_padded_convolution(padding: str) -> None:
    config = ConvConfig(channels_in=2, channels_out=3, kernel=5, stride=2, dilation=2, padding=padding)  # type: ignore[arg-type]
    conv, x = CausalConv1d(config), torch.randn(1, 2, 20)
    padded = F.pad(x, (config.history, 0), mode="constant" if padding == "zeros" else "replicate")
    assert_close(conv(x), conv.conv(padded))


def test_whole_signal_is_a_trimmed_transposed_convolution() -> None:
    conv, x = CausalConvTranspose1d(ConvConfig(channels_in=2, channels_out=3, kernel=8, stride=4)), torch.randn(1, 2, 10)
    assert_close(conv(x), conv.conv(x)[..., : 10 * 4])


def test_output_never_looks_ahead() -> None:
    conv, x = CausalConv1d(ConvConfig(channels_in=1, channels_out=1, kernel=7)), torch.randn(1, 1, 30)
    changed = x.clone()
    changed[..., 17:] += 1
    assert_close(conv(x)[..., :17], conv(changed)[..., :17])
    assert not torch.allclose(conv(x)[..., 17], conv(changed)[..., 17])


@pytest.mark.parametrize("conv_type", [CausalConv1d, CausalConvTranspose1d])
def test_state_stays_where_it_is(conv_type: type[CausalConv1d] | type[CausalConvTranspose1d]) -> None:
    conv = conv_type(ConvConfig(channels_in=2, channels_out=2, kernel=6, stride=2))
    state = conv.initial_state(1)
    address = state.past_BCH.data_ptr()
    for _ in range(3):
        _, state = conv.step(torch.randn(1, 2, 4), state)
    assert state.past_BCH.data_ptr() == address
    assert state.past_BCH.abs().sum() > 0


def test_a_reset_forgets_even_what_is_not_a_number() -> None:
    conv = CausalConv1d(ConvConfig(channels_in=1, channels_out=1, kernel=3))
    state, x = conv.initial_state(2), torch.randn(2, 1, 5)
    conv.step(torch.full((2, 1, 5), torch.nan), state)
    state.reset(torch.tensor([True, False]))
    y, _ = conv.step(x, state)
    assert_close(y[:1], conv(x[:1]))
    assert y[1].isnan().any()


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_gradients_reach_weights_and_input(padding: str) -> None:
    down = CausalConv1d(ConvConfig(channels_in=1, channels_out=4, kernel=4, stride=2, padding=padding))  # type: ignore[arg-type]
    up = CausalConvTranspose1d(ConvConfig(channels_in=4, channels_out=1, kernel=4, stride=2))
    x = torch.randn(2, 1, 16, requires_grad=True)
    up(down(x)).square().sum().backward()
    for tensor in (x, *down.parameters(), *up.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 2, 5), (1, 2, 0), (1, 3, 4), (2, 2, 4), (2, 4)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    conv = CausalConv1d(ConvConfig(channels_in=2, channels_out=3, kernel=4, stride=2))
    with pytest.raises(ShapeError, match=r"instead of \[1, 2, T\]"):
        conv.step(torch.zeros(shape), conv.initial_state(1))


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="stride of 4"):
        ConvConfig(channels_in=1, channels_out=1, kernel=3, stride=4)
    with pytest.raises(ValueError, match="at least 1"):
        ConvConfig(channels_in=0, channels_out=1, kernel=3)
    with pytest.raises(ValueError, match="no padding other than zeros"):
        CausalConvTranspose1d(ConvConfig(channels_in=1, channels_out=1, kernel=3, padding="replicate"))
