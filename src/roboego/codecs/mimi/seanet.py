"""SEANet: convolutions with residual blocks that take sound down to 25 vectors a second, and back up.

Source: Tagliasacchi et al., "SEANet" (arXiv 2009.02095), in the causal form of SoundStream, EnCodec and Mimi.
"""
# B batch (slots), C channels, T samples

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from roboego.codecs.conv import CausalConv1d, CausalConvTranspose1d, ConvConfig, Padding
from roboego.codecs.mimi.config import MimiConfig


@dataclass(slots=True)
class ChainState:
    """The past of a chain's stateful layers, in their order."""

    layers: list[Any]
    """A ConvState or ChainState each."""

    def reset(self, mask_B: Tensor) -> None:
        for layer in self.layers:
            layer.reset(mask_B)


class Chain(nn.ModuleList):
    """Layers applied one after another, a block at a time. Activations have no state."""

    def initial_state(self, batch: int) -> ChainState:
        return ChainState([layer.initial_state(batch) for layer in self if isinstance(layer, STATEFUL)])

    def step(self, x_BCT: Tensor, state: ChainState) -> tuple[Tensor, ChainState]:
        """One block: T a multiple of the product of all strides; the state is updated in place."""
        past = iter(state.layers)
        for layer in self:
            x_BCT = layer.step(x_BCT, next(past))[0] if isinstance(layer, STATEFUL) else layer(x_BCT)
        return x_BCT, state


class ResidualBlock(nn.Module):
    """A narrow dilated convolution and a wide pointwise one beside a shortcut."""

    def __init__(self, config: MimiConfig, width: int, dilation: int) -> None:
        super().__init__()
        narrow = width // config.compress
        self.block = Chain(
            [
                nn.ELU(),
                conv(config, width, narrow, config.residual_kernel_size, dilation=dilation),
                nn.ELU(),
                conv(config, narrow, width, 1),
            ]
        )
        self.shortcut = Chain([conv(config, width, width, 1)] if config.use_conv_shortcut else [])

    def initial_state(self, batch: int) -> ChainState:
        return ChainState([self.block.initial_state(batch), self.shortcut.initial_state(batch)])

    def step(self, x_BCT: Tensor, state: ChainState) -> tuple[Tensor, ChainState]:
        block, shortcut = state.layers
        return self.shortcut.step(x_BCT, shortcut)[0] + self.block.step(x_BCT, block)[0], state


STATEFUL = (CausalConv1d, CausalConvTranspose1d, ResidualBlock)


def encoder(config: MimiConfig) -> Chain:
    """Sound [B, 1, T * hop] -> [B, hidden_size, T]."""
    layers: list[nn.Module] = [conv(config, 1, config.num_filters, config.kernel_size)]
    for ratio, width, wider in zip(reversed(config.upsampling_ratios), config.widths[:-1], config.widths[1:], strict=True):
        layers += residual_blocks(config, width)
        layers += [nn.ELU(), conv(config, width, wider, 2 * ratio, stride=ratio)]
    layers += [nn.ELU(), conv(config, config.widths[-1], config.hidden_size, config.last_kernel_size)]
    return Chain(layers)


def decoder(config: MimiConfig) -> Chain:
    """Vectors [B, hidden_size, T] -> sound [B, 1, T * hop]."""
    wide_first = config.widths[::-1]
    layers: list[nn.Module] = [conv(config, config.hidden_size, wide_first[0], config.kernel_size)]
    for ratio, width, narrower in zip(config.upsampling_ratios, wide_first[:-1], wide_first[1:], strict=True):
        up = ConvConfig(channels_in=width, channels_out=narrower, kernel=2 * ratio, stride=ratio)
        layers += [nn.ELU(), CausalConvTranspose1d(up), *residual_blocks(config, narrower)]
    layers += [nn.ELU(), conv(config, config.num_filters, 1, config.last_kernel_size)]
    return Chain(layers)


def residual_blocks(config: MimiConfig, width: int) -> Iterable[ResidualBlock]:
    return [ResidualBlock(config, width, config.dilation_growth_rate**i) for i in range(config.num_residual_layers)]


def conv(config: MimiConfig, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> CausalConv1d:
    padding: Padding = "zeros" if config.pad_mode == "constant" else "replicate"
    shape = ConvConfig(channels_in=channels_in, channels_out=channels_out, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
    return CausalConv1d(shape)
