"""Split residual quantization: a semantic part and an acoustic part, each its own residual quantizer, side by side on the same latents."""
# B batch (slots), T frames, K codebooks, E entries, W code width, D latent width

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from roboego.codecs.mimi.config import MimiConfig


class ResidualQuantizer(nn.Module):
    """Each codebook codes what the ones before it left over."""

    codebooks_KEW: Tensor
    half_norms_KE: Tensor

    def __init__(self, config: MimiConfig, codebooks: int) -> None:
        super().__init__()
        latent, width = config.hidden_size, config.codebook_dim
        self.into: nn.Module = nn.Identity() if latent == width else nn.Linear(latent, width, bias=False)
        self.out: nn.Module = nn.Identity() if latent == width else nn.Linear(width, latent, bias=False)
        self.register_buffer("codebooks_KEW", torch.randn(codebooks, config.codebook_size, width) / width**0.5)
        self.register_buffer("half_norms_KE", half_norms(self.codebooks_KEW))

    def encode(self, latent_BTD: Tensor) -> Tensor:
        """Latents [B, T, D] -> codes [B, T, K]: in turn, the entry nearest to what is left."""
        left_BTW, codes = self.into(latent_BTD), []
        for entries_EW, half_norms_E in zip(self.codebooks_KEW, self.half_norms_KE, strict=True):
            # |x - e|^2 / 2 = |x|^2 / 2 - x.e + |e|^2 / 2, whose first term is the same for all entries
            codes.append((half_norms_E - left_BTW @ entries_EW.T).argmin(-1))
            left_BTW = left_BTW - F.embedding(codes[-1], entries_EW)
        return torch.stack(codes, dim=-1)

    def decode(self, codes_BTK: Tensor) -> Tensor:
        """Codes [B, T, K] -> latents [B, T, D]."""
        total_BTW = self.codebooks_KEW.new_zeros(())
        for codes_BT, entries_EW in zip(codes_BTK.unbind(-1), self.codebooks_KEW, strict=True):
            total_BTW = total_BTW + F.embedding(codes_BT, entries_EW)
        latent_BTD: Tensor = self.out(total_BTW)
        return latent_BTD


class SplitQuantizer(nn.Module):
    """The first codebooks are semantic (they follow what is said), the others acoustic."""

    def __init__(self, config: MimiConfig, codebooks: int) -> None:
        super().__init__()
        self.semantic_codebooks = config.num_semantic_quantizers
        self.semantic = ResidualQuantizer(config, self.semantic_codebooks)
        self.acoustic = ResidualQuantizer(config, codebooks - self.semantic_codebooks)

    def encode(self, latent_BTD: Tensor) -> Tensor:
        """Latents [B, T, D] -> codes [B, T, K], semantic first."""
        return torch.cat((self.semantic.encode(latent_BTD), self.acoustic.encode(latent_BTD)), dim=-1)

    def decode(self, codes_BTK: Tensor) -> Tensor:
        """Codes [B, T, K] -> latents [B, T, D]."""
        semantic, acoustic = codes_BTK.tensor_split((self.semantic_codebooks,), dim=-1)
        return self.semantic.decode(semantic) + self.acoustic.decode(acoustic)


def half_norms(codebooks_KEW: Tensor) -> Tensor:
    """Half the squared length of each entry."""
    return codebooks_KEW.square().sum(-1) / 2
