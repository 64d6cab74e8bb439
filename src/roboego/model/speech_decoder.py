"""The speech decoder: the codes of one frame, one codebook after another, from the shared hidden state."""
# M frames, K codebooks, k codebooks so far, W decoder width, H heads, E head dimension, C codes, D model width

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.config import ModelConfig
from roboego.model.layers import RMSNorm, SwiGLU, add_project, project


class DepthLayer(nn.Module):
    """Causal attention over the codebooks, then a SwiGLU, shared by all codebooks or one for each."""

    def __init__(self, width: int, heads: int, hidden: int, eps: float, copies: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = RMSNorm(width, eps)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.mlp_norm = RMSNorm(width, eps)
        self.mlps = nn.ModuleList(SwiGLU(width, hidden) for _ in range(copies))

    def feed_forward(self, x_MkW: Tensor, first: int) -> Tensor:
        """Feed-forward of codebooks first .. first + k - 1."""
        if len(self.mlps) == 1:
            return self.mlps[0](x_MkW)  # type: ignore[no-any-return]
        parts = [self.mlps[first + i](x_MkW[:, i]) for i in range(x_MkW.shape[1])]
        return torch.stack(parts, 1)

    def forward(self, x_MkW: Tensor) -> Tensor:
        """All codebooks at once."""
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.qkv(self.attention_norm(x_MkW)).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x_MkW = x_MkW + self.out(mixed.transpose(1, 2).flatten(2))
        return x_MkW + self.feed_forward(self.mlp_norm(x_MkW), 0)

    def step(self, x_MW: Tensor, codebook: int, cache: Tensor) -> Tensor:
        """One codebook; its key and value are written into the buffer [2, M, H, K, E], which lives for one frame."""
        frames, heads = len(x_MW), self.heads
        qkv = project(self.qkv, self.attention_norm.step(x_MW)).view(frames, 3, heads, -1)
        cache[:, :, :, codebook] = qkv[:, 1:].transpose(0, 1)
        if codebook:
            keys, values = cache.view(2, frames * heads, cache.shape[3], -1)[:, :, : codebook + 1].unbind()
            scores = torch.bmm(qkv[:, 0].reshape(frames * heads, 1, -1), keys.transpose(1, 2))
            mixed = torch.bmm(scores.mul_(cache.shape[-1] ** -0.5).softmax(-1), values).view(frames, -1)
        else:
            mixed = qkv[:, 2].flatten(1)
        x_MW = add_project(x_MW, self.out, mixed)
        mlp = self.mlps[codebook if len(self.mlps) > 1 else 0]
        return mlp.step(self.mlp_norm.step(x_MW), x_MW)  # type: ignore[no-any-return, operator]


class SpeechDecoder(nn.Module):
    """A transformer whose positions are the codebooks of a frame."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, layout = config.speech, config.layout
        self.codebooks, self.width = layout.speak.codebooks, c.width
        self.into = nn.Linear(config.backbone.width, self.codebooks * c.width, bias=False)
        self.place = nn.Parameter(torch.randn(self.codebooks, c.width) * 0.02)
        self.previous = nn.Parameter(torch.randn(self.codebooks - 1, layout.speak.ids, c.width) * 0.02)
        self.text = nn.Embedding(layout.text.ids, c.width) if c.sees_text else None
        copies = self.codebooks if c.per_codebook_mlp else 1
        self.layers = nn.ModuleList(DepthLayer(c.width, c.heads, c.hidden, c.norm_eps, copies) for _ in range(c.layers))
        self.norm = RMSNorm(c.width, c.norm_eps)
        self.heads = nn.Parameter(torch.randn(self.codebooks, layout.speak.ids, c.width) * c.width**-0.5)

    def inputs(self, h_MD: Tensor, text_M: Tensor | None, codebooks: int) -> Tensor:
        """What the positions see but for the codes: [M, k, W]."""
        weight = self.into.weight[: codebooks * self.width]
        x_MkW = F.linear(h_MD, weight).view(-1, codebooks, self.width) + self.place[:codebooks]
        if self.text is None or text_M is None:
            return x_MkW
        return x_MkW + F.embedding(text_M, self.text.weight)[:, None]

    def forward(self, h_MD: Tensor, text_M: Tensor | None, codes_Mk: Tensor) -> Tensor:
        """Teacher-forced logits [M, k, C] of the first k codebooks, k = `codes_Mk.shape[1]` (the last column is only predicted)."""
        codebooks = codes_Mk.shape[1]
        x_MkW = self.inputs(h_MD, text_M, codebooks)
        if codebooks > 1:
            place = torch.arange(codebooks - 1, device=h_MD.device)
            x_MkW = x_MkW + F.pad(self.previous[place, codes_Mk[:, :-1]], (0, 0, 1, 0))
        for layer in self.layers:
            x_MkW = layer(x_MkW)
        return torch.einsum("mkw,kcw->mkc", self.norm(x_MkW), self.heads[:codebooks])

    def begin(self, h_MD: Tensor, text_M: Tensor | None) -> "DepthState":
        """Starts a frame."""
        heads = self.layers[0].heads
        shape = (len(self.layers), 2, len(h_MD), heads, self.codebooks, self.width // heads)  # type: ignore[operator]
        return DepthState(self.inputs(h_MD, text_M, self.codebooks), h_MD.new_empty(shape))  # type: ignore[arg-type]

    def step(self, codebook: int, previous_M: Tensor | None, state: "DepthState") -> Tensor:
        """Logits [M, C] of one codebook, given the code sampled for the one before it."""
        x_MW = state.inputs_MKW[:, codebook]
        if previous_M is not None:
            x_MW = x_MW + F.embedding(previous_M, self.previous[codebook - 1])
        for i, layer in enumerate(self.layers):
            x_MW = layer.step(x_MW, codebook, state.cache[i])  # type: ignore[operator]
        return F.linear(self.norm.step(x_MW), self.heads[codebook])


class DepthState:
    """What `SpeechDecoder.step` keeps within a frame: inputs [M, K, W], keys and values [layers, 2, M, H, K, E]."""

    def __init__(self, inputs_MKW: Tensor, cache: Tensor) -> None:
        self.inputs_MKW, self.cache = inputs_MKW, cache
