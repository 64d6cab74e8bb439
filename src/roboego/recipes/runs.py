"""A run: what is learned, from which grids, how fast. Recipes return runs; `perform` trains one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from roboego.data.build import open_workshop
from roboego.data.exercises import Workshop
from roboego.data.shards import ShardReader
from roboego.errors import InputError
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.stages import synthesize, transcribe_codes
from roboego.metrics.wer import WordErrors, word_errors
from roboego.model.config import ModelConfig
from roboego.model.model import RoboEgoModel
from roboego.streams.grid import Codes
from roboego.training.checkpoint import latest, load_state
from roboego.training.loop import LoopConfig, Metrics, train
from roboego.training.rows import Mixture, Pool
from roboego.training.stage import StageConfig, StageTask


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run of a model.

    Attributes:
        name: of the run and of its folder.
        pools: prefixes of shard names in the data folder, each with its share of the frames.
        validation: prefixes of held-out shards: transcribed, and said.
        sentences: held-out sentences of each kind that a validation runs freely.
        start: the run whose weights it starts from; None: from scratch.
    """

    name: str
    model: ModelConfig
    stage: StageConfig
    loop: LoopConfig
    pools: tuple[tuple[str, float], ...]
    validation: tuple[str, str]
    sentences: int = 32
    start: str | None = None


def open_pool(folder: Path, prefix: str, shop: Workshop, model: ModelConfig) -> ShardReader:
    """The shards of `folder` whose names start with `prefix`."""
    paths = sorted(folder.glob(f"{prefix}*.grids"))
    if not paths:
        raise InputError(f"no shards {prefix}*.grids in {folder}; make them with: roboego synth grids")
    return ShardReader(
        paths, layout=model.layout, codec_fingerprint=shop.codec.fingerprint, tokenizer_fingerprint=shop.tokenizer.fingerprint
    )


class FreeRunning:
    """Validation without a teacher: WER of what the model writes of held-out speech, and of what Whisper hears in its own."""

    def __init__(self, run: Run, data: Path, shop: Workshop) -> None:
        self.shop = shop
        heard, said = (open_pool(data, prefix, shop, run.model) for prefix in run.validation)
        chosen = np.linspace(0, len(heard) - 1, run.sentences).astype(int)
        self.tracks: list[Codes] = [heard[int(i)].listen for i in chosen]
        self.references = [str(heard.metadata(int(i))["text"]) for i in chosen]
        self.texts = [str(said.metadata(int(i))["text"]) for i in np.linspace(0, len(said) - 1, run.sentences // 2).astype(int)]
        self.judge = WhisperJudge()

    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        written = transcribe_codes(model, self.shop.tokenizer, self.tracks, self.shop.silence)
        asr = sum((word_errors(r, w) for r, w in zip(self.references, written, strict=True)), WordErrors())
        sounds = synthesize(model, self.shop.codec, self.shop.tokenizer, self.texts, self.shop.silence)
        tts = sum((word_errors(t, self.judge.transcribe(s)) for t, s in zip(self.texts, sounds, strict=True)), WordErrors())
        return {"asr_wer": asr.rate, "tts_wer": tts.rate}


def perform(run: Run, *, tools: Path, data: Path, runs: Path, device: str = "cpu", console: Console | None = None) -> int:
    """Trains a run, going on where it stopped. Returns the steps done."""
    shop = open_workshop(tools)
    torch.manual_seed(run.loop.seed)
    model = RoboEgoModel(run.model)
    if run.start is not None and latest(runs / run.name) is None:
        newest = latest(runs / run.start)
        if newest is None:
            raise InputError(f"{run.name} starts from {run.start}, which has no checkpoint in {runs / run.start}; train it first")
        model.load_state_dict(load_state(newest)["module"])
    mixture = Mixture([Pool(open_pool(data, prefix, shop, run.model), share) for prefix, share in run.pools])
    task = StageTask(model.to(device), mixture, run.stage, FreeRunning(run, data, shop), device=torch.device(device))
    return train(task, run.loop, runs / run.name, device=torch.device(device), console=console)
