"""What organizers have in common whose columns are frames, one each."""
# T frames, K codebooks, D action dimensions

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from roboego.streams.conversation import Call, Caption, Conversation, Mode, Reply
from roboego.streams.grid import Codes, FrameGrid, Weights, empty_grid
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers import base
from roboego.streams.organizers.weights import Span, WeightConfig, speak_weights, spoken_weights, text_weights


class FrameOrganizer(ABC):
    """An organizer that lays out replies in its own way and all the rest like the others.

    Args:
        layout: vocabularies and special ids.
        silence: [K] what Ego plays when it does not speak: the codec's codes of steady silence.
        asr_delay: frames that a word's transcription waits after the word has been heard.
        weights: what counts how much in training.
        most_spoken: most tokens that become audible in one frame (the model's `max_advance`).
        rest: [D] action bins of a robot that stays where it is.
        starts_word: whether a word begins with a token; parts words that were written without a gap when a grid is read.
    """

    def __init__(
        self,
        layout: StreamLayout,
        *,
        silence: Codes,
        asr_delay: int = 0,
        weights: WeightConfig | None = None,
        most_spoken: int = 3,
        rest: Codes | None = None,
        starts_word: base.StartsWord | None = None,
    ) -> None:
        self.layout = layout
        self.silence = np.asarray(silence, np.int16)
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
        if mode == "asr":
            self._lay_captions(grid, conversation)
        spans = self._lay_replies(grid, conversation)
        self._lay_calls(grid, conversation)
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
        conversation = self.found_in(grid, mode=mode)
        base.check_same(grid, self.arrange(conversation))
        return conversation

    def found_in(self, grid: FrameGrid, *, mode: Mode = "duplex") -> Conversation:
        """The conversation in a grid that need not be as this organizer would lay it out: in what a model did by itself."""
        mode, announced, readings = base.readings_of(grid.read, self.layout, mode)
        return Conversation(
            heard=grid.listen.copy(),
            mode=mode,
            announced=announced,
            replies=() if mode == "asr" else self._replies(grid, mode),
            captions=self._captions(grid) if mode == "asr" else (),
            calls=self._calls(grid),
            readings=readings,
            motions=base.motions_of(grid.act, self.rest),
        )

    @abstractmethod
    def _lay_replies(self, grid: FrameGrid, conversation: Conversation) -> list[Span]:
        """Writes text, speech and `spoken` of all replies into the grid."""

    @abstractmethod
    def _replies(self, grid: FrameGrid, mode: Mode) -> tuple[Reply, ...]:
        """Finds the replies in a grid."""

    def _lay_calls(self, grid: FrameGrid, conversation: Conversation) -> None:
        """Writes the calls, for organizers that have room for them."""
        base.check_no_calls(conversation)

    def _calls(self, grid: FrameGrid) -> tuple[Call, ...]:
        return ()

    def _lay_captions(self, grid: FrameGrid, conversation: Conversation) -> None:
        grid.text[:] = base.caption_track(conversation, self.layout, self.asr_delay)

    def _captions(self, grid: FrameGrid) -> tuple[Caption, ...]:
        return base.captions_of(grid.text, self.layout, self.asr_delay, self.starts_word)

    def _lay_cut(self, grid: FrameGrid, cut: int, stop: int) -> None:
        """Writes `<cut>`; what was audible before it stays so until `stop`."""
        assert self.layout.text.cut is not None  # check_fits saw to it
        grid.text[cut] = self.layout.text.cut
        grid.spoken[cut:stop] = grid.spoken[cut - 1]

    def _is_forced(self, weights: Weights, mode: Mode) -> bool:
        """Whether tokens with these weights were given to Ego."""
        return mode == "tts" or (self.weights.token > 0 and not weights.any())
