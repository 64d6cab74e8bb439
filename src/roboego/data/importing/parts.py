"""A conversation as it happened becomes grids of up to a minute, laid out as training wants them, cut where nothing goes on."""
# T frames

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from roboego.data.build import organizer
from roboego.data.exercises import TAIL_FRAMES
from roboego.data.importing.dialogues import LONGEST_S, QUIET_S, SHORTEST_S
from roboego.data.importing.tracks import Levels, Tracks
from roboego.data.importing.witnessed import Came
from roboego.data.workshop import ASR_DELAY_FRAMES, Workshop
from roboego.runtime.frame import SILENT_LEVEL
from roboego.streams.conversation import Conversation, Reply
from roboego.streams.grid import FrameGrid
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers import base
from roboego.streams.organizers.text_first import TextFirst
from roboego.timebase import seconds_to_frames

VOICED_LEVEL = 0.03
"""Sound of the user's above it is somebody's voice (-30 dB of full scale); what is below may be a microphone's noise."""
SHORTEST, LONGEST, QUIET = (seconds_to_frames(s) for s in (SHORTEST_S, LONGEST_S, QUIET_S))
HEARD_FRAMES = 8
"""A word is heard at most so many frames before it is written down: the two are not cut apart."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A stretch of a conversation.

    Attributes:
        start: its first frame in the whole.
        talk: what Ego did. transcript: the same sound, with what the model wrote down of it.
        pictures: frame and file of what was in sight.
        felt: by sense, the readings that came, by the part's own frames; the first may have come before it began.
    """

    start: int
    talk: FrameGrid
    transcript: FrameGrid
    pictures: tuple[tuple[int, str], ...]
    felt: Mapping[str, Came]


def parts_of(tracks: Tracks, layout: StreamLayout, shop: Workshop) -> Iterator[Part]:
    """The parts of a conversation in the order of time; stretches in which nothing is said or read are left out.

    Ego's tokens stay at their frames, and become audible where they did. Its speech is silent where text-first grids have none: after a
    cut, and before the speech of its first words is due. What Ego was made to write is not learned.

    Raises:
        InputError: something in it cannot be laid out.
    """
    arrange = organizer(replace(layout, action_dims=0, action_bins=0), shop)
    for start, end in pairwise(cuts(tracks, layout)):
        grid = tracks.grid[start:end]
        made = _conversation(tracks, start, end, arrange)
        if not (made.replies or made.captions or made.readings):
            continue
        talk = arrange.arrange(made)
        talk.text_weight[(talk.text == layout.text.cut) & (grid.text_weight == 0)] = 0
        transcript = arrange.arrange(replace(made.transcription(), readings=()))
        yield Part(
            start=start,
            talk=replace(talk, act=grid.act, act_weight=grid.act_weight),
            transcript=replace(transcript, act=grid.act, act_weight=grid.act_weight),
            pictures=_in_sight(tracks.pictures, start, end),
            felt={name: _felt_in(came, start, end) for name, came in tracks.felt.items()},
        )


def _conversation(tracks: Tracks, start: int, end: int, arrange: TextFirst) -> Conversation:
    """What happens between two frames. Each part announces its mode anew: in training, anything may stand before it."""
    talk = tracks.grid[start:end]
    found = arrange.found_in(replace(talk, act=talk.act[:, :0]))
    captions = base.captions_of(tracks.captions[start:end], arrange.layout, ASR_DELAY_FRAMES, arrange.starts_word)
    replies = tuple(_ended(reply, tracks.ego_levels[start:end]) for reply in found.replies)
    return replace(found, announced=True, replies=replies, captions=captions)


def _ended(reply: Reply, levels: Levels) -> Reply:
    """A reply without the silence at its end, whose codes are seldom quite those of steady silence."""
    assert reply.speech_start_s is not None  # organizers tell both
    first = seconds_to_frames(reply.speech_start_s)
    voiced = np.flatnonzero(levels[first : first + len(reply.codes)] > SILENT_LEVEL)
    return replace(reply, codes=reply.codes[: int(voiced[-1]) + 1 + TAIL_FRAMES if len(voiced) else 0])


def cuts(tracks: Tracks, layout: StreamLayout) -> list[int]:
    """Frames where parts begin and end: never in a reply; where the user is quiet too, as late as a minute allows."""
    frames = len(tracks.grid)
    ego, both = _busy(tracks, layout)
    found = [0]
    while frames - found[-1] > LONGEST:
        first, last = found[-1] + SHORTEST, found[-1] + LONGEST
        options = next((quiet for mask in (both, ego) if len(quiet := np.flatnonzero(~mask[first:last]))), None)
        if options is not None:
            found.append(first + int(options[-1]))
            continue
        later = np.flatnonzero(~ego[last:])
        if not len(later):
            break
        found.append(last + int(later[0]))
    return [*found, frames] if found[-1] < frames else found


def _busy(tracks: Tracks, layout: StreamLayout) -> tuple[Mask, Mask]:
    """[T] where a reply is under way or something is read, and [T] where that is so or the user speaks."""
    grid, wait = tracks.grid, layout.text.wait
    written = base.pieces(grid.text, layout.text)
    active = written | (tracks.ego_levels > SILENT_LEVEL) | (np.diff(grid.spoken, prepend=0) > 0)
    ego = grid.read != wait
    starts = [start for start, _ in base.runs(written)]
    for start, stop in pairwise([*starts, len(grid)]):
        until = start + int(np.flatnonzero(active[start:stop])[-1]) + 1
        ego[start : until + QUIET] = True
    both = ego.copy()
    for before, mask in ((QUIET, tracks.user_levels > VOICED_LEVEL), (HEARD_FRAMES, tracks.captions != wait)):
        for start, stop in base.runs(mask):
            both[max(0, start - before) : stop + QUIET] = True
    return ego, both


def _in_sight(pictures: tuple[tuple[int, str], ...], start: int, end: int) -> tuple[tuple[int, str], ...]:
    """Pictures of a part, by its own frames; the first may have been shown before it began."""
    earlier = [file for frame, file in pictures if frame <= start][-1:]
    return (*((0, file) for file in earlier), *((frame - start, file) for frame, file in pictures if start < frame < end))


def _felt_in(came: Came, start: int, end: int) -> Came:
    """Readings of a part, by its own frames."""
    frames, values = came
    first = max(int(np.searchsorted(frames, start, "right")) - 1, 0)
    chosen = slice(first, int(np.searchsorted(frames, end)))
    return np.maximum(frames[chosen] - start, 0), values[chosen]
