"""TextFirst: a reply's text runs ahead of its speech as one contiguous monologue (RoboEgo, arXiv 2506.01934)."""
# T frames, n tokens, K codebooks

from typing import Any

import numpy as np

from roboego.errors import InputError
from roboego.streams.conversation import Call, Conversation, Mode, Reply
from roboego.streams.grid import FrameGrid
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers import base
from roboego.streams.organizers.frames import FrameOrganizer
from roboego.streams.organizers.weights import Span
from roboego.timebase import frames_to_seconds, seconds_to_frames


class TextFirst(FrameOrganizer):
    """Text first, speech `spk_delay` frames later.

    A reply's tokens are written one a frame without a gap; then the stream waits while speech catches up. Interrupted, Ego writes
    `<cut>`, even if its text had ended. At least one wait or cut stands between two replies, and a reply's speech is over when that
    of the next begins. Calls are written while nothing else is. In mode "asr" the words heard are written instead, and speech is
    silent; in mode "tts" all text is forced.

    Args:
        layout: vocabularies and delays; `layout.spk_delay` holds unless `spk_delay` is given.
        spk_delay: frames from a reply's first token to the first frame of its speech.
        common: `silence` and whatever else `FrameOrganizer` takes.
    """

    def __init__(self, layout: StreamLayout, *, spk_delay: int | None = None, **common: Any) -> None:
        super().__init__(layout, **common)
        self.spk_delay = layout.spk_delay if spk_delay is None else spk_delay

    def _lay_replies(self, grid: FrameGrid, conversation: Conversation) -> list[Span]:
        spans: list[Span] = []
        starts = [self._start(reply) for reply in conversation.replies]
        for reply, start, stop in zip(conversation.replies, starts, [*starts, len(grid)][1:], strict=True):
            spans.append(self._lay(grid, reply, start, stop, forced=reply.forced or conversation.mode == "tts"))
            self._check_room(spans)
        return spans

    def _start(self, reply: Reply) -> int:
        """Frame of a reply's first token."""
        if reply.start_s is None:
            assert reply.speech_start_s is not None  # Reply checks it
            return seconds_to_frames(reply.speech_start_s) - self.spk_delay
        start = seconds_to_frames(reply.start_s)
        if reply.speech_start_s is not None and abs(seconds_to_frames(reply.speech_start_s) - start - self.spk_delay) > 1:
            raise InputError(
                f"a reply's text starts at {reply.start_s:.2f} s and its speech at {reply.speech_start_s:.2f} s, "
                f"but speech follows text by {self.spk_delay} frames: give one of the two"
            )
        return start

    def _lay(self, grid: FrameGrid, reply: Reply, start: int, stop: int, *, forced: bool) -> Span:
        """Writes one reply into the grid; `stop` is where the next one starts."""
        frames = len(grid)
        cut = None if reply.cut_s is None else seconds_to_frames(reply.cut_s)
        if start < 0 or (cut is not None and not start < cut < min(stop, frames)):
            raise InputError(
                f"a reply at frame {start}, cut at {cut}, does not fit between frame 0 and the next reply or end at {stop}: "
                "move it, or drop cut_s"
            )
        tokens = reply.tokens if cut is None else reply.tokens[: cut - start]
        speech = start + self.spk_delay
        codes = base.trimmed(reply.codes if cut is None else reply.codes[: max(0, cut - speech)], self.silence)
        if max(start + len(tokens), speech + len(codes) if len(codes) else 0) > frames:
            raise InputError(
                f"a reply of {len(tokens)} tokens and {len(codes)} frames of speech from frame {start} on runs past frame {frames}: "
                "lengthen the conversation"
            )
        grid.text[start : start + len(tokens)] = tokens
        grid.speak[speech : speech + len(codes)] = codes
        ends = reply.token_ends_s[: len(tokens)]
        until = stop if cut is None else cut
        written_at = np.arange(start, start + len(tokens), dtype=np.int32)
        risen = base.lay_spoken(grid.spoken, start, until, base.due_frames(ends, speech, written_at, self.most_spoken))
        if cut is not None:
            self._lay_cut(grid, cut, stop)
        return Span(
            start=start,
            written=start + len(tokens),
            speech=speech,
            speech_end=speech + len(codes),
            heard_out=risen,
            cut=cut,
            stop=stop,
            forced=forced,
        )

    def _check_room(self, spans: list[Span]) -> None:
        if len(spans) < 2:
            return
        last, span = spans[-2:]
        text_end = last.written if last.cut is None else last.cut
        if span.start <= text_end or span.speech < last.speech_end:
            raise InputError(
                f"the reply at frame {span.start} starts before the text (to {text_end}) and speech (to {last.speech_end}) of "
                "the one before are over: move it, or cut the one before"
            )

    def _lay_calls(self, grid: FrameGrid, conversation: Conversation) -> None:
        base.lay_calls(grid.text, conversation, self.layout.text)

    def _calls(self, grid: FrameGrid) -> tuple[Call, ...]:
        return base.calls_of(grid.text, self.layout.text)

    def _replies(self, grid: FrameGrid, mode: Mode) -> tuple[Reply, ...]:
        text = self.layout.text
        _, spans = base.calls_and_replies(grid.text, text)
        cuts = np.flatnonzero(grid.text == text.cut) if text.cut is not None else np.zeros(0, np.int64)
        replies = []
        for (start, end), stop in zip(spans, [*(s for s, _ in spans), len(grid)][1:], strict=True):
            cut = next((int(c) for c in cuts if end <= c < stop), None)
            speech = start + self.spk_delay
            codes = grid.speak[speech : stop + self.spk_delay if cut is None else cut]
            replies.append(
                Reply(
                    tokens=grid.text[start:end].copy(),
                    codes=base.trimmed(codes, self.silence).copy(),
                    token_ends_s=base.ends_of(grid.spoken, start, stop if cut is None else cut, speech, end - start),
                    start_s=frames_to_seconds(start),
                    speech_start_s=frames_to_seconds(speech),
                    cut_s=None if cut is None else frames_to_seconds(cut),
                    forced=self._is_forced(grid.text_weight[start:end], mode),
                )
            )
        return tuple(replies)
