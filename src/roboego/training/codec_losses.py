"""Spectral distances between sounds, at several resolutions."""
# B crops, N samples, F frequencies, J frames

import torch
from torch import Tensor

from roboego.data.alignment.recognizer import mel_matrix


class SpectralLoss:
    """Mean absolute difference of log-mel spectra and relative difference of magnitudes, over windows of 2048 to 256 samples."""

    scales = ((2048, 100), (1024, 80), (512, 48), (256, 24))

    def __init__(self, device: torch.device | None = None) -> None:
        self.windows = [torch.hann_window(n).to(device) for n, _ in self.scales]
        self.mels = [mel_matrix(n // 2 + 1, m).to(device) for n, m in self.scales]

    def __call__(self, out_BN: Tensor, target_BN: Tensor, step: int | None = None) -> Tensor:
        """The sum over all windows; with a `step`, of every other window in turn, twice: half the work, the same in the mean."""
        total = out_BN.new_zeros(())
        scales = list(zip(self.scales, self.windows, self.mels, strict=True))
        for (size, _), window, mel in scales if step is None else scales[step % 2 :: 2]:
            both = torch.cat([out_BN, target_BN]).float()
            magnitude = torch.stft(both, size, size // 4, window=window, return_complex=True).abs()
            ours, theirs = magnitude.chunk(2)
            convergence = (ours - theirs).norm(dim=(1, 2)) / theirs.norm(dim=(1, 2)).clamp(min=1.0)
            log_mel = torch.log(torch.einsum("bfj,fm->bmj", magnitude, mel) + 1e-2)
            a, b = log_mel.chunk(2)
            total = total + (a - b).abs().mean() + 0.3 * convergence.mean()
        return total if step is None else 2 * total
