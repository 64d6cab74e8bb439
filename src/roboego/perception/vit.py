"""A vision transformer of SigLIP's shape (arXiv 2010.11929, 2303.15343): a picture as tokens, and all of it as one vector."""
# B pictures, S pixels a side, M patches, N tokens (the patches, or latents that gather them), V width, H heads, E head dimension

import hashlib
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.errors import CheckpointError, ShapeError
from roboego.perception.resampler import Resampler, attended, heads_of


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """Shape of the encoder.

    Attributes:
        image_size, patch_size: pixels a side; patches do not overlap.
        width: V of tokens and of the fused vector.
        layers, heads, hidden: of the transformer; `hidden` is the inner width of its feed-forward layers.
        stem: widths of convolutions that halve the picture before it is cut into patches (arXiv 2106.14881); none in SigLIP.
        latents: tokens into which the patches are gathered, see `roboego.perception.resampler`; 0: the patches are the tokens.
        spare: latents beside those, of which the last ones in order are no tokens: each thing is found by one sooner where there are more.
        latent_hidden, rounds: inner width of the feed-forward layer that does so, and how often it looks.
    """

    image_size: int = 128
    patch_size: int = 16
    width: int = 192
    layers: int = 6
    heads: int = 3
    hidden: int = 768
    norm_eps: float = 1e-6
    stem: tuple[int, ...] = ()
    latents: int = 0
    spare: int = field(default=0, repr=False)  # as the resampler's weights tell
    latent_hidden: int = 384
    rounds: int = 4

    def __post_init__(self) -> None:
        if (
            min(self.image_size, self.patch_size, self.width, self.heads, self.latent_hidden, self.rounds, *self.stem) < 1
            or min(self.latents, self.spare) < 0
            or self.image_size % self.patch_size
            or self.patch_size % 2 ** len(self.stem)
            or self.width % self.heads
        ):
            raise CheckpointError(
                f"a picture must divide into patches, these into halves for each layer of the stem, and the width into heads: change {self}"
            )

    @property
    def patches(self) -> int:
        """M: parts that a picture is cut into."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def tokens(self) -> int:
        """N: tokens of a picture."""
        return self.latents or self.patches


class Seen(NamedTuple):
    """What the encoder makes of pictures: `vector` [B, V] for stream vision; `tokens` [B, N, V], patches from the top left or latents, to
    glance at and for context vision."""

    vector: Tensor
    tokens: Tensor


class MLP(nn.Module):
    """Feed-forward layer."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.hidden)
        self.down = nn.Linear(config.hidden, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))  # type: ignore[no-any-return]


class StemLayer(nn.Module):
    """Halves a picture, [B, C, S, S] -> [B, D, S/2, S/2], and, but for the first of them, looks at it once more at that size."""

    def __init__(self, channels: int, width: int, norm_eps: float, *, first: bool) -> None:
        super().__init__()
        self.halve = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(1, width, norm_eps)
        self.more = None if first else nn.Conv2d(width, width, 3, padding=1)
        self.more_norm = None if first else nn.GroupNorm(1, width, norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm(self.halve(x)), approximate="tanh")
        if self.more is None or self.more_norm is None:
            return x
        return x + F.gelu(self.more(self.more_norm(x)), approximate="tanh")


