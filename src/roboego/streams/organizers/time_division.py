"""TimeDivision: listening, writing and speaking take turns in one sequence, chunk by chunk (time-division multiplexing, TDM)."""
# T frames, C columns of the grid, N frames a chunk, n tokens, K codebooks

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.streams.conversation import Conversation, Mode, Reply, Seconds
from roboego.streams.grid import Codes, FrameGrid, Tokens, Weights, empty_grid
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers import base
from roboego.streams.organizers.weights import Span, WeightConfig, speak_weights, spoken_weights
from roboego.timebase import FRAME_S, frames_to_seconds, seconds_to_frames

HEARING, WRITING, SPEAKING = 0, 1, 2
"""What a column is for."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What each column of a TimeDivision grid stands for.

    Attributes:
        kind: [C] HEARING, WRITING or SPEAKING.
        frame: [C] the frame that is heard (and read) or said (and done); of a token, the last frame heard before it.
    """

    kind: NDArray[np.uint8]
    frame: Tokens


class TimeDivision:
    """Chunks of N frames: N columns of listening, the tokens that are due, N columns of speech.

    Speech of a chunk is played from its last listening frame on, so the first N - 1 frames are silent and Ego is N - 1 frames slower
    than on the frame grid. A token is due in the chunk during whose speech the token before becomes audible. `<end>` is due like a
    token after the last; `<cut>` is written where the first chunk after an interruption begins to speak. In a column, streams that
    have no turn hold pads, waits and weights of 0, and actions are at rest. `spoken` counts through the chunks of a reply; the
    pointer of `roboego.streams.pointer`, made for contiguous text, has no meaning here.

    Silence at both ends of a reply's codes says nothing; a reply begins to speak in a chunk after the one before has ended, and cuts
    are kept to the chunk. There is no mode "asr".

    Args:
        layout: vocabularies and special ids; `end` is needed.
        chunk: N.
        silence, weights, most_spoken, rest: as for `FrameOrganizer`.
    """

    def __init__(
        self,
        layout: StreamLayout,
        *,
        chunk: int,
        silence: Codes,
        weights: WeightConfig | None = None,
        most_spoken: int = 3,
        rest: Codes | None = None,
    ) -> None:
        if layout.text.end is None or chunk < 1:
            raise InputError(f"TimeDivision needs a layout with an end token and chunks of at least one frame, not {chunk}")
        self.layout = layout
        self.chunk = chunk
        self.silence = np.asarray(silence, np.int16)
        self.weights = weights or WeightConfig()
        self.most_spoken = most_spoken
        self.rest = np.zeros(layout.action_dims, np.int16) if rest is None else np.asarray(rest, np.int16)
        self.end: int = layout.text.end

    # -- conversation -> grid ------------------------------------------------------------------

    def arrange(self, conversation: Conversation) -> FrameGrid:
        """Conversation -> grid of C columns; see `Organizer`."""
        self._check(conversation)
        frames, config = conversation.frames, self.weights
        sections: list[list[int]] = [[] for _ in range(frames // self.chunk)]
        given: list[list[float]] = [[] for _ in sections]
        speak = np.repeat(self.silence[None], frames, 0)
        spoken = np.zeros(frames, np.int32)
        spans: list[Span] = []
        for reply in conversation.replies:
            forced = reply.forced or conversation.mode == "tts"
            spans.append(self._lay(reply, sections, given, speak, spoken, spans[-1] if spans else None, forced=forced))
        act, moving = base.act_track(conversation, self.layout, self.rest)
        if moving[: self.chunk - 1].any():
            raise InputError(f"a motion begins before frame {self.chunk - 1}, the first that a chunk can fill: move it")
        waits = np.full(frames, config.wait, np.float32)
        for span in spans:
            waits[span.start : span.over] = config.wait if span.forced else config.wait_speaking
        speak_weight, spoken_weight = speak_weights(frames, spans, conversation.mode, config), spoken_weights(frames, spans, config)

        columns = _columns([len(s) for s in sections], self.chunk)
        hearing, writing, speaking = (columns.kind == kind for kind in (HEARING, WRITING, SPEAKING))
        grid = empty_grid(self.layout, len(columns.kind))
        heard = columns.frame[hearing]
        grid.listen[hearing] = conversation.heard[heard]
        grid.read[hearing] = base.read_track(conversation, self.layout)[heard]
        grid.text[writing] = [token for section in sections for token in section]
        grid.text_weight[writing] = [weight for section in given for weight in section]
        grid.act[:] = self.rest
        inside = speaking & (columns.frame < frames)
        said = columns.frame[inside]
        grid.speak[speaking] = self.silence
        grid.speak[inside], grid.spoken[inside] = speak[said], spoken[said]
        grid.speak_weight[inside], grid.spoken_weight[inside] = speak_weight[said], spoken_weight[said]
        first = np.flatnonzero(speaking & ~np.concatenate([[False], speaking[:-1]]))
        grid.text_weight[first] = waits[columns.frame[first]]
        grid.act[inside] = act[said]
        if self.layout.action_dims:
            grid.act_weight[inside] = np.where(moving, config.act, config.rest)[said]
        self._carry_spoken(grid, columns, inside)
        return grid

    def _check(self, conversation: Conversation) -> None:
        base.check_fits(conversation, self.layout, self.silence)
        base.check_no_calls(conversation)
        if conversation.mode == "asr":
            raise InputError("TimeDivision has no mode 'asr': transcribe with TextFirst")
        if conversation.frames % self.chunk:
            raise InputError(f"a conversation of {conversation.frames} frames does not fill chunks of {self.chunk}: lengthen it")

    def _place(self, reply: Reply, frames: int) -> "_Placed":
        """Finds the frames and chunks of a reply's speech and tokens."""
        start_s = reply.start_s if reply.speech_start_s is None else reply.speech_start_s
        assert start_s is not None  # Reply checks it
        speech, chunks = seconds_to_frames(start_s), frames // self.chunk
        cut = None if reply.cut_s is None else -(-(seconds_to_frames(reply.cut_s) - self.chunk + 1) // self.chunk)
        until = frames if cut is None else self._said_first(cut)
        codes = base.trimmed(reply.codes if cut is None else reply.codes[: max(0, until - speech)], self.silence)
        sounding = np.flatnonzero((codes != self.silence).any(1))
        lead = int(sounding[0]) if len(sounding) else self._said_first(self._chunk_of(speech)) - speech
        codes, speech = codes[max(0, lead) :], speech + lead
        begins = self._chunk_of(speech)
        if speech < self.chunk - 1 or speech + len(codes) > frames or begins >= chunks or (cut is not None and not begins < cut < chunks):
            raise InputError(
                f"a reply's speech from frame {speech} to {speech + len(codes)}, cut in chunk {cut}, does not fit {chunks} chunks of "
                f"{self.chunk} frames, the first of which is said from frame {self.chunk - 1} on: move it, lengthen the conversation, "
                "or drop cut_s"
            )
        ends = reply.token_ends_s - lead * FRAME_S
        due = base.due_frames(ends, speech, np.full(len(ends), speech, np.int32), self.most_spoken)
        due[due >= until] = np.inf
        frame = np.concatenate([[speech], due])
        writes = np.where(np.isfinite(frame), (np.nan_to_num(frame, posinf=0.0) - self.chunk + 1) // self.chunk, np.inf)
        if cut is None:  # tokens that are never audible are written all the same, but the reply does not end
            known = np.isfinite(writes[:-1])
            writes[:-1][~known] = writes[:-1][known][-1]
        return _Placed(speech=speech, codes=codes, due=due, begins=begins, writes=writes, cut=cut, until=until)

    def _lay(
        self,
        reply: Reply,
        sections: list[list[int]],
        given: list[list[float]],
        speak: Codes,
        spoken: Tokens,
        last: Span | None,
        *,
        forced: bool,
    ) -> Span:
        """Writes one reply into the text sections of the chunks, and its speech and count into tracks of T frames."""
        placed = self._place(reply, len(speak))
        start, speech, until, cut = self._said_first(placed.begins), placed.speech, placed.until, placed.cut
        if last is not None and start < last.stop:
            raise InputError(
                f"a reply's speech starts at frame {speech}, in a chunk in which the one before is not over: move it, or cut that one"
            )
        written = int(np.isfinite(placed.writes[:-1]).sum())
        for token, chunk in zip([*reply.tokens.tolist(), self.end], placed.writes.tolist(), strict=True):
            if np.isfinite(chunk):
                sections[int(chunk)].append(token)
                given[int(chunk)].append(0.0 if forced else self.weights.token)
        if cut is not None:
            assert self.layout.text.cut is not None  # check_fits saw to it
            sections[cut].append(self.layout.text.cut)
            given[cut].append(self.weights.cut)
        speech_end = speech + len(placed.codes)
        speak[speech:speech_end] = placed.codes
        risen = base.lay_spoken(spoken, start, until, placed.due[:written])
        spoken[until:] = spoken[until - 1]
        ended = float(placed.writes[-1])
        over = (
            self._said_first(max(self._chunk_of(max(speech_end, risen) - 1), int(ended)) + 1)
            if np.isfinite(ended)
            else len(speak) + self.chunk
        )
        return Span(
            start=start,
            written=start,
            speech=speech,
            speech_end=speech_end,
            heard_out=risen,
            cut=None if cut is None else until,
            stop=over if cut is None else until,
            forced=forced,
        )

    def _carry_spoken(self, grid: FrameGrid, columns: Columns, inside: base.Mask) -> None:
        """Columns that say nothing hold the count so far; the first token of a reply sets it back to 0."""
        count, under_way = 0, False
        for t, (kind, text) in enumerate(zip(columns.kind.tolist(), grid.text.tolist(), strict=True)):
            if inside[t]:
                count = int(grid.spoken[t])
            elif kind == WRITING:
                closes = text in (self.end, self.layout.text.cut)
                if not closes and not under_way:
                    count = 0
                under_way = not closes
            grid.spoken[t] = count

    def _chunk_of(self, frame: int) -> int:
        """Chunk in which a frame is said."""
        return (frame - self.chunk + 1) // self.chunk

    def _said_first(self, chunk: int) -> int:
        """First frame that a chunk says."""
        return chunk * self.chunk + self.chunk - 1

    # -- grid -> conversation ------------------------------------------------------------------

    def columns(self, grid: FrameGrid) -> Columns:
        """What the columns of a grid stand for.

        Raises:
            InputError: the grid is not made of whole chunks of this size.
        """
        sizes, at = [], 0
        while at < len(grid):
            size = 0
            while at + self.chunk + size < len(grid) and grid.text[at + self.chunk + size] != self.layout.text.wait:
                size += 1
            at += 2 * self.chunk + size
            sizes.append(size)
        if at != len(grid):
            raise InputError(
                f"a grid of {len(grid)} columns is not made of whole chunks of {self.chunk} frames: read it with the chunk that made it"
            )
        return _columns(sizes, self.chunk)

    def read(self, grid: FrameGrid, *, mode: Mode = "duplex") -> Conversation:
        """Grid -> conversation; see `Organizer`."""
        columns = self.columns(grid)
        hearing = columns.kind == HEARING
        frames = int(hearing.sum())
        speaking = (columns.kind == SPEAKING) & (columns.frame < frames)
        mode, announced, readings = base.readings_of(grid.read[hearing], self.layout, mode)
        act = np.repeat(self.rest[None], frames, 0)
        act[columns.frame[speaking]] = grid.act[speaking]
        conversation = Conversation(
            heard=grid.listen[hearing],
            mode=mode,
            announced=announced,
            replies=self._replies(grid, columns, frames, mode),
            readings=readings,
            motions=base.motions_of(act, self.rest),
        )
        base.check_same(grid, self.arrange(conversation))
        return conversation

    def _replies(self, grid: FrameGrid, columns: Columns, frames: int, mode: Mode) -> tuple[Reply, ...]:
        speaking = (columns.kind == SPEAKING) & (columns.frame < frames)
        speak, spoken = np.repeat(self.silence[None], frames, 0), np.zeros(frames, np.int32)
        speak[columns.frame[speaking]], spoken[columns.frame[speaking]] = grid.speak[speaking], grid.spoken[speaking]
        found: list[_Found] = []
        writing = columns.kind == WRITING
        under_way = False
        for token, frame, weight in zip(
            grid.text[writing].tolist(), columns.frame[writing].tolist(), grid.text_weight[writing].tolist(), strict=True
        ):
            if token == self.layout.text.cut and found:
                found[-1].cut, under_way = frame, False
            elif token == self.end:
                under_way = False
            else:
                if not under_way:
                    found.append(_Found(tokens=[], weights=[], start=frame))
                under_way = True
                found[-1].tokens.append(token)
                found[-1].weights.append(weight)
        stops = [*(f.start for f in found), frames][1:]
        return tuple(self._reply(f, stop if f.cut is None else f.cut, speak, spoken, mode) for f, stop in zip(found, stops, strict=True))

    def _reply(self, found: "_Found", stop: int, speak: Codes, spoken: Tokens, mode: Mode) -> Reply:
        sounding = np.flatnonzero((speak[found.start : stop] != self.silence).any(1))
        speech = found.start + (int(sounding[0]) if len(sounding) else 0)
        weights: Weights = np.asarray(found.weights, np.float32)
        return Reply(
            tokens=np.asarray(found.tokens, np.int32),
            codes=base.trimmed(speak[speech:stop], self.silence).copy(),
            token_ends_s=base.ends_of(spoken, found.start, stop, speech, len(found.tokens)),
            start_s=frames_to_seconds(found.start),
            speech_start_s=frames_to_seconds(speech),
            cut_s=None if found.cut is None else frames_to_seconds(found.cut),
            forced=mode == "tts" or (self.weights.token > 0 and not weights.any()),
        )


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """Where a reply goes: frames of its speech, `due` [n] as in `due_frames`, and chunks.

    Attributes:
        begins: the chunk in which its speech begins.
        writes: [n + 1] the chunk in which each token and `<end>` is written; inf: never.
        cut: the chunk in which it is cut; `until` the first frame of that, or T.
    """

    speech: int
    codes: Codes
    due: Seconds
    begins: int
    writes: Seconds
    cut: int | None
    until: int


@dataclass
class _Found:
    """A reply's tokens, their weights, the first frame of the chunk in which they begin, and that of the one in which they are cut."""

    tokens: list[int]
    weights: list[float]
    start: int
    cut: int | None = None


def _columns(sizes: list[int], chunk: int) -> Columns:
    """Columns of chunks with so many tokens."""
    kinds, frames = [np.zeros(0, np.uint8)], [np.zeros(0, np.int32)]
    for i, size in enumerate(sizes):
        heard = np.arange(i * chunk, (i + 1) * chunk, dtype=np.int32)
        kinds.append(np.repeat(np.array([HEARING, WRITING, SPEAKING], np.uint8), [chunk, size, chunk]))
        frames += [heard, np.full(size, heard[-1], np.int32), heard + chunk - 1]
    return Columns(kind=np.concatenate(kinds), frame=np.concatenate(frames))
