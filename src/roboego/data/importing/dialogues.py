"""Recorded dialogues, the user left and Ego right, become conversations: what is heard, captions, replies in their own codes."""
# N samples

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from roboego.data.build import organizer
from roboego.data.exercises import EGO_GAIN, TAIL_FRAMES, token_ends
from roboego.data.importing.aligner import Aligner, laid_along
from roboego.data.importing.recordings import SUFFIXES
from roboego.data.importing.sentences import PEAK, at_peak
from roboego.data.shards import ShardWriter
from roboego.data.voices.base import Sound, TimedWord
from roboego.data.workshop import Workshop, open_workshop
from roboego.errors import InputError
from roboego.streams.alphabet import normalize, words
from roboego.streams.conversation import Caption, Conversation, Reply
from roboego.streams.layout import StreamLayout
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE, frames_to_seconds, samples_to_seconds, seconds_to_samples

REPLY_GAP_S = 0.8
"""Ego's words further apart than this belong to two replies."""
SHORTEST_S, LONGEST_S, QUIET_S = 8.0, 60.0, 0.3
"""A recording is cut into conversations of such lengths, where neither side speaks for so long around the cut."""
ROOM_S = 0.06
"""Sound before a reply's first word that still belongs to it."""


@dataclass
class ImportedDialogues:
    """What came of an import: conversations, their length, and file and reason of what could not be used (from where it failed on)."""

    conversations: int = 0
    seconds: float = 0.0
    skipped: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A recording: the user's and Ego's sound [N] at 24 kHz, and the words of each."""

    user: Sound
    ego: Sound
    user_words: tuple[TimedWord, ...]
    ego_words: tuple[TimedWord, ...]


def read_sides(path: Path, aligner: Aligner) -> Sides:
    """A stereo file, its words from a transcript beside it, or else as the aligner hears them.

    The transcript, a .json of the same name, is a list of `{"speaker": "user" | "ego", "start_s": ..., "end_s": ..., "text": ...}`.

    Raises:
        InputError: the file is not stereo, cannot be read, or its transcript is not of that form.
    """
    user, ego = _channels(path)
    transcript = path.with_suffix(".json")
    if not transcript.is_file():
        return Sides(user=user, ego=ego, user_words=tuple(aligner.hear(user)), ego_words=tuple(aligner.hear(ego)))
    told: dict[str, list[TimedWord]] = {"user": [], "ego": []}
    for entry in _entries(transcript):
        pcm = user if entry["speaker"] == "user" else ego
        start, end = (seconds_to_samples(float(entry[key])) for key in ("start_s", "end_s"))
        said = laid_along(normalize(entry["text"]), aligner.hear(pcm[start:end]), min(end, len(pcm)) - start)
        told[entry["speaker"]] += [TimedWord(text=w.text, start=w.start + start, end=w.end + start) for w in said]
    return Sides(user=user, ego=ego, user_words=_in_order(told["user"]), ego_words=_in_order(told["ego"]))


def _channels(path: Path) -> tuple[Sound, Sound]:
    try:
        pcm_NC, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); convert it to wav or flac") from error
    if pcm_NC.shape[1] != 2:
        raise InputError(f"{path} has {pcm_NC.shape[1]} channels; a dialogue has the user on the left and Ego on the right")
    if not np.isfinite(pcm_NC).all():
        raise InputError(f"{path} has samples that are NaN or infinite; export it again")
    both: Sound = soxr.resample(pcm_NC, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else pcm_NC
    return np.ascontiguousarray(both[:, 0]), at_peak(both[:, 1], EGO_GAIN * PEAK)


def _entries(transcript: Path) -> list[dict[str, Any]]:
    shape = '[{"speaker": "user" or "ego", "start_s": ..., "end_s": ..., "text": ...}, ...]'
    try:
        entries = json.loads(transcript.read_text(encoding="utf-8"))
        fits = all(e["speaker"] in ("user", "ego") and float(e["start_s"]) < float(e["end_s"]) and e["text"] for e in entries)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{transcript} is no transcript ({error}); it must be {shape}") from error
    if not fits:
        raise InputError(f"{transcript} has an entry with another speaker, an end before its start, or no text; it must be {shape}")
    return list(entries)


def _in_order(said: Sequence[TimedWord]) -> tuple[TimedWord, ...]:
    return tuple(sorted(said, key=lambda w: w.start))


def conversations(sides: Sides, shop: Workshop) -> Iterator[Conversation]:
    """Conversations of up to a minute, in the order of time; stretches in which nothing is said are left out."""
    cuts = _cuts(sides)
    for start, end in pairwise(cuts):
        heard = [w for w in sides.user_words if start <= w.start < end]
        said = [w for w in sides.ego_words if start <= w.start < end]
        if heard or said:
            captions = tuple(_caption(w, start, shop) for w in sorted(heard, key=lambda w: w.end))
            replies = tuple(_reply(group, sides.ego, start, shop) for group in _replies(said))
            yield Conversation(heard=shop.heard(sides.user[start:end]), mode="duplex", replies=replies, captions=captions)


def _cuts(sides: Sides) -> list[int]:
    """Where conversations begin and end, in samples on whole frames: in the middle of quiet, as late as `LONGEST_S` allows."""
    frames = min(len(sides.user), len(sides.ego)) // FRAME_SAMPLES
    busy = np.zeros(frames + 1, bool)
    quiet = seconds_to_samples(QUIET_S)
    for w in (*sides.user_words, *sides.ego_words):
        busy[max(w.start - quiet, 0) // FRAME_SAMPLES : (w.end + quiet) // FRAME_SAMPLES + 1] = True
    shortest, longest = (int(s * SAMPLE_RATE) // FRAME_SAMPLES for s in (SHORTEST_S, LONGEST_S))
    cuts = [0]
    while frames - cuts[-1] > longest:
        options = np.flatnonzero(~busy[cuts[-1] + shortest : cuts[-1] + longest])
        # Without any quiet it is cut all the same: a word is lost, not the recording.
        cuts.append(cuts[-1] + shortest + int(options[-1]) if len(options) else cuts[-1] + longest)
    return [c * FRAME_SAMPLES for c in (*cuts, frames)]


def _caption(word: TimedWord, start: int, shop: Workshop) -> Caption:
    tokens = np.asarray(shop.tokenizer.encode(" ".join(words(word.text))), np.int32)
    return Caption(start_s=samples_to_seconds(word.start - start), end_s=samples_to_seconds(word.end - start), tokens=tokens)


def _replies(said: Sequence[TimedWord]) -> list[list[TimedWord]]:
    """Ego's words, reply by reply."""
    groups: list[list[TimedWord]] = []
    for word in said:
        if not groups or word.start - groups[-1][-1].end > seconds_to_samples(REPLY_GAP_S):
            groups.append([])
        groups[-1].append(word)
    return groups


