"""The causal decoder: RMSNorm, rotary attention with grouped keys and values, SwiGLU (Llama, arXiv 2302.13971; Qwen2, 2407.10671)."""
# B batch, A some of its slots, T positions, M new positions, S those seen, D width, H heads, G key-value heads, R = H / G heads a group,
# E head dimension, W window, C columns of the ring

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from roboego.errors import ShapeError
from roboego.model.backbone_step import Between, StackStep, turns
from roboego.model.cache import RingCache, held_position, ring_index
from roboego.model.config import BackboneConfig
from roboego.model.layers import RMSNorm, SwiGLU
from roboego.model.native.backbone import NativeStack
from roboego.model.native.weights import readable
from roboego.model.rope import rotate

NOTHING: Between = {}


class Attention(nn.Module):
    """Attention of one layer, over whole sequences (`forward`) or one position against the ring (`step`)."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.heads + 2 * config.kv_heads) * config.head_dim
        self.qkv = nn.Linear(config.width, widths, bias=config.qkv_bias)
        self.out = nn.Linear(config.heads * config.head_dim, config.width, bias=config.out_bias)
        self.sink = nn.Parameter(torch.zeros(config.heads)) if config.learned_sinks else None

    def _split(self, x_BTD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c = self.config
        sizes = [c.heads * c.head_dim, c.kv_heads * c.head_dim, c.kv_heads * c.head_dim]
        return tuple(part.unflatten(-1, (-1, c.head_dim)).transpose(1, 2) for part in self.qkv(x_BTD).split(sizes, -1))

    def forward(self, x_BTD: Tensor, cosine: Tensor, sine: Tensor, bias_TT: Tensor) -> Tensor:
        """Whole sequences; `bias_TT` is 0 where a position may look and -inf elsewhere."""
        q_BHTE, k_BGTE, v_BGTE = self._split(x_BTD)
        k_BGTE = rotate(k_BGTE, cosine, sine)
        scores = self._scores(rotate(q_BHTE, cosine, sine), k_BGTE)
        kept, window = self.config.kept_sinks, self.config.window
        if kept and x_BTD.shape[1] > window:
            # Past the window, kept positions stand right before it.
            last = torch.arange(x_BTD.shape[1], device=x_BTD.device).clamp(max=window - 1)
            q_BHTE = rotate(q_BHTE, cosine[last], sine[last])
            scores = torch.cat([self._scores(q_BHTE, k_BGTE[:, :, :kept]), scores[..., kept:]], -1)
        return self.out(self._mix(scores + bias_TT, v_BGTE))  # type: ignore[no-any-return]

    def _scores(self, q_BHTE: Tensor, k_BGSE: Tensor) -> Tensor:
        batch, heads, frames, size = q_BHTE.shape
        q = (q_BHTE / math.sqrt(size)).reshape(batch, k_BGSE.shape[1], -1, size)
        return (q @ k_BGSE.transpose(-1, -2)).reshape(batch, heads, frames, -1)

    def _mix(self, scores_BHTS: Tensor, v_BGSE: Tensor) -> Tensor:
        """Softmax with grouped heads -> [B, T, H * E]; the sink's logit takes its share of the softmax and adds nothing."""
        batch, heads, frames, _ = scores_BHTS.shape
        if self.sink is not None:
            sink = self.sink.to(scores_BHTS.dtype).view(1, heads, 1, 1).expand(batch, -1, frames, -1)
            weights = torch.cat([scores_BHTS, sink], -1).float().softmax(-1)[..., :-1]
        else:
            weights = scores_BHTS.float().softmax(-1)
        mixed = weights.to(v_BGSE.dtype).reshape(batch, v_BGSE.shape[1], -1, weights.shape[-1]) @ v_BGSE
        return mixed.reshape(batch, heads, frames, -1).transpose(1, 2).flatten(2)

    def extend(self, x_AMD: Tensor, more: "Extension", ring: Tensor) -> Tensor:
        """M positions of some slots. They see the ring as it was before them, and each other; then the ring is updated in place."""
        q_AHME, k_AGME, v_AGME = self._split(x_AMD)
        k_AGME = rotate(k_AGME, *more.turn)
        old_AGWE = ring[:, more.slots, ..., : self.config.window].transpose(-1, -2)
        k_AGSE, v_AGSE = torch.cat([old_AGWE[0], k_AGME], 2), torch.cat([old_AGWE[1], v_AGME], 2)
        scores = self._scores(rotate(q_AHME, *more.turn), k_AGSE)
        if kept := self.config.kept_sinks:
            scores[..., :kept] = self._scores(rotate(q_AHME, *more.kept_turn), k_AGSE[:, :, :kept])
        slots, columns = more.slots[:, None], more.columns
        ring[0, slots, :, :, columns], ring[1, slots, :, :, columns] = k_AGME.transpose(1, 2), v_AGME.transpose(1, 2)
        return self.out(self._mix(scores + more.bias, v_AGSE))  # type: ignore[no-any-return]


