"""Fusion: every stream's token of a step is looked up, and the vectors are added up."""
# B batch, T frames, S streams (one table each), D width

from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.config import ModelConfig
from roboego.model.senses import NONE, FeltByName, FeltNow, NowByName, Sense
from roboego.streams.pointer import LONGEST_HOLD

POINTER = ("token", "after", "hold")


def stream_sizes(config: ModelConfig) -> list[tuple[str, int]]:
    """Names and vocabulary sizes of the fused streams, in order: text, speak, listen, then what the model has beside them."""
    layout = config.layout
    sizes = [("text", layout.text.ids)]
    sizes += [(f"speak.{k}", layout.speak.ids) for k in range(layout.speak.codebooks)]
    sizes += [(f"listen.{k}", layout.listen.ids) for k in range(layout.listen.codebooks)]
    if layout.reads:
        sizes.append(("read", layout.text.ids))
    if config.caption_head:
        sizes.append(("caption", layout.text.ids))
    if config.spoken_head:
        sizes += [("token", layout.text.ids), ("after", layout.text.ids), ("hold", LONGEST_HOLD + 1)]
    sizes += [(f"act.{d}", layout.action_bins + 1) for d in range(layout.action_dims)]
    return sizes


class Fusion(nn.Module):
    """One table of all streams' embeddings, and a projection of the picture's vector.

    `x_t = sum_s table[offset_s + token_s] (+ W picture)`, as in Moshi and FLM-Audio. A step without a picture adds a learned vector,
    so that "no picture" is not mistaken for a black one.
    """

    offsets: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        sizes = [size for _, size in stream_sizes(config)]
        self.table = nn.Parameter(torch.randn(sum(sizes), config.backbone.width) * 0.05)
        self.register_buffer("offsets", self.offsets_of(config), persistent=False)
        self.scale = config.input_scale
        self.text_ids = config.layout.text.ids
        self.look = nn.Linear(config.vision_width, config.backbone.width) if config.vision_width else None
        self.no_look = nn.Parameter(torch.zeros(config.backbone.width)) if config.vision_width else None
        self.senses = nn.ModuleDict({sense.name: Sense(config.backbone.width, sense) for sense in config.senses})
        self.context = nn.Linear(config.context_width, config.backbone.width) if config.context_width else None

    @staticmethod
    def offsets_of(config: ModelConfig) -> Tensor:
        """Row of each stream's first embedding in the table."""
        sizes = [size for _, size in stream_sizes(config)]
        return torch.tensor([0, *sizes[:-1]], device="cpu").cumsum(0)

    @property
    def text_table(self) -> Tensor:
        """Embeddings [V, D] of the text stream; a tied head shares them."""
        return self.table[: self.text_ids]

    def stream_table(self, config: ModelConfig, stream: str) -> Tensor:
        """Embeddings [ids, D] of one of `stream_sizes`, a part of the table."""
        names = [name for name, _ in stream_sizes(config)]
        i = names.index(stream)
        start = int(self.offsets[i])
        return self.table[start : start + stream_sizes(config)[i][1]]

    def forward(self, tokens_MS: Tensor, look_MV: Tensor | None = None, look_M: Tensor | None = None) -> Tensor:
        """Tokens [M, S] in the order of `stream_sizes` -> fused vectors [M, D].

        Args:
            look_MV: the latest picture's fused vector; `look_M` (bool) says where there is one.
        """
        x_MD = F.embedding_bag(tokens_MS + self.offsets, self.table, mode="sum")
        if self.look is not None and self.no_look is not None:
            if look_MV is None or look_M is None:
                x_MD = x_MD + self.no_look
            else:
                x_MD = x_MD + torch.where(look_M[:, None], self.look(look_MV), self.no_look)
        return x_MD * self.scale if self.scale != 1.0 else x_MD

    def felt(self, felt: FeltByName | None, batch: int, frames: int) -> Tensor | None:
        """What senses add to each frame [B, T, D]; those that the model has and nobody tells of are missing. None: it has none."""
        return self._added({name: sense(given) for name, sense, given in self._told(felt)}, felt, (batch, frames))

    def felt_now(self, felt: NowByName | None, batch: int) -> Tensor | None:
        """The same of one step [B, D]."""
        return self._added({name: sense.step(given) for name, sense, given in self._told(felt)}, felt, (batch,))

    def sense_memory(self, slots: int) -> dict[str, FeltNow]:
        """Room for each slot's latest readings; nothing has been felt."""
        return {name: sense.memory(slots) for name, sense in self._each()}

    def feel(self, name: str, felt: FeltNow, slot: int, reading: Tensor) -> None:
        """A reading of the sense of that name takes the place of the slot's one before."""
        self.senses[name].feel(felt, slot, reading)  # type: ignore[operator]

    def _told(self, felt: Mapping[str, Any] | None) -> Iterator[tuple[str, Sense, Any]]:
        return ((name, sense, felt[name]) for name, sense in self._each() if felt is not None and name in felt)

    def _each(self) -> Iterator[tuple[str, Sense]]:
        return self.senses.items()  # type: ignore[return-value]

    def _added(self, told: dict[str, Tensor], felt: Mapping[str, Any] | None, size: tuple[int, ...]) -> Tensor | None:
        """Raises ShapeError if something is told of a sense that the model does not have."""
        foreign = sorted(set(felt or ()) - set(self.senses))
        if foreign:
            raise ShapeError(f"the model has no sense {', '.join(foreign)}; it has {', '.join(self.senses) or 'none'}")
        missing = [sense.marks[NONE].expand(*size, -1) for name, sense in self._each() if name not in told]
        each = [*told.values(), *missing]
        return sum(each[1:], each[0]) if each else None

    def picture_positions(self, tokens_NMV: Tensor) -> Tensor:
        """A picture's tokens [N, M, V] -> as many extra positions [N, M, D].

        Raises:
            ShapeError: the model has no context vision, or takes tokens of another width.
        """
        if self.context is None or tokens_NMV.shape[-1] != self.context.in_features:
            wanted = f"tokens of width {self.context.in_features}" if self.context else "no pictures in its context"
            raise ShapeError(f"the model takes {wanted}, not {list(tokens_NMV.shape)}; see its configuration's context_width")
        x_NMD: Tensor = self.context(tokens_NMV)
        return x_NMD * self.scale if self.scale != 1.0 else x_NMD
