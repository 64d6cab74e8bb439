"""Recorded dialogues become conversations: what is heard, captions, replies in their own codes."""
# N samples

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboego.data.build import organizer
from roboego.data.exercises import TAIL_FRAMES, token_ends
from roboego.data.importing.aligner import Aligner
from roboego.data.importing.recordings import SUFFIXES
from roboego.data.importing.sides import LEAD_S, Sides, read_sides
from roboego.data.shards import ShardWriter
from roboego.data.voices.base import Sound, TimedWord
from roboego.data.workshop import ASR_DELAY_FRAMES, Workshop, open_workshop
from roboego.errors import InputError
from roboego.streams.alphabet import words
from roboego.streams.conversation import Caption, Conversation, Reply
from roboego.streams.grid import FrameGrid
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers.text_first import TextFirst
from roboego.timebase import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    frames_to_seconds,
    samples_to_frames,
    samples_to_seconds,
    seconds_to_frames,
    seconds_to_frames_up,
    seconds_to_samples,
)

REPLY_GAP_S = 0.8
"""Words of one side that are further apart than this belong to two turns."""
SHORTEST_S, LONGEST_S, QUIET_S = 8.0, 60.0, 0.3
"""A recording is cut into conversations of such lengths, where neither side speaks for so long around the cut."""
WRITTEN_S = 0.5
"""After a word of the user's: until then it is mostly written down."""
ROOM_S = 0.06
"""Sound before a reply's first word that still belongs to it."""
YIELD_S = (0.25, 1.25)
"""Ego is interrupted if its last word ends so long after the user has begun to speak. (Word times are good to about 0.1 s, and who takes
the floor at the end of a sentence often begins a little before it.)"""
GOES_ON_S = 0.5
"""And if the user goes on speaking for so long after that."""


@dataclass
class ImportedDialogues:
    """What came of an import.

    Attributes:
        skipped: file and reason of recordings that could not be used (from where one failed on).
        lost: the same of conversations that could not be laid out, in recordings that are used otherwise.
        entries: the same of entries of transcripts.
    """

    conversations: int = 0
    seconds: float = 0.0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """File and reason of all that was, the largest things first."""
        return [*self.skipped, *self.lost, *self.entries]


