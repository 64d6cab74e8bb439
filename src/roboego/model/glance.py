"""Fine sight without time-division multiplexing: each step glances at the details of the latest picture.

Between layers of the backbone, or behind it, the hidden state asks the tokens of the latest picture, and what it finds is added through a
gate (gated cross-attention, Flamingo, arXiv 2204.14198). Keys and values are the same at each place (as in MoshiVis, arXiv 2503.15633), and
made once for each picture, off the step's path; what is asked for is each place's own. Layers that follow see what the frames before
found. There are no extra positions, so no step is late.

Beside the tokens stands a learned key of nothing, whose value is zero: what fits no token well is not there (Miller, "Attention is off by
one", 2023, with a threshold that is learned).
"""
# B batch or slots, T frames, N pictures, M a picture's tokens and nothing, V their width, W model width, H heads, E head dimension,
# C lines of frames that see the same picture, L frames of a line

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.config import GlanceConfig
from roboego.model.context_vision import frames_of
from roboego.model.layers import RMSNorm


@dataclass
class Details:
    """What steps glance at: of each slot the keys and values [B, H, M, E] of the latest picture's tokens, and `seen` [B], whether there is
    one. What the last glance of a step found is left in `found` [B, H E]."""

    keys: Tensor
    values: Tensor
    seen: Tensor
    found: Tensor | None = None

    def put(self, slot: int, keys_HME: Tensor, values_HME: Tensor) -> None:
        """A picture takes the place of the one before."""
        self.keys[slot], self.values[slot] = keys_HME.to(self.keys), values_HME.to(self.values)
        self.seen[slot] = True

    def clear(self, slot: int) -> None:
        """Nothing has been seen, and nothing of it stays in memory."""
        self.keys[slot] = self.values[slot] = 0
        self.seen[slot] = False


BEHIND = 0
"""The place of a glance behind the backbone; else it is after so many of its layers."""
LINE_FRAMES = 8
Look = Callable[[Tensor], Tensor]
OPEN = 0.5
"""Of a gate at first, when what is found adds nothing."""


@dataclass
class Glances:
    """The pictures of a batch of grids, and the frames that see each, line by line.

    Attributes:
        tokens: [N, M, V].
        frames: [C, L] places b T + t of frames that see the same picture; a line that is too short is filled up with B T.
        picture: [C] which one each line sees.
        aims: [C, L, M] what each frame ought to find among the tokens and nothing, its shares in one, or zeros where that is open; None:
            it is open everywhere.
        misses: how far frames were from there, place by place, in what was last computed.
        found: [B, T, H E] what their last glance found then; zeros where there is no picture.
    """

    tokens: Tensor
    frames: Tensor
    picture: Tensor
    aims: Tensor | None = None
    misses: list[Tensor] = field(default_factory=list)
    found: Tensor | None = None

    @classmethod
    def of(cls, tokens_NMV: Tensor, which_BT: Tensor, aims_BTM: Tensor | None = None) -> Self:
        """From the picture that is the latest one in each frame; -1 where there is none.

        Args:
            aims_BTM: what frames ought to find, not zero; zeros where that is open.
        """
        which = which_BT.cpu().numpy().ravel()
        lines, picture = [np.zeros((0, LINE_FRAMES), np.int64)], list[int]()
        for n in range(len(tokens_NMV)):
            frames = np.flatnonzero(which == n)
            missing = -len(frames) % LINE_FRAMES
            lines.append(np.append(frames, np.full(missing, which.size)).reshape(-1, LINE_FRAMES))
            picture += [n] * len(lines[-1])
        places, seen = torch.from_numpy(np.concatenate(lines)), torch.tensor(picture, dtype=torch.int64)
        aims = None if aims_BTM is None else F.pad(aims_BTM.flatten(0, 1), (0, 0, 0, 1))[places]
        aims = aims if aims is None else (aims / aims.sum(-1, keepdim=True).clamp(min=1)).to(tokens_NMV.device)
        return cls(tokens_NMV, places.to(tokens_NMV.device), seen.to(tokens_NMV.device), aims)

    def missed(self) -> Tensor:
        """How far frames were from what they ought to find, in nats; 0 where that was open."""
        return torch.stack(self.misses).mean() if self.misses else self.tokens.new_zeros(())


class _OfLines(torch.autograd.Function):
    """What each line sees [C, ...] of what pictures have [N, ...].

    Lines of a picture stand together, so gradients are sums of stretches: added one by one they take a processor a fifth of a step.
    """

    @staticmethod
    def forward(ctx: Any, of_pictures: Tensor, picture_C: Tensor) -> Tensor:
        ctx.counts = torch.bincount(picture_C, minlength=len(of_pictures)).tolist()
        return of_pictures.index_select(0, picture_C)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (of_lines,) = gradients
        return torch.stack([part.sum(0) for part in of_lines.split(ctx.counts)]), None