def _reply(said: Sequence[TimedWord], ego: Sound, start: int, shop: Workshop) -> Reply:
    """A reply as it was spoken: its codes begin with the frame in which its first word does."""
    first = max(said[0].start - start - seconds_to_samples(ROOM_S), 0) // FRAME_SAMPLES
    offset = start + first * FRAME_SAMPLES
    pcm = ego[offset : said[-1].end + TAIL_FRAMES * FRAME_SAMPLES]
    timed = [TimedWord(text=w.text, start=w.start - offset, end=w.end - offset) for w in said]
    text = " ".join(w.text for w in timed)
    tokens = np.asarray(shop.tokenizer.encode(text if text[-1] in ".?" else f"{text}."), np.int32)
    return Reply(
        tokens=tokens,
        codes=shop.encode(pcm),
        token_ends_s=token_ends(tokens, timed, len(pcm), shop.tokenizer),
        speech_start_s=frames_to_seconds(first),
    )


def import_dialogues(
    folder: Path,
    grids: Path,
    *,
    tools: Path,
    layout: StreamLayout,
    name: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportedDialogues:
    """Every stereo file of a folder as grids: `dialogue-train-NAME`, and the same sound to be transcribed, `asr-dialogue-train-NAME`.

    Raises:
        InputError: there is no file, none can be used, or nothing can be written.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no sound files ({', '.join(SUFFIXES)}); name the folder of your recordings")
    shop, aligner, told = open_workshop(tools), Aligner(), ImportedDialogues()
    arrange = organizer(layout, shop)
    prints = {"codec_fingerprint": shop.codec.fingerprint, "tokenizer_fingerprint": shop.tokenizer.fingerprint}
    stems = [f"{kind}dialogue-train-{name}-00000.grids" for kind in ("", "asr-")]
    with ShardWriter(grids / stems[0], layout, **prints) as talks, ShardWriter(grids / stems[1], layout, **prints) as transcripts:
        for done, path in enumerate(paths, start=1):
            try:
                for made in conversations(read_sides(path, aligner), shop):
                    pair = arrange.arrange(made), arrange.arrange(made.transcription())
                    for writer, grid, mode in zip((talks, transcripts), pair, ("dialogue", "asr"), strict=True):
                        writer.add(grid, {"mode": mode, "voice": name, "file": path.name})
                    told.conversations += 1
                    told.seconds += made.duration_s
            except InputError as error:
                told.skipped.append((str(path), str(error)))
            progress(done, len(paths))
        if not told.conversations:
            raise InputError(f"no dialogue could be used; the first: {told.skipped[0][1] if told.skipped else 'nothing is said in it'}")
    return told
