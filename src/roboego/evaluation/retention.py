"""The suite `retention`: what a model could transcribe and say before it was taught to converse, and what of it is left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.speech import Pairs, grouped, rates, said, transcripts
from roboego.metrics.wer import points_between, word_errors
from roboego.model.loaded import LoadedModel


def retention(
    before: LoadedModel,
    after: LoadedModel,
    folder: Path,
    voices: Sequence[str],
    counts: tuple[int, int],
    conditions: Sequence[str],
    judge: WhisperJudge,
) -> dict[str, Any]:
    """WER of both models on the same sentences and sounds, and by how many points it rose (paired, sentence by sentence).

    Args:
        counts: sentences for each voice and condition to transcribe, and to say.
    """
    old, new = (_measured(loaded, folder, voices, counts, conditions, judge) for loaded in (before, after))
    kinds = {kind: {name: changed(pairs, new[kind][name]) for name, pairs in group.items()} for kind, group in old.items()}
    return {"before": before.name, **{kind: group for kind, group in kinds.items() if group}}


def _measured(
    loaded: LoadedModel, folder: Path, voices: Sequence[str], counts: tuple[int, int], conditions: Sequence[str], judge: WhisperJudge
) -> dict[str, dict[str, Pairs]]:
    clean, noisy = transcripts(loaded, folder, voices, counts[0], conditions)
    return {"asr": grouped(clean), "voices": clean, "conditions": noisy, "tts": {"model": said(loaded, folder, counts[1], judge)}}


def changed(before: Pairs, after: Pairs) -> dict[str, Any]:
    """Rates before and after, and the points between them with their interval: positive where something was forgotten."""
    old, new = ([word_errors(r, h) for r, h in pairs] for pairs in (before, after))
    return {"before": rates(before), "after": rates(after), **points_between(old, new)}