class Glance(nn.Module):
    """Hidden states [..., W] look at a picture's tokens."""

    def __init__(self, width: int, config: GlanceConfig) -> None:
        super().__init__()
        self.config, self.heads = config, config.heads
        inner = config.heads * config.head_dim
        self.places = config.after or (BEHIND,)
        self.order = nn.Parameter(torch.zeros(config.tokens, config.token_width))
        self.nothing = nn.Parameter(torch.zeros(config.heads, config.head_dim))
        self.key_value = nn.Linear(config.token_width, 2 * inner, bias=False)
        self.norm = nn.ModuleList(RMSNorm(width, 1e-6) for _ in self.places)
        self.query = nn.ModuleList(nn.Linear(width, inner, bias=False) for _ in self.places)
        self.out = nn.ModuleList(nn.Linear(inner, width, bias=False) for _ in self.places)
        self.gate = nn.Parameter(torch.full((len(self.places),), OPEN))
        for out in self.out:
            nn.init.zeros_(out.weight)  # type: ignore[arg-type]

    def details(self, tokens_BMV: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, M, E] of pictures' tokens, and of nothing behind them.

        Args:
            tokens_BMV: [B, M - 1, V].
        Raises:
            ShapeError: they are of another width, or another number.
        """
        if tokens_BMV.shape[-1] != self.config.token_width:
            raise ShapeError(f"pictures' tokens must be {self.config.token_width} wide, not {tokens_BMV.shape[-1]}")
        if tokens_BMV.shape[-2] != self.config.tokens:
            raise ShapeError(f"pictures must have {self.config.tokens} tokens, not {tokens_BMV.shape[-2]}")
        keys, values = self.key_value(tokens_BMV + self.order).unflatten(-1, (2 * self.heads, -1)).transpose(1, 2).chunk(2, 1)
        nothing = self.nothing[None, :, None].expand(len(keys), -1, -1, -1)
        return torch.cat([keys, nothing], 2), F.pad(values, (0, 0, 0, 1))

    def memory(self, slots: int) -> Details:
        """Room for each slot's picture; nothing has been seen."""
        shape = (slots, self.heads, self.config.tokens + 1, self.config.head_dim)
        keys, values = (self.key_value.weight.new_zeros(shape) for _ in range(2))
        return Details(keys, values, torch.zeros(slots, dtype=torch.bool, device=keys.device))

    def among(self, seen: Glances, place_BT: Tensor | None = None) -> dict[int, Look]:
        """What all frames of grids do at each place of the backbone, and behind it.

        Args:
            place_BT: where the frames stand among positions of other kinds; None: there are no others.
        """
        keys, values = self.details(seen.tokens)
        seen.misses.clear()

        def look(x: Tensor, i: int, place: int) -> Tensor:
            if place_BT is None or place == BEHIND:
                return self._all(x, seen, keys, values, i)
            after = self._all(frames_of(x, place_BT), seen, keys, values, i)
            return x.scatter(1, place_BT[..., None].expand_as(after), after)

        return {place: partial(look, i=i, place=place) for i, place in enumerate(self.places)}

    def now(self, details: Details) -> dict[int, Look]:
        """What the frame of every slot [B, W] does at each place of the backbone, and behind it."""
        return {place: partial(self.step, details=details, i=i) for i, place in enumerate(self.places)}

    def _all(self, h_BTW: Tensor, seen: Glances, keys_NHME: Tensor, values_NHME: Tensor, i: int) -> Tensor:
        """All frames of grids, each at its own picture."""
        h_FW = torch.cat([h_BTW.flatten(0, 1), h_BTW.new_zeros(1, h_BTW.shape[-1])])
        keys, values = (_OfLines.apply(part, seen.picture) for part in (keys_NHME, values_NHME))  # type: ignore[no-untyped-call]
        h_CLW = h_FW[seen.frames]
        query = self._asked(h_CLW, i)
        if seen.aims is not None:
            seen.misses.append(self._missed(query, keys, seen.aims))
        found_CLI = _found(query, keys, values)
        after_FW = h_FW.index_put((seen.frames.flatten(),), self._told(h_CLW, found_CLI, i).flatten(0, 1).to(h_FW.dtype))
        if i == len(self.places) - 1:
            empty_FI = found_CLI.new_zeros(len(h_FW), found_CLI.shape[-1])
            found_FI = empty_FI.index_put((seen.frames.flatten(),), found_CLI.flatten(0, 1))
            seen.found = found_FI[:-1].view(*h_BTW.shape[:2], -1)
        return after_FW[:-1].view_as(h_BTW)

    @torch.no_grad()
    def step(self, h_BW: Tensor, details: Details, i: int = 0) -> Tensor:
        """One frame of every slot, at the place of number `i`."""
        found_BI = _found(self._asked(h_BW[:, None], i), details.keys, details.values)[:, 0]
        if i == len(self.places) - 1:
            details.found = torch.where(details.seen[:, None], found_BI, 0.0)
        return torch.where(details.seen[:, None], self._told(h_BW, found_BI, i), h_BW)

    def _told(self, h: Tensor, found: Tensor, i: int) -> Tensor:
        """What frames [..., W] know after a glance, in the type of the hidden states."""
        return h + torch.tanh(self.gate[i]) * self.out[i](found)  # type: ignore[no-any-return]

    def _asked(self, h_CLW: Tensor, i: int) -> Tensor:
        """Queries [C, H, L, E] of frames."""
        asking = self.norm[i](h_CLW.to(self.key_value.weight.dtype))
        return self.query[i](asking).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-any-return]

    def _missed(self, query: Tensor, keys: Tensor, aims_CLM: Tensor) -> Tensor:
        """How far frames are from what they ought to find: the heads' mean glance from the aim (Kullback-Leibler), where there is one."""
        glance_CLM = (query @ keys.transpose(-1, -2) / self.config.head_dim**0.5).float().softmax(-1).mean(1)
        apart = (torch.xlogy(aims_CLM, aims_CLM) - torch.xlogy(aims_CLM, glance_CLM.clamp(min=1e-6))).sum()
        return apart / aims_CLM.sum().clamp(min=1)


def _found(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """[C, L, H E] what frames find: the mean of the values, by how well their keys fit."""
    return F.scaled_dot_product_attention(query, keys, values).transpose(1, 2).flatten(2)
