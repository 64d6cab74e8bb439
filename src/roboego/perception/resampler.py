"""A picture's patches gathered into a few tokens: latent queries look at the patches and at each other (Perceiver, arXiv 2103.03206, with
the same weights in each round; Flamingo's resampler, arXiv 2204.14198). Which of them finds what is left to chance, so they are put in
order.
"""
# B pictures, M patches, L latents, V width, H heads, E head dimension

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def heads_of(x_BMV: Tensor, heads: int) -> Tensor:
    """[B, M, V] -> [B, H, M, E]."""
    return x_BMV.reshape(*x_BMV.shape[:2], heads, -1).transpose(1, 2)


def attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention written out: of so few patches a processor makes gradients in half the time of the fused kernel's."""
    weights = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    mixed: Tensor = weights.softmax(-1).to(value.dtype) @ value
    return mixed


class Resampler(nn.Module):
    """Patches [B, M, V] -> latents [B, L, V], the first ones in rising order of their ranks.

    Args:
        latents: L; spare: how many there are beside them.
        hidden: inner width of its feed-forward layer; rounds: how often the latents look.
    """

    def __init__(self, width: int, latents: int, spare: int, heads: int, hidden: int, rounds: int, norm_eps: float) -> None:
        super().__init__()
        self.heads, self.rounds, self.first = heads, rounds, latents
        self.latents = nn.Parameter(torch.randn(latents + spare, width) * width**-0.5)
        self.attention_norm = nn.LayerNorm(width, norm_eps)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width, norm_eps)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width, norm_eps)
        self.rank = nn.Linear(width, 1)

    def forward(self, patches_BMV: Tensor) -> Tensor:
        x_BLV = self.gathered(patches_BMV)
        first_BL1 = self.rank(x_BLV).argsort(1)[:, : self.first]
        return x_BLV.gather(1, first_BL1.expand(-1, -1, x_BLV.shape[-1]))

    def gathered(self, patches_BMV: Tensor) -> Tensor:
        """All latents, the spare ones too, each at its own place."""
        of_patches = self.key_value(patches_BMV)
        x_BLV = self.latents.expand(len(patches_BMV), -1, -1)
        for _ in range(self.rounds):
            normed = self.attention_norm(x_BLV)
            k, v = (heads_of(part, self.heads) for part in torch.cat([of_patches, self.key_value(normed)], 1).chunk(2, -1))
            mixed = attended(heads_of(self.query(normed), self.heads), k, v)
            x_BLV = x_BLV + self.out(mixed.transpose(1, 2).flatten(2))
            x_BLV = x_BLV + self.down(F.gelu(self.up(self.mlp_norm(x_BLV)), approximate="tanh"))
        return self.norm(x_BLV)  # type: ignore[no-any-return]
