"""TextFirst: a reply's text runs ahead of its speech as one contiguous monologue (RoboEgo, arXiv 2506.01934)."""
# T frames, n tokens, K codebooks

from dataclasses import replace

import numpy as np

from roboego.errors import InputError
from roboego.streams.conversation import Conversation, Mode, Reply
from roboego.streams.grid import Codes, FrameGrid, empty_grid
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers import base
from roboego.streams.organizers.weights import Span, WeightConfig, speak_weights, spoken_weights, text_weights
from roboego.timebase import frames_to_seconds, seconds_to_frames


class TextFirst:
    """Text first, speech `spk_delay` frames later.

    A reply's tokens are written one a frame without a gap; then the stream waits while speech catches up. Interrupted, Ego writes
    `<cut>`, even if its text had ended. At least one wait or cut stands between two replies, and a reply's speech is over when that
    of the next begins. In mode "asr" the words heard are written instead, and speech is silent; in mode "tts" all text is forced.

    Args:
        layout: vocabularies and delays; `layout.spk_delay` holds unless `spk_delay` is given.
        silence: [K] what Ego plays when it does not speak: the codec's codes of steady silence.
        spk_delay: frames from a reply's first token to the first frame of its speech.
        asr_delay: frames that a word's transcription waits after the word has been heard.
        weights: what counts how much in training.
        most_spoken: most tokens that become audible in one frame (the model's `max_advance`).
        rest: [D] action bins of a robot that stays where it is.
        starts_word: whether a word begins with a token; parts captions that were written without a gap when a grid is read.
    """

    def __init__(
        self,
        layout: StreamLayout,
        *,
        silence: Codes,
        spk_delay: int | None = None,
        asr_delay: int = 0,
        weights: WeightConfig | None = None,
        most_spoken: int = 3,
        rest: Codes | None = None,
        starts_word: base.StartsWord | None = None,
    ) -> None:
        self.layout = layout
        self.silence = np.asarray(silence, np.int16)
        self.spk_delay = layout.spk_delay if spk_delay is None else spk_delay
        self.asr_delay = asr_delay
        self.weights = weights or WeightConfig()
        self.most_spoken = most_spoken
        self.rest = np.zeros(layout.action_dims, np.int16) if rest is None else np.asarray(rest, np.int16)
        self.starts_word = starts_word

    def arrange(self, conversation: Conversation) -> FrameGrid:
        """Conversation -> grid; see `Organizer`."""
        base.check_fits(conversation, self.layout, self.silence)
        frames, mode, config = conversation.frames, conversation.mode, self.weights
        grid = empty_grid(self.layout, frames)
        grid.speak[:] = self.silence
        grid.listen[:] = conversation.heard
        spans: list[Span] = []
        if mode == "asr":
            grid.text[:] = base.caption_track(conversation, self.layout, self.asr_delay)
        else:
            starts = [self._start(reply) for reply in conversation.replies]
            for reply, start, stop in zip(conversation.replies, starts, [*starts, frames][1:], strict=True):
                spans.append(self._lay(grid, reply, start, stop, forced=reply.forced or mode == "tts"))
                self._check_room(spans)
        act, moving = base.act_track(conversation, self.layout, self.rest)
        grid.act[:] = act
        if self.layout.action_dims:
            grid.act_weight[:] = np.where(moving, config.act, config.rest)
        return replace(
            grid,
            read=base.read_track(conversation, self.layout),
            text_weight=text_weights(grid.text, spans, mode, self.layout, config),
            speak_weight=speak_weights(frames, spans, mode, config),
            spoken_weight=spoken_weights(frames, spans, config),
        )

    def read(self, grid: FrameGrid, *, mode: Mode = "duplex") -> Conversation:
        """Grid -> conversation; see `Organizer`."""
        mode, announced, readings = base.readings_of(grid.read, self.layout, mode)
        conversation = Conversation(
            heard=grid.listen.copy(),
            mode=mode,
            announced=announced,
            replies=() if mode == "asr" else self._replies(grid, mode),
            captions=base.captions_of(grid.text, self.layout, self.asr_delay, self.starts_word) if mode == "asr" else (),
            readings=readings,
            motions=base.motions_of(grid.act, self.rest),
        )
        base.check_same(grid, self.arrange(conversation))
        return conversation

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
        risen = base.lay_spoken(grid.spoken, start, until, speech, ends, written_at, self.most_spoken)
        if cut is not None:
            assert self.layout.text.cut is not None  # check_fits saw to it
            grid.text[cut] = self.layout.text.cut
            grid.spoken[cut:stop] = grid.spoken[cut - 1]
        return Span(
            start=start,
            written=len(tokens),
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
        text_end = last.start + last.written if last.cut is None else last.cut
        if span.start <= text_end or span.speech < last.speech_end:
            raise InputError(
                f"the reply at frame {span.start} starts before the text (to {text_end}) and speech (to {last.speech_end}) of "
                "the one before are over: move it, or cut the one before"
            )

    def _replies(self, grid: FrameGrid, mode: Mode) -> tuple[Reply, ...]:
        text = self.layout.text
        spans = list(base.runs(base.pieces(grid.text, text)))
        cuts = np.flatnonzero(grid.text == text.cut) if text.cut is not None else np.zeros(0, np.int64)
        replies = []
        for (start, end), stop in zip(spans, [*(s for s, _ in spans), len(grid)][1:], strict=True):
            cut = next((int(c) for c in cuts if end <= c < stop), None)
            speech = start + self.spk_delay
            codes = grid.speak[speech : stop + self.spk_delay if cut is None else cut]
            forced = mode == "tts" or (self.weights.token > 0 and not grid.text_weight[start:end].any())
            replies.append(
                Reply(
                    tokens=grid.text[start:end].copy(),
                    codes=base.trimmed(codes, self.silence).copy(),
                    token_ends_s=base.ends_of(grid.spoken, start, stop if cut is None else cut, speech, end - start),
                    start_s=frames_to_seconds(start),
                    speech_start_s=frames_to_seconds(speech),
                    cut_s=None if cut is None else frames_to_seconds(cut),
                    forced=forced,
                )
            )
        return tuple(replies)
