"""Causal layers of the embedded codec, channels last, with their past passed in and out."""
# B batch, T steps of the layer's own rate, C channels

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Past = list[Tensor]
"""One tensor [B, history, C] for each stateful layer, in the order in which the layers run."""


class CausalDepthwise(nn.Module):
    """Depthwise convolution over time whose taps all lie in the past or the present."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, 1, kernel) / kernel**0.5)
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def history(self) -> int:
        """Steps of the past that one output needs."""
        return self.weight.shape[-1] - 1

    def step(self, x_BTC: Tensor, past_BHC: Tensor) -> tuple[Tensor, Tensor]:
        padded = torch.cat([past_BHC, x_BTC], dim=1)
        out = F.conv1d(padded.transpose(1, 2), self.weight, self.bias, groups=padded.shape[-1])
        return out.transpose(1, 2), padded[:, -self.history :]


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a two-layer perceptron on each step, added to the input (arXiv 2201.03545)."""

    def __init__(self, channels: int, hidden: int, kernel: int, *, scale: float) -> None:
        super().__init__()
        self.mix = CausalDepthwise(channels, kernel)
        self.norm = nn.LayerNorm(channels)
        self.up = nn.Linear(channels, hidden)
        self.down = nn.Linear(hidden, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def step(self, x_BTC: Tensor, past_BHC: Tensor) -> tuple[Tensor, Tensor]:
        mixed, past_BHC = self.mix.step(x_BTC, past_BHC)
        return x_BTC + self.scale * self.down(F.gelu(self.up(self.norm(mixed)))), past_BHC


class Blocks(nn.Module):
    """Several ConvNeXt blocks one after another."""

    def __init__(self, count: int, channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ConvNeXtBlock(channels, hidden, kernel, scale=1 / max(count, 1)) for _ in range(count))
        self.channels, self.history = channels, kernel - 1

    def initial_past(self, batch: int) -> Past:
        weight = next(self.parameters())
        return [weight.new_zeros(batch, self.history, self.channels) for _ in self.blocks]

    def step(self, x_BTC: Tensor, past: Past) -> tuple[Tensor, Past]:
        new_past = []
        for block, before in zip(self.blocks, past, strict=True):
            assert isinstance(block, ConvNeXtBlock)
            x_BTC, after = block.step(x_BTC, before)
            new_past.append(after)
        return x_BTC, new_past
