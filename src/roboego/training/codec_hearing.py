"""The codec's second encoder, for what Ego hears: it is taught to give a voice in noise or in a room the codes of the voice alone.

The codes keep their meaning, so speech goes on being coded by the first encoder and decoded as before.
"""
# B crops, N samples, M vectors, K codebooks, E entries, W code width

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roboego.codecs.embedded.codec import EmbeddedCodec, Encoder
from roboego.data.acoustics.condition import preset
from roboego.data.voices.base import Sound
from roboego.errors import CheckpointError, InputError
from roboego.timebase import FRAME_SAMPLES
from roboego.training.ahead import Ahead
from roboego.training.hearing_pairs import HearingTraining, Pairs
from roboego.training.loop import Metrics

FINER = 0.75
"""What a codebook counts of the one before it: the coarse ones carry what is said."""
STILL = 0.5
"""What steady silence counts: it has to have exactly the codes that it has for the other encoder."""
SETTLED_FRAMES = 12
"""Frames after which silence is steady."""
NEARNESS = 0.2
"""How much nearer than the second nearest entry that of silence has to be."""
JUDGED = ("clean", "babble-10db", "street-10db", "room-large", "telephone")


class HearingTask:
    """Implements `roboego.training.loop.Task`; what is trained is the hearing of the given codec, in place.

    Args:
        workers: processes that make batches ahead of their steps; 0 makes each when it is due.
    Raises:
        InputError: the codec has no encoder for what is heard.
    """

    def __init__(self, codec: EmbeddedCodec, training: HearingTraining, *, device: torch.device | None = None, workers: int = 0) -> None:
        if codec.hearing is None:
            raise InputError("this codec has no encoder for what is heard; give it one with `with_hearing`")
        self.device = device or torch.device("cpu")
        self.codec, self.config = codec.requires_grad_(False).to(self.device), training
        self.module: nn.Module = codec.hearing.requires_grad_(True)
        self.pairs = Pairs(training)
        self.batches: Pairs | Ahead[tuple[Tensor, Tensor]] = Ahead(self.pairs, workers) if workers else self.pairs

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Crops [B, N] as they are heard, and the voices alone."""
        heard, alone = (pcm.to(self.device).float() / 32768 for pcm in self.batches[step])
        return heard, alone

    def loss(self, batch: tuple[Tensor, Tensor], step: int) -> tuple[Tensor, Metrics]:
        heard, alone = batch
        assert self.codec.hearing is not None
        with torch.no_grad():
            wanted = _latents(self.codec.encoder, alone)
            codes = self.codec.quantizer.encode(wanted)
        found = _latents(self.codec.hearing, heard)
        distance = (found - wanted).square().mean() / wanted.var()
        each_K, right_K = self._code_losses(found, wanted, codes)
        finer = FINER ** torch.arange(len(each_K), device=self.device)
        coded, still = (each_K * finer).sum() / finer.sum(), self._still()
        parts: dict[str, Any] = {"distance": distance, "codes": coded, "still": still, "right_1": right_K[0], "right_2": right_K[1]}
        return distance + coded + STILL * still, {name: part.detach() for name, part in parts.items()}

    def _code_losses(self, found_MW: Tensor, wanted_MW: Tensor, codes_MK: Tensor) -> tuple[Tensor, Tensor]:
        """Of each codebook: how unlikely the wanted entry is by its distance, and how often it is the nearest [K].

        Each is asked for what the wanted entries before it left over.
        """
        losses, right = [], []
        for table, codes in zip(self.codec.quantizer.codebooks, codes_MK.unbind(1), strict=True):
            scale = (wanted_MW - table[codes]).square().sum(-1).mean().clamp(min=1e-6)
            logits = -torch.cdist(found_MW, table).square() / scale
            losses.append(F.cross_entropy(logits, codes))
            right.append((logits.argmax(-1) == codes).float().mean())
            found_MW, wanted_MW = found_MW - table[codes], wanted_MW - table[codes]
        return torch.stack(losses), torch.stack(right).detach()

    def _still(self) -> Tensor:
        """How far steady silence is from its codes, so that silence sounds the same to both encoders."""
        assert self.codec.hearing is not None
        nothing = torch.zeros(1, self.config.crop_frames * FRAME_SAMPLES, device=self.device)
        with torch.no_grad():
            wanted = _latents(self.codec.encoder, nothing)[SETTLED_FRAMES:]
            codes_MK = self.codec.quantizer.encode(wanted)
        found = _latents(self.codec.hearing, nothing)[SETTLED_FRAMES:]
        loss, rest = (found - wanted).square().mean() / wanted.var().clamp(min=0.05), found
        for table, codes in zip(self.codec.quantizer.codebooks, codes_MK.unbind(1), strict=True):
            second = torch.cdist(table[codes[:1]], table).square()[0].kthvalue(2).values
            logits = -torch.cdist(rest, table).square() / (NEARNESS * second + 1e-4)
            loss = loss + F.cross_entropy(logits, codes) / codes_MK.shape[1]
            rest = rest - table[codes]
        return loss

    def after_step(self, step: int) -> None: ...

    @torch.no_grad()
    def validate(self, step: int) -> Metrics:
        """How often the first and the second code are those of the voice alone, by condition, on sentences kept back."""
        found: Metrics = {}
        for name in JUDGED:
            rng = np.random.default_rng(0)
            agree = torch.cat([self._agreement(pcm, name, rng) for pcm in self._kept_back()]).mean(0)
            found |= {f"{name}_{k + 1}": float(agree[k]) for k in range(2)}
        return found

    def _kept_back(self) -> Sequence[Sound]:
        kept = self.config.validation_sentences
        return [bank[i].pcm for bank in self.pairs.banks for i in range(max(len(bank) - kept, 0), len(bank), max(1, kept // 3))]

    def _agreement(self, pcm: Sound, condition: str, rng: np.random.Generator) -> Tensor:
        """[T, K] whether codes agree."""
        alone = np.pad(pcm, (FRAME_SAMPLES, -len(pcm) % FRAME_SAMPLES)).astype(np.float32)
        heard, _ = self.pairs.heard(alone, preset(condition), rng)
        mine, theirs = (torch.from_numpy(sound)[None].to(self.device) for sound in (heard, alone))
        return (self.codec.listener().encode(mine) == self.codec.encode(theirs))[0].float()

    def helpers(self) -> tuple[nn.Module, ...]:
        return ()

    def heavy_parts(self) -> tuple[nn.Module, ...]:
        return ()

    def extra_state(self) -> dict[str, Any]:
        return {"codec": self.codec.speech_fingerprint}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Raises a CheckpointError if the run was of another codec."""
        if state["codec"] != self.codec.speech_fingerprint:
            raise CheckpointError(
                f"this run teaches codec {state['codec']} to hear, not {self.codec.speech_fingerprint}; remove its folder to begin anew"
            )


def with_hearing(codec: EmbeddedCodec) -> EmbeddedCodec:
    """The same codec with an encoder for what is heard, which begins as a copy of the other."""
    made = EmbeddedCodec(replace(codec.config, hearing=True)).to(codec.device)
    own = {f"hearing.{name}": tensor for name, tensor in codec.encoder.state_dict().items()}
    made.load_state_dict({**codec.state_dict(), **own})
    return made.eval()


def _latents(encoder: Encoder, pcm_BN: Tensor) -> Tensor:
    """[M, W] of all frames."""
    return encoder.step(pcm_BN, encoder.initial_state(len(pcm_BN)))[0].float().flatten(0, 1)