def conversations(sides: Sides, shop: Workshop, *, spk_delay: int) -> Iterator[tuple[float, Conversation]]:
    """Conversations of up to a minute and the second in which each begins, in the order of time; stretches without a word are left out.

    Words of Ego's that would have to be written before a conversation begins, and words of the user's that would have to be written after
    it has ended, are not in it.

    Args:
        spk_delay: frames from a reply's text to its speech.
    """
    broken_off = _broken_off(sides)
    for start, end in pairwise(_cuts(sides)):
        heard = [w for w in sides.user_words if start <= w.start < end]
        said = [w for w in sides.ego_words if start + spk_delay * FRAME_SAMPLES <= w.start < end]
        if heard or said:
            replies = tuple(_reply(turn, sides.ego[:end], start, spk_delay, turn[-1] in broken_off, shop) for turn in _turns(said))
            captions = _captions(heard, start, (end - start) // FRAME_SAMPLES, shop)
            made = Conversation(heard=shop.heard(sides.user[start:end]), mode="duplex", replies=replies, captions=captions)
            yield samples_to_seconds(start), made


def _cuts(sides: Sides) -> list[int]:
    """Where conversations begin and end, in samples on whole frames: in quiet, or where Ego at least is; as late as `LONGEST_S` allows."""
    frames = min(len(sides.user), len(sides.ego)) // FRAME_SAMPLES
    ego = _busy(sides.ego_words, frames, QUIET_S)
    both = ego | _busy(sides.user_words, frames, WRITTEN_S)
    shortest, longest = (int(s * SAMPLE_RATE) // FRAME_SAMPLES for s in (SHORTEST_S, LONGEST_S))
    cuts = [0]
    while frames - cuts[-1] > longest:
        first, last = cuts[-1] + shortest, cuts[-1] + longest
        options = next((quiet for mask in (both, ego) if len(quiet := np.flatnonzero(~mask[first:last]))), None)
        # Without any quiet it is cut all the same: a word is lost, not the recording.
        cuts.append(last if options is None else first + int(options[-1]))
    return [c * FRAME_SAMPLES for c in (*cuts, frames)]


def _busy(said: Sequence[TimedWord], frames: int, after_s: float) -> NDArray[np.bool_]:
    """[frames + 1] where a side speaks, or will or did a short time before or after."""
    busy = np.zeros(frames + 1, bool)
    before, after = seconds_to_samples(QUIET_S), seconds_to_samples(after_s)
    for w in said:
        busy[max(w.start - before, 0) // FRAME_SAMPLES : (w.end + after) // FRAME_SAMPLES + 1] = True
    return busy


def _captions(heard: Sequence[TimedWord], start: int, frames: int, shop: Workshop) -> tuple[Caption, ...]:
    """The user's words, as far as they can be written down, one after another, before the conversation is over."""
    found: list[Caption] = []
    free = 0
    for word in sorted(heard, key=lambda w: w.end):
        tokens = np.asarray(shop.tokenizer.encode(" ".join(words(word.text))), np.int32)
        start_s, end_s = (samples_to_seconds(at - start) for at in (word.start, word.end))
        free = max(free, seconds_to_frames_up(end_s) + ASR_DELAY_FRAMES) + len(tokens)
        if free > frames:
            break
        found.append(Caption(start_s=start_s, end_s=end_s, tokens=tokens))
    return tuple(found)


def _turns(said: Sequence[TimedWord]) -> list[list[TimedWord]]:
    """The words of one side, turn by turn."""
    groups: list[list[TimedWord]] = []
    for word in said:
        if not groups or word.start - groups[-1][-1].end > seconds_to_samples(REPLY_GAP_S):
            groups.append([])
        groups[-1].append(word)
    return groups


def _broken_off(sides: Sides) -> set[TimedWord]:
    """The last words of replies in which Ego was interrupted. Where a transcript ends the sentence there, it was not."""
    turns = _turns(sides.user_words)
    replies = [reply for reply in _turns(sides.ego_words) if reply[-1].text[-1] not in ".?"]
    return {reply[-1] for reply in replies if any(_interrupts(turn, reply) for turn in turns)}


def _interrupts(turn: Sequence[TimedWord], reply: Sequence[TimedWord]) -> bool:
    """Whether the user begins to speak while Ego does, Ego falls silent soon after, and the user goes on."""
    begun, ended = turn[0].start, reply[-1].end
    least, most = (seconds_to_samples(s) for s in YIELD_S)
    return reply[0].start < begun and least <= ended - begun <= most and turn[-1].end - ended >= seconds_to_samples(GOES_ON_S)


def _reply(said: Sequence[TimedWord], ego: Sound, start: int, spk_delay: int, interrupted: bool, shop: Workshop) -> Reply:
    """A reply as it was spoken: its codes begin with the frame in which its first word does.

    Args:
        ego: its side's sound up to the end of the conversation, which ends the reply too. start: where the conversation begins.
    """
    frames = (len(ego) - start) // FRAME_SAMPLES
    first = max((said[0].start - start - seconds_to_samples(ROOM_S)) // FRAME_SAMPLES, spk_delay)
    offset = start + first * FRAME_SAMPLES
    pcm = ego[offset : said[-1].end + TAIL_FRAMES * FRAME_SAMPLES]
    timed = [TimedWord(text=w.text, start=w.start - offset, end=min(w.end, len(ego)) - offset) for w in said]
    tokens = np.asarray(shop.tokenizer.encode(_written(timed, interrupted)), np.int32)
    room = frames - (first - spk_delay)
    silent = samples_to_frames(said[-1].end - start) + 1
    return Reply(
        tokens=tokens[:room],
        codes=shop.encode(pcm),
        token_ends_s=token_ends(tokens, timed, len(pcm), shop.tokenizer)[:room],
        speech_start_s=frames_to_seconds(first),
        cut_s=frames_to_seconds(silent) if interrupted and silent < frames else None,
    )


def _written(said: Sequence[TimedWord], interrupted: bool) -> str:
    """A reply's text. It ends as a sentence, unless Ego was interrupted."""
    text = " ".join(w.text for w in said).rstrip(",")
    return text if interrupted or text[-1] in ".?" else f"{text}."


def talk_grid(made: Conversation, arrange: TextFirst) -> FrameGrid:
    """A conversation laid out. What Ego would have said had it not been interrupted is not known: that its text stops is not learned.

    Raises:
        InputError: something in it does not fit.
    """
    grid = arrange.arrange(made)
    for reply in made.replies:
        if reply.cut_s is not None:
            assert reply.speech_start_s is not None  # `conversations` tells it
            written = seconds_to_frames(reply.speech_start_s) - arrange.spk_delay + len(reply.tokens)
            grid.text_weight[written : seconds_to_frames(reply.cut_s)] = 0
    return grid


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
                sides = read_sides(path, aligner)
                told.entries += [(str(path), reason) for reason in sides.left_out]
                for start_s, made in conversations(sides, shop, spk_delay=arrange.spk_delay):
                    _add(made, start_s, path, name, (talks, transcripts), arrange, told)
            except InputError as error:
                told.skipped.append((str(path), str(error)))
            progress(done, len(paths))
        if not told.conversations:
            raise InputError(f"no dialogue could be used; the first: {told.left_out[0][1] if told.left_out else 'nothing is said in it'}")
    return told


def _add(
    made: Conversation,
    start_s: float,
    path: Path,
    name: str,
    writers: tuple[ShardWriter, ShardWriter],
    arrange: TextFirst,
    told: ImportedDialogues,
) -> None:
    """Adds a conversation's two grids to their shards. One that cannot be laid out is lost, and told."""
    try:
        pair = talk_grid(made, arrange), arrange.arrange(made.transcription())
    except InputError as error:
        told.lost.append((str(path), f"the conversation from {max(start_s - LEAD_S, 0.0):.1f} s on: {error}"))
        return
    for writer, grid, mode in zip(writers, pair, ("dialogue", "asr"), strict=True):
        writer.add(grid, {"mode": mode, "voice": name, "file": path.name})
    told.conversations += 1
    told.seconds += made.duration_s
