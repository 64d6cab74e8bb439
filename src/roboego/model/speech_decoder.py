"""The speech decoder: the codes of one frame, one codebook after another, from the shared hidden state."""
# M frames, K codebooks, k codebooks so far, W decoder width, H heads, E head dimension, C codes, D model width

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.model.config import ModelConfig
from roboego.model.layers import RMSNorm, SwiGLU
from roboego.model.native.depth import NativeDepth
from roboego.model.native.weights import readable
from roboego.model.sampling import Past, StreamSettings, gumbel, penalized, sample
from roboego.streams.layout import SoundLayout


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

    @property
    def norm_weight(self) -> Tensor:
        """Of the width, device and type of the layer."""
        return self.attention_norm.weight.detach()

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


class SpeechDecoder(nn.Module):
    """A transformer whose positions are the codebooks of a frame."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, layout = config.speech, config.layout
        self.codebooks, self.entries, self.width = layout.speak.codebooks, layout.speak.entries, c.width
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

    def initial_state(self, frames: int, *, native: bool = True) -> "DepthState | NativeDepth":
        """Room for one frame each of so many slots. To be made anew when weights have been replaced or moved.

        Args:
            native: on a CPU, use the compiled functions of `roboego.model.native`.
        """
        return NativeDepth(self, frames) if native and readable(self) else DepthState(self, frames)


class DepthLayerStep:
    """One layer, codebook after codebook.

    Queries, keys and values of the frame lie in one buffer [K, 3, M, W].
    """

    def __init__(self, layer: DepthLayer, frames: int, codebooks: int) -> None:
        weight = layer.norm_weight
        width, heads = len(weight), layer.heads
        self.layer = layer
        buffer = weight.new_zeros(codebooks, 3, frames, width)
        rows = buffer.view(codebooks, 3, frames * heads, width // heads)
        self.written = list(buffer)
        self.queries = [rows[k, 0, :, None] for k in range(codebooks)]
        self.keys = [rows[: k + 1, 1].permute(1, 2, 0) for k in range(codebooks)]
        self.values = [rows[: k + 1, 2].transpose(0, 1) for k in range(codebooks)]
        self.nothing, self.scale = weight.new_zeros(1, 1, 1), (width // heads) ** -0.5

    def __call__(self, x_MW: Tensor, codebook: int) -> Tensor:
        layer = self.layer
        self.written[codebook].copy_(layer.qkv(layer.attention_norm(x_MW)).unflatten(-1, (3, -1)).transpose(0, 1))
        scores = torch.baddbmm(self.nothing, self.queries[codebook], self.keys[codebook], beta=0, alpha=self.scale)
        x_MW = x_MW + layer.out(torch.bmm(scores.softmax(-1), self.values[codebook]).view(x_MW.shape))
        return x_MW + layer.feed_forward(layer.mlp_norm(x_MW)[:, None], codebook)[:, 0]


class DepthState:
    """The decoder one frame at a time: layers with their buffers, tables looked up once.

    Attributes:
        results: logits [M, C] of the codebooks of the last frame.
    """

    def __init__(self, decoder: SpeechDecoder, frames: int) -> None:
        layers: list[DepthLayer] = list(decoder.layers)  # type: ignore[arg-type]
        self.layers = [DepthLayerStep(layer, frames, decoder.codebooks) for layer in layers]
        self.decoder, self.norm = decoder, decoder.norm
        self.previous = decoder.previous.detach().unbind()
        self.heads = decoder.heads.detach().transpose(1, 2).unbind()
        self.results: list[Tensor] = []

    @torch.no_grad()
    def speak(
        self,
        h_MD: Tensor,
        text_M: Tensor | None,
        settings: StreamSettings,
        uniform_MKC: Tensor | None,
        history_MPK: Tensor,
        frame_M: Tensor,
        layout: SoundLayout,
    ) -> Tensor:
        """Samples the codebooks of one frame [M, K], the first `delay` frames of a delayed codebook being pads.

        Args:
            h_MD: hidden states; text_M: the text sampled from them.
            uniform_MKC: random numbers in [0, 1); None if all take the likeliest.
            history_MPK: a ring of the last frames' codes; frame_M: frames so far.
        """
        past = Past.of(frame_M) if settings.penalizes else None
        noise_KMC = [None] * layout.codebooks if uniform_MKC is None else gumbel(uniform_MKC).unbind(1)
        inputs_KMW = self.decoder.inputs(h_MD, text_M, layout.codebooks).unbind(1)
        codes: list[Tensor] = []
        self.results = []
        for k, noise in enumerate(noise_KMC):
            self.results.append(self._logits(k, inputs_KMW[k], codes[-1] if codes else None))
            logits = self.results[k][:, : layout.entries]
            if past is not None and k < settings.penalizes:
                valid = past.known & (past.age < settings.penalty_frames[:, None]) & (k < settings.penalized_codebooks)[:, None]
                logits = penalized(logits, history_MPK[..., k].gather(1, past.place), valid, settings.penalty)
            code = sample(logits, settings, None if noise is None else noise[..., : layout.entries])
            if layout.delays[k]:
                code = torch.where(frame_M < layout.delays[k], layout.pad_id, code)
            codes.append(code)
        return torch.stack(codes, 1)

    def _logits(self, codebook: int, x_MW: Tensor, previous_M: Tensor | None) -> Tensor:
        """Logits [M, C] of one codebook from what it sees of the frame and the code sampled for the one before it."""
        if previous_M is not None:
            x_MW = x_MW + self.previous[codebook - 1].index_select(0, previous_M)
        for layer in self.layers:
            x_MW = layer(x_MW, codebook)
        return torch.mm(self.norm(x_MW), self.heads[codebook])
