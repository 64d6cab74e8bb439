"""Trains a run: its model, its pools, and how well it does when it runs freely."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from roboego.actions.bins import ActionBins, Bins
from roboego.codecs.base import Codec
from roboego.data.assembled import AssembledExchanges
from roboego.data.exchange_pool import Grids
from roboego.data.rearranged import Rearranged
from roboego.data.shards import ShardReader
from roboego.data.voices.neural import phonemize
from roboego.data.word_sounds import WordSounds
from roboego.data.workshop import ASR_DELAY_FRAMES, Workshop, open_tokenizer, open_workshop
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.stages import synthesize, transcribe_codes
from roboego.metrics.wer import WordErrors, word_errors
from roboego.model.config import ModelConfig
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano, recorded
from roboego.recipes.nano_data import maker
from roboego.recipes.runs import Run
from roboego.recipes.start import FIRST_SPREAD, Adapted, begin_codes, codes_alike, helpers_of, keep_record, open_start
from roboego.recipes.table import held_out_acts, open_table
from roboego.streams.grid import Codes
from roboego.streams.layout import StreamLayout
from roboego.streams.tokenizer import Tokenizer
from roboego.training.acting import ACTS_ALONE, ActionTask
from roboego.training.adapters import add_adapters
from roboego.training.checkpoint import latest
from roboego.training.crew import join
from roboego.training.ear import Pronunciation
from roboego.training.loop import Metrics, train
from roboego.training.rows import Mixture, Pool
from roboego.training.stage import StageTask
from roboego.training.written_answers import WrittenAnswers

IN_CONTEXT = 0.1
"""Chance that a picture that is talked about goes into the context, of models that take any there."""
WORDS_HEARD, WORDS_SAID = ("asr-user-", "asr-jumbled-"), ("tts-ego-", "tts-jumbled-")
"""Pools from whose words exchanges are put together."""


def open_pool(folder: Path, prefix: str, shop: Workshop, model: ModelConfig) -> ShardReader:
    """The shards of `folder` whose names start with `prefix`.

    Raises:
        InputError: there is none, or one is damaged or of other tools.
    """
    paths = sorted(folder.glob(f"{prefix}*.grids"))
    if not paths:
        foreign = "" if isinstance(shop.tokenizer, Tokenizer) else " --backbone FOLDER"
        raise InputError(f"no shards {prefix}*.grids in {folder}; make them with: {maker(prefix)}{foreign}")
    return ShardReader(
        paths, layout=model.layout, codec_fingerprint=shop.codec.fingerprint, tokenizer_fingerprint=shop.tokenizer.fingerprint
    )


def at_rest(layout: StreamLayout) -> Bins | None:
    """What an arm does that keeps still; None: there is no arm."""
    return ActionBins(dims=layout.action_dims, bins=layout.action_bins).rest if layout.action_dims else None


def talking(layout: StreamLayout) -> StreamLayout:
    """The layout of grids in which nothing is done: they have no actions."""
    return replace(layout, action_dims=0, action_bins=0)


def _pool(prefix: str, share: float, run: Run, data: Path, shop: Workshop) -> Pool:
    twin = dict(run.transcripts).get(prefix) if run.model.caption_head else None
    if run.organization is None:
        transcripts = open_pool(data, twin, shop, run.model) if twin else None
        grids = open_pool(data, prefix, shop, run.model)
        beside = recorded.beside(run, prefix, data, grids.lengths)
        return Pool(grids, share, transcripts, wordless=twin == "", looks=beside, feelings=beside)
    stored = nano.model()
    grids = open_pool(data, prefix, shop, stored)
    if twin is None:  # exercises: they are as they are for every organization
        return Pool(grids, share)
    dialogues = Rearranged(grids, stored.layout, run.organization, shop)
    return Pool(dialogues, share, dialogues.captions(open_pool(data, twin, shop, stored)) if twin else None, wordless=twin == "")


def _assembled(run: Run, pools: Sequence[Grids], shop: Workshop) -> AssembledExchanges:
    """Exchanges put together from the words of the run's exercises.

    Args:
        pools: its grids, in the order of `run.pools`.
    """
    text, starts = run.model.layout.text, shop.tokenizer.starts_word
    named = [(prefix, grids) for (prefix, _), grids in zip(run.pools, pools, strict=False)]
    return AssembledExchanges(
        layout=talking(run.model.layout),
        tokenizer=shop.tokenizer,
        silence=shop.silence,
        heard=[WordSounds.heard(grids, text, ASR_DELAY_FRAMES, starts) for prefix, grids in named if prefix.startswith(WORDS_HEARD)],
        said=[WordSounds.said(grids, text, starts) for prefix, grids in named if prefix.startswith(WORDS_SAID)],
        delay=ASR_DELAY_FRAMES,
        seed=run.stage.seed,
    )


class FreeRunning:
    """Validation without a teacher: WER of what the model writes of held-out speech, and of what Whisper hears in its own.

    Args:
        prefixes: of the shards that are transcribed, and said.
    """

    def __init__(self, run: Run, prefixes: tuple[str, str], data: Path, shop: Workshop) -> None:
        self.shop = shop
        heard, said = (open_pool(data, prefix, shop, run.model) for prefix in prefixes)
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


def model_for(run: Run, runs: Path, codec: Codec | None, given: RoboEgoModel | None = None) -> RoboEgoModel:
    """The model as the run begins it, adapters in place. What the run has learned since is for the training loop to put back.

    Args:
        codec: whose codes the model hears and speaks; None before there is one.
        given: the model to start from, instead of `run.start`.
    Raises:
        InputError: there is nothing to start from, or the run was begun with other adapters.
    """
    if run.adapters is None:
        resumes = latest(runs / run.name) is not None
        if given is not None:
            return given
        model = RoboEgoModel(run.model) if run.start is None or resumes else open_start(run.start, run.model, runs)
        if codec is not None and (run.start is None or run.first_sound):
            _begin_codes(model, codec, run)
        return model
    if given is None and run.start is None:
        raise InputError(f"{run.name} learns adapters, which stand on a trained model: give --start RUN or --start FOLDER")
    model = given or open_start(run.start or "", run.model, runs)
    if given is None and codec is not None and run.first_sound:
        _begin_codes(model, codec, run)
    keep_record(runs / run.name, Adapted(adapters=run.adapters, start=None if given else run.start))
    add_adapters(model, run.adapters)
    return model


def _begin_codes(model: RoboEgoModel, codec: Codec, run: Run) -> None:
    """Tables of codes as the codec has them; on a foreign decoder at the size of its words' embeddings, which may be far below ours."""
    begin_codes(model, codec, FIRST_SPREAD if run.backbone is None else float(model.fusion.text_table.detach().std()))


