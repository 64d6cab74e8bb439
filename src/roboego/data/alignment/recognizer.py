"""A small network that names the phone heard in each 10 ms, trained in minutes (`roboego.training.phone_recognizer`)."""
# B crops, N samples, J hops of 10 ms, C channels, S phone classes

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from roboego.data.alignment.phones import PHONES
from roboego.errors import CheckpointError
from roboego.tensorfiles import check_fit, save_tensors
from roboego.timebase import SAMPLE_RATE

HOP = SAMPLE_RATE // 100
WINDOW = 600
MELS = 64


class PhoneRecognizer(nn.Module):
    """Log-mel spectrum -> dilated convolutions that see 250 ms on either side -> phone classes, every 10 ms."""

    window: Tensor
    mel: Tensor

    def __init__(self, width: int = 128, dilations: tuple[int, ...] = (1, 2, 4, 8, 1)) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("mel", mel_matrix(WINDOW // 2 + 1, MELS), persistent=False)
        self.into = nn.Conv1d(MELS, width, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2 * d, dilation=d) for d in dilations)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in dilations)
        self.out = nn.Conv1d(width, len(PHONES) + 1, 1)

    def features(self, pcm_BN: Tensor) -> list[Tensor]:
        """What each layer sees [B, C, J]."""
        magnitude = torch.stft(pcm_BN.float(), WINDOW, HOP, window=self.window, return_complex=True).abs()
        level = torch.log(torch.einsum("bfj,fm->bmj", magnitude, self.mel) + 1e-2)
        x = F.gelu(self.into(level))
        found = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + F.gelu(norm(layer(x)))
            found.append(x)
        return found

    def forward(self, pcm_BN: Tensor) -> Tensor:
        """Logits [B, S, J]."""
        logits: Tensor = self.out(self.features(pcm_BN)[-1])
        return logits


def save_recognizer(recognizer: PhoneRecognizer, path: Path) -> None:
    """Writes its weights to a temporary name, then to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    save_tensors(recognizer.state_dict(), temporary)
    temporary.replace(path)


def load_recognizer(path: Path) -> PhoneRecognizer:
    """Opens saved weights.

    Raises:
        CheckpointError: the file is missing or damaged, or of another shape.
    """
    recognizer = PhoneRecognizer()
    try:
        tensors = load_file(path)
        check_fit(tensors, recognizer.state_dict())
    except (CheckpointError, OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"cannot open the phone recognizer {path}: {error}; make it again with: roboego train codec") from error
    recognizer.load_state_dict(tensors)
    return recognizer.eval().requires_grad_(False)


def mel_matrix(bins: int, mels: int, *, low_hz: float = 20.0) -> Tensor:
    """Triangular mel filters [bins, mels] of unit peak (HTK's mel scale), for an STFT of `bins` frequencies at 24 kHz."""

    def mel(hz: Tensor) -> Tensor:
        return 2595 * torch.log10(1 + hz / 700)

    edges = torch.linspace(float(mel(torch.tensor(low_hz))), float(mel(torch.tensor(SAMPLE_RATE / 2))), mels + 2)
    frequency = mel(torch.linspace(0, SAMPLE_RATE / 2, bins))[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    # Narrow low filters may miss every bin: give each at least its nearest.
    nearest = (frequency - edges[1:-1]).abs().argmin(0)
    filters[nearest, torch.arange(mels)] = filters[nearest, torch.arange(mels)].clamp(min=0.5)
    return filters
