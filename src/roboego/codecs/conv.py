"""Causal convolutions that can be fed a whole signal or one block at a time, for any number of slots that start independently."""
# B batch (slots), C channels, T samples in, H samples of history, P pending output samples

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from roboego.errors import ShapeError

Padding = Literal["zeros", "replicate"]
"""What stands before a slot's first sample: silence, or its first sample repeated."""


SHORT = 16
"""Up to this many steps a convolution is done as a matrix product: CPU kernels for longer ones first rearrange all their weights,
which at 1024 channels and 2 steps costs 3 (plain) to 15 (transposed) times the work itself."""


@dataclass(frozen=True, kw_only=True)
class ConvConfig:
    """Shape of a causal convolution, plain or transposed.

    Raises:
        ValueError: a stride beyond the kernel's reach (samples would be skipped, or outputs never written), or sizes below 1.
    """

    channels_in: int
    channels_out: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = True
    padding: Padding = "zeros"

    def __post_init__(self) -> None:
        if min(self.channels_in, self.channels_out, self.kernel, self.stride, self.dilation, self.groups) < 1:
            raise ValueError(f"a convolution's sizes must be at least 1: {self}")
        if self.stride > self.reach:
            raise ValueError(f"a stride of {self.stride} needs a kernel that reaches at least as far, not {self.reach}: {self}")

    @property
    def reach(self) -> int:
        """Samples from the first to the last tap of the kernel."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def history(self) -> int:
        """Samples of the past that one output needs, beyond its own block."""
        return self.reach - self.stride


@dataclass(slots=True)
class ConvState:
    """The past of a causal convolution. `step` updates it in place (fixed addresses, so a step can be captured in a CUDA graph)."""

    past_BCH: Tensor
    """Plain: the last H input samples. Transposed: what past inputs add to the next H output samples (bias not included)."""
    fresh_B: Tensor | None = None
    """Slots (bool) that have not seen a sample; kept only where padding depends on the first one."""

    def reset(self, mask_B: Tensor) -> None:
        """Puts the slots where `mask_B` [B] (bool) is true back to before their first sample."""
        self.past_BCH.masked_fill_(mask_B[:, None, None], 0.0)
        if self.fresh_B is not None:
            self.fresh_B.logical_or_(mask_B)


class CausalConv1d(nn.Module):
    """1-D convolution whose output never looks ahead.

    Streaming and offline agree: feeding blocks whose length is a multiple of `stride` gives the offline result.
    """

    def __init__(self, config: ConvConfig) -> None:
        super().__init__()
        self.config = config
        self.conv = nn.Conv1d(
            config.channels_in,
            config.channels_out,
            config.kernel,
            stride=config.stride,
            dilation=config.dilation,
            groups=config.groups,
            bias=config.bias,
        )

    def initial_state(self, batch: int) -> ConvState:
        """Nothing heard yet: zeros [B, C_in, history]."""
        weight = self.conv.weight
        fresh_B = torch.ones(batch, dtype=torch.bool, device=weight.device) if self.config.padding == "replicate" else None
        return ConvState(weight.new_zeros(batch, self.config.channels_in, self.config.history), fresh_B)

    def step(self, x_BCT: Tensor, state: ConvState) -> tuple[Tensor, ConvState]:
        """One block.

        Args:
            x_BCT: samples, T a multiple of `stride`.
            state: what came before; updated in place.
        Returns:
            Output [B, C_out, T / stride] and the state for the next block.
        Raises:
            ShapeError: T is not a multiple of `stride`, or B or C do not fit.
        """
        check_block(x_BCT, self.config, multiple=self.config.stride, batch=len(state.past_BCH))
        if self.config.history == 0:
            return self._convolve(x_BCT), state
        past_BCH = state.past_BCH
        if state.fresh_B is not None:
            past_BCH = torch.where(state.fresh_B.clone()[:, None, None], x_BCT[..., :1], past_BCH)  # autograd keeps the clone
            state.fresh_B.zero_()
        joined_BCT = torch.cat((past_BCH, x_BCT), dim=-1)
        state.past_BCH.copy_(joined_BCT[..., -self.config.history :])
        return self._convolve(joined_BCT), state

    def _convolve(self, x_BCT: Tensor) -> Tensor:
        """History and block [B, C_in, history + T] -> [B, C_out, T / stride]."""
        config = self.config
        if config.groups > 1 or x_BCT.shape[-1] - config.history > SHORT * config.stride:
            y_BCT: Tensor = self.conv(x_BCT)
            return y_BCT
        windows_BCTK = x_BCT.unfold(-1, config.reach, config.stride)[..., :: config.dilation]
        columns_BTC = windows_BCTK.transpose(1, 2).flatten(2)
        return F.linear(columns_BTC, self.conv.weight.flatten(1), self.conv.bias).transpose(1, 2)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """A whole signal [B, C_in, T], T a multiple of `stride` -> [B, C_out, T / stride]."""
        return self.step(x_BCT, self.initial_state(len(x_BCT)))[0]


class CausalConvTranspose1d(nn.Module):
    """Transposed 1-D convolution whose output never waits for what comes next: each input writes its own `stride` samples and on.

    The tail that the last inputs would still write (history samples) is pending, and dropped at the end of the signal.
    """

    def __init__(self, config: ConvConfig) -> None:
        super().__init__()
        if config.padding != "zeros":
            raise ValueError(f"a transposed convolution has no padding other than zeros: {config}")
        self.config = config
        self.conv = nn.ConvTranspose1d(
            config.channels_in,
            config.channels_out,
            config.kernel,
            stride=config.stride,
            dilation=config.dilation,
            groups=config.groups,
            bias=config.bias,
        )

    def initial_state(self, batch: int) -> ConvState:
        """Nothing pending: zeros [B, C_out, history]."""
        return ConvState(self.conv.weight.new_zeros(batch, self.config.channels_out, self.config.history))

    def step(self, x_BCT: Tensor, state: ConvState) -> tuple[Tensor, ConvState]:
        """One block.

        Args:
            x_BCT: samples, any T of at least 1.
            state: what came before; updated in place.
        Returns:
            Output [B, C_out, T * stride] and the state for the next block.
        Raises:
            ShapeError: T is 0, or B or C do not fit.
        """
        check_block(x_BCT, self.config, multiple=1, batch=len(state.past_BCH))
        config = self.config
        y_BCT = self._spread(x_BCT)
        done, history = x_BCT.shape[-1] * config.stride, config.history
        if history > 0:
            y_BCT = torch.cat((y_BCT[..., :history] + state.past_BCH, y_BCT[..., history:]), dim=-1)
            state.past_BCH.copy_(y_BCT[..., done:])
        y_BCT = y_BCT[..., :done]
        return (y_BCT if self.conv.bias is None else y_BCT + self.conv.bias[:, None]), state

    def _spread(self, x_BCT: Tensor) -> Tensor:
        """Block [B, C_in, T] -> all that it writes, [B, C_out, T * stride + history], without bias."""
        config, (batch, _, length) = self.config, x_BCT.shape
        stride, parts = config.stride, config.kernel // config.stride
        if config.groups > 1 or config.dilation > 1 or config.kernel % stride or length > SHORT:
            return F.conv_transpose1d(x_BCT, self.conv.weight, None, stride, groups=config.groups, dilation=config.dilation)
        written_BCTPS = (x_BCT.transpose(1, 2) @ self.conv.weight.flatten(1)).view(batch, length, -1, parts, stride).transpose(1, 2)
        y_BCTS = F.pad(written_BCTPS[..., 0, :], (0, 0, 0, parts - 1))
        for part in range(1, parts):
            y_BCTS = y_BCTS + F.pad(written_BCTPS[..., part, :], (0, 0, part, parts - 1 - part))
        return y_BCTS.flatten(2)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """A whole signal [B, C_in, T] -> [B, C_out, T * stride]."""
        return self.step(x_BCT, self.initial_state(len(x_BCT)))[0]


def check_block(x_BCT: Tensor, config: ConvConfig, *, multiple: int, batch: int) -> None:
    """Raises ShapeError unless `x_BCT` is [batch, channels_in, T] with T a positive multiple of `multiple`."""
    if x_BCT.dim() != 3 or x_BCT.shape[:2] != (batch, config.channels_in) or x_BCT.shape[2] % multiple or not x_BCT.shape[2]:
        wanted = f"[{batch}, {config.channels_in}, T] with T a positive multiple of {multiple}"
        raise ShapeError(f"a causal convolution was given {list(x_BCT.shape)} instead of {wanted}")