def perform(
    run: Run,
    *,
    tools: Path,
    data: Path,
    runs: Path,
    device: str = "cpu",
    console: Console | None = None,
    model: RoboEgoModel | None = None,
    workers: int = 0,
    pictures: Path = Path("runs/pictures"),
) -> int:
    """Trains a run, going on where it stopped. Returns the steps done.

    Args:
        pictures: folder of pictures and of what the encoder makes of them, for a run that sees.
        model: trained in place, instead of one that starts from `run.start`; to go on, give the same one again.
        workers: processes that make batches ahead of their steps, for each process that trains.
    Raises:
        InputError: tools, data or the start are missing.
        CheckpointError: a checkpoint is damaged or of another model.
    """
    crew = join(device)
    where = crew.device(device)
    shop = open_workshop(tools, run.backbone) if run.pools or run.seen or run.acted else None
    tokenizer = open_tokenizer(tools, run.backbone) if shop is None else shop.tokenizer
    torch.manual_seed(run.loop.seed)
    begins = model is None and latest(runs / run.name) is None
    model = model_for(run, runs, None if shop is None else shop.codec, model)
    pools = [] if shop is None else [_pool(prefix, share, run, data, shop) for prefix, share in run.pools]
    # Without a codec any codes will do for silence.
    silence = np.zeros(run.model.layout.speak.codebooks, np.int16) if shop is None else shop.silence
    exchanges = WrittenExchanges(layout=talking(run.model.layout), tokenizer=tokenizer, silence=silence, seed=run.stage.seed)
    table = open_table(run, pictures, tools)
    exercises = [pool.grids for pool in pools]
    seen = table.sights if table is not None else recorded.sights(run, pictures, tools)
    sounds = next((grids for (prefix, _), grids in zip(run.pools, exercises, strict=True) if prefix.startswith("dialogue-")), None)
    written = replace(exchanges, sounds=sounds, paced=run.paced, close=run.close)
    if run.written:
        read = replace(written, typed=run.typed)
        pools.append(Pool(read, run.written, read.captions, soundless=True))
    if table is not None:
        pools += table.pools(run, written)
    if run.assembled and shop is not None and exercises:
        assembled = _assembled(run, exercises, shop)
        pools.append(Pool(assembled, run.assembled, assembled.captions))
        if table is not None:
            pools += table.pools(run, assembled)
        if table is not None and run.spoken:
            pools += table.spoken_pools(run, assembled, lambda prefix: open_pool(data, prefix, shop, run.model))
    stage = run.stage
    mixture = Mixture(
        pools,
        run.model.layout.text,
        splices=stage.splices,
        recalls=stage.recalls,
        overhears=stage.overhears,
        contexts=IN_CONTEXT if run.model.context_width else 0.0,
        pictures=0 if seen is None else len(seen.vectors),
        still=None if table is None else table.still,
        fresh_frames={sense.name: sense.fresh_frames for sense in run.model.senses},
        rest=at_rest(run.model.layout),
    )
    pronounce = Pronunciation(tokenizer, run.model.layout.text, phonemize)
    judge: Callable[[RoboEgoModel, int], Metrics]
    alone = run.adapters == ACTS_ALONE
    if alone:
        judge = held_out_acts(run, pictures, exchanges)
    elif table is not None and run.validation is None:
        judge = table.judge(exchanges, 2 * run.sentences)
    elif shop is None or run.validation is None:
        judge = WrittenAnswers(replace(exchanges, split="validation"), 8 * run.sentences)
    else:
        judge = FreeRunning(run, run.validation, data, shop)
    alike = None if shop is None else codes_alike(shop.codec)
    task = (ActionTask if alone else StageTask)(
        model.to(where), mixture, run.stage, judge,
        device=where, pronounce=pronounce, alike=alike, crew=crew, workers=workers, sights=seen,
    )  # fmt: skip
    if begins and run.start is not None:
        task.take_helpers(helpers_of(run.start, runs))
    steps = train(task, run.loop, runs / run.name, device=where, console=console, crew=crew)
    crew.wait()
    return steps