class EncoderLayer(nn.Module):
    """Attention among all patches and a feed-forward layer, each after a norm and added to the stream."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.width, config.norm_eps)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.mlp_norm = nn.LayerNorm(config.width, config.norm_eps)
        self.mlp = MLP(config)

    def forward(self, x_BMV: Tensor) -> Tensor:
        q, k, v = (heads_of(part, self.heads) for part in self.qkv(self.attention_norm(x_BMV)).chunk(3, -1))
        mixed = attended(q, k, v)
        x_BMV = x_BMV + self.out(mixed.transpose(1, 2).flatten(2))
        return x_BMV + self.mlp(self.mlp_norm(x_BMV))  # type: ignore[no-any-return]


class AttentionPool(nn.Module):
    """One learned query looks at all patches: the picture as one vector."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.probe = nn.Parameter(torch.randn(config.width) * config.width**-0.5)
        self.query = nn.Linear(config.width, config.width)
        self.key_value = nn.Linear(config.width, 2 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, config.norm_eps)
        self.mlp = MLP(config)

    def forward(self, x_BMV: Tensor) -> Tensor:
        query_B1V = self.query(self.probe).expand(len(x_BMV), 1, -1)
        k, v = (heads_of(part, self.heads) for part in self.key_value(x_BMV).chunk(2, -1))
        mixed = attended(heads_of(query_B1V, self.heads), k, v)
        x_BV = self.out(mixed.flatten(1))
        return x_BV + self.mlp(self.norm(x_BV))  # type: ignore[no-any-return]


class ViT(nn.Module):
    """Pictures -> their tokens and fused vectors. It has no state: a picture is seen on its own."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        channels = (3, *config.stem)
        layers = (StemLayer(channels[i], channels[i + 1], config.norm_eps, first=i == 0) for i in range(len(config.stem)))
        self.stem = nn.Sequential(*layers)
        cut = config.patch_size // 2 ** len(config.stem)
        self.patch = nn.Conv2d(channels[-1], config.width, cut, stride=cut)
        self.place = nn.Parameter(torch.randn(config.patches, config.width) * config.width**-0.5)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, config.norm_eps)
        self.pool = AttentionPool(config)
        self.resampler = resampler_of(config) if config.latents else None

    @property
    def fingerprint(self) -> str:
        """Hex digest of the shape, and of the weights in bfloat16, as they are stored: a model refuses an encoder not its own."""
        digest = hashlib.sha256(repr(self.config).encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().to(torch.bfloat16).float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def forward(self, pixels_B3SS: Tensor) -> Seen:
        """Pixels [B, 3, S, S] in [-1, 1], see `roboego.perception.picture.to_pixels`, -> tokens and fused vectors.

        Raises:
            ShapeError: pictures of another size.
        """
        patches_BMV = self.patches(pixels_B3SS)
        return Seen(self.pool(patches_BMV), patches_BMV if self.resampler is None else self.resampler(patches_BMV))

    def patches(self, pixels_B3SS: Tensor) -> Tensor:
        """The same pixels -> what the transformer makes of each patch, [B, M, V]. It raises what `forward` does."""
        size = self.config.image_size
        if pixels_B3SS.dim() != 4 or pixels_B3SS.shape[1:] != (3, size, size):
            raise ShapeError(f"pictures must be [B, 3, {size}, {size}], not {list(pixels_B3SS.shape)}; prepare them with to_pixels")
        x_BMV = self.patch(self.stem(pixels_B3SS)).flatten(2).transpose(1, 2) + self.place
        for layer in self.layers:
            x_BMV = layer(x_BMV)
        return self.norm(x_BMV)  # type: ignore[no-any-return]


def resampler_of(config: ViTConfig) -> Resampler:
    """A new one for an encoder of this shape."""
    c = config
    return Resampler(c.width, c.latents, c.spare, c.heads, c.latent_hidden, c.rounds, c.norm_eps)


def without_latents(vit: ViT) -> ViT:
    """The encoder whose tokens are its patches."""
    plain = ViT(replace(vit.config, latents=0, spare=0))
    plain.load_state_dict({name: tensor for name, tensor in vit.state_dict().items() if not name.startswith("resampler.")})
    return plain.eval().requires_grad_(False)


def with_latents(vit: ViT, config: ViTConfig, resampler: Resampler) -> ViT:
    """An encoder of the shape `config`, of one without latents and what gathers its patches."""
    whole = ViT(config)
    whole.load_state_dict(vit.state_dict() | {f"resampler.{name}": tensor for name, tensor in resampler.state_dict().items()})
    return whole.eval().requires_grad_(False)