@dataclass
class Extension:
    """What several new positions of some slots share among the layers.

    Attributes:
        slots: [A] the slots.
        columns: [A, M] where the positions go.
        turn: cosines and sines [A, 1, M, E / 2] of the positions; `kept_turn` those of queries as the kept first positions see them.
        bias: [A, 1, M, W + M] 0 for what a position sees of the ring and of the new ones, -inf for the rest.
    """

    slots: Tensor
    columns: Tensor
    turn: tuple[Tensor, Tensor]
    kept_turn: tuple[Tensor, Tensor]
    bias: Tensor

    @classmethod
    def of(cls, start_A: Tensor, slots_A: Tensor, count: int, config: BackboneConfig, dtype: torch.dtype) -> "Extension":
        c, new = config, torch.arange(count, device=start_A.device)
        position_AM = start_A[:, None] + new
        held_AW = held_position(start_A, c.window, c.kept_sinks)
        recent_AMW = position_AM[..., None] - held_AW[:, None] < c.window - c.kept_sinks
        old_AMW = (recent_AMW | (held_AW < c.kept_sinks)[:, None]) & (held_AW >= 0)[:, None]
        seen_AMS = torch.cat([old_AMW, (new <= new[:, None]).expand(len(start_A), -1, -1)], -1)
        bias = torch.zeros_like(seen_AMS, dtype=dtype).masked_fill_(~seen_AMS, -torch.inf)[:, None]
        kept_turn = turns(position_AM.clamp(max=c.window - 1)[:, None], c, dtype)
        return cls(slots_A, ring_index(position_AM, c.window, c.kept_sinks), turns(position_AM[:, None], c, dtype), kept_turn, bias)


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and added to the stream."""

    attention: Attention
    mlp: SwiGLU

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.norm_eps)
        self.attention = Attention(config)
        self.mlp_norm = RMSNorm(config.width, config.norm_eps)
        self.mlp = SwiGLU(config.width, config.hidden, bias=config.mlp_bias)

    def forward(self, x_BTD: Tensor, cosine: Tensor, sine: Tensor, bias_TT: Tensor) -> Tensor:
        """Whole sequences."""
        x_BTD = x_BTD + self.attention(self.attention_norm(x_BTD), cosine, sine, bias_TT)
        return x_BTD + self.mlp(self.mlp_norm(x_BTD))  # type: ignore[no-any-return]

    def extend(self, x_AMD: Tensor, more: Extension, ring: Tensor) -> Tensor:
        """Several positions of some slots."""
        x_AMD = x_AMD + self.attention.extend(self.attention_norm(x_AMD), more, ring)
        return x_AMD + self.mlp(self.mlp_norm(x_AMD))  # type: ignore[no-any-return]


class Backbone(nn.Module):
    """The stack of layers and the last norm."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.norm_eps)

    def initial_state(self, batch: int, *, native: bool = True) -> RingCache:
        """Empty rings for so many slots. To be made anew when weights have been replaced or moved.

        Args:
            native: on a CPU, use the compiled functions of `roboego.model.native`.
        """
        weight = self.norm.weight
        layers: list[Layer] = list(self.layers)  # type: ignore[arg-type]
        sinks = [layer.attention.sink for layer in layers if layer.attention.sink is not None]
        state = RingCache.initial(self.config, batch, sinks, device=weight.device, dtype=weight.dtype)
        # Kept first positions are seen by queries turned in another way, which has not been compiled.
        compiled = native and not self.config.kept_sinks and readable(self)
        state.steps = (NativeStack if compiled else StackStep)(self.config, layers, self.norm, state)
        return state

    def forward(self, x_BTD: Tensor, tap: int | None = None, between: Between = NOTHING) -> Tensor:
        """Fused inputs [B, T, D] from position 0 on -> hidden states [B, T, D].

        Args:
            between: what is done after so many layers.
            tap: asks for what has been computed after so many layers too, which then stands behind the hidden states: [B, T, 2 D].
        """
        c, tapped = self.config, x_BTD
        place = torch.arange(x_BTD.shape[1], device=x_BTD.device)
        cosine, sine = turns(place, c, x_BTD.dtype)
        behind = place[:, None] - place
        seen = (behind >= 0) & ((behind < c.window - c.kept_sinks) | (place < c.kept_sinks))
        bias = torch.zeros_like(seen, dtype=x_BTD.dtype).masked_fill(~seen, -torch.inf)
        for i, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, cosine, sine, bias)
            if i + 1 in between:
                x_BTD = between[i + 1](x_BTD)
            if i + 1 == tap:
                tapped = x_BTD
        h_BTD: Tensor = self.norm(x_BTD)
        return h_BTD if tap is None else torch.cat([h_BTD, tapped], -1)

    @torch.no_grad()
    def step(self, x_BD: Tensor, state: RingCache, between: Between = NOTHING) -> tuple[Tensor, RingCache]:
        """One position of each slot [B, D] -> hidden state [B, D]. The ring is updated in place."""
        assert state.steps is not None  # `initial_state` made it
        return state.steps(x_BD, state.position, between), replace(state, position=state.position + 1)

    @torch.no_grad()
    def extend(self, x_AMD: Tensor, state: RingCache, slots_A: Tensor) -> tuple[Tensor, RingCache]:
        """M positions of the slots `slots_A` at once, as M steps would take them -> hidden states [A, M, D]. Other slots are not touched.

        Raises:
            ShapeError: M is more than the ring holds beside the kept first positions.
        """
        c, count = self.config, x_AMD.shape[1]
        if count > c.window - c.kept_sinks:
            raise ShapeError(f"at most {c.window - c.kept_sinks} positions at once, not {count}; give them in parts")
        more = Extension.of(state.position[slots_A], slots_A, count, c, x_AMD.dtype)
        for i, layer in enumerate(self.layers):
            x_AMD = layer.extend(x_AMD, more, state.rings[i])  # type: ignore[operator]
        state.bias[:, slots_A[:, None], :, more.columns] = 0.0
        position = state.position.clone()
        position[slots_A] += count
        return self.norm(x_AMD), replace(state, position=position)
