"""What every organizer offers, and the tracks that all of them lay out alike: reading, captions, motions, audible tokens."""
# T frames, n tokens, D action dimensions

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError, ShapeError
from roboego.streams.conversation import MODES, Call, Caption, Conversation, Mode, Motion, Reading, Seconds
from roboego.streams.grid import Codes, FrameGrid, Tokens
from roboego.streams.layout import StreamLayout, TextLayout
from roboego.timebase import FRAME_S, frames_to_seconds, seconds_to_frames, seconds_to_frames_up

Mask = NDArray[np.bool_]
StartsWord = Callable[[int], bool]
"""Whether a word begins with a token."""


@runtime_checkable
class Organizer(Protocol):
    """Lays the events of a conversation out on the frame grid, and finds them in one.

    `arrange(read(grid)) == grid` for every grid that `arrange` makes; `read(arrange(conversation))` keeps tokens, codes and their order
    exactly and times to one frame (a token or word that had to queue has the time at which its turn came). What a grid does not
    hold is lost: tokens dropped at a cut, silence at the end of a reply's codes, and captions where Ego does not transcribe.
    """

    def arrange(self, conversation: Conversation) -> FrameGrid:
        """Conversation -> grid.

        Raises:
            InputError: events do not fit: they overlap, come before their time or do not end by the conversation's end.
        """

    def read(self, grid: FrameGrid, *, mode: Mode = "duplex") -> Conversation:
        """Grid -> conversation; `mode` counts only if the grid does not begin with a mode token.

        Raises:
            InputError: this organizer never makes such a grid.
        """


def check_fits(conversation: Conversation, layout: StreamLayout, silence: Codes) -> None:
    """Raises ShapeError or InputError if the numbers of codebooks or action dimensions are not those of the layout."""
    if conversation.heard.shape[1] != layout.listen.codebooks:
        raise ShapeError(f"heard has {conversation.heard.shape[1]} codebooks, the layout {layout.listen.codebooks}")
    if silence.shape != (layout.speak.codebooks,):
        raise ShapeError(f"silence has shape {silence.shape}, the layout's speech {layout.speak.codebooks} codebooks")
    for reply in conversation.replies:
        if reply.codes.shape[1] != layout.speak.codebooks:
            raise ShapeError(f"a reply has {reply.codes.shape[1]} codebooks, the layout {layout.speak.codebooks}")
        _check_pieces(reply.tokens, layout.text, "a reply")
        if reply.cut_s is not None and layout.text.cut is None:
            raise InputError("the layout has no cut token, but a reply is cut: drop cut_s")


def check_no_calls(conversation: Conversation) -> None:
    """Raises InputError if there are calls, for organizers without room for them."""
    if conversation.calls:
        raise InputError("only TextFirst has room for calls: drop the conversation's calls, or use it")


def mode_token(layout: StreamLayout, mode: Mode) -> int | None:
    """The token that announces a mode; None if the layout has none."""
    return {"asr": layout.text.asr, "tts": layout.text.tts, "duplex": layout.text.duplex}[mode] if layout.reads else None


def read_track(conversation: Conversation, layout: StreamLayout) -> Tokens:
    """[T] what Ego reads: the mode's token, then the readings, queued.

    Raises:
        InputError: there is no read stream, or the conversation ends before all has been read.
    """
    track = np.full(conversation.frames, layout.text.wait, np.int32)
    free = 0
    mode = mode_token(layout, conversation.mode) if conversation.announced else None
    if mode is not None and conversation.frames:
        track[0], free = mode, 1
    if conversation.readings and not layout.reads:
        raise InputError("the layout has no read stream: drop the conversation's readings")
    for reading in conversation.readings:
        start = max(free, seconds_to_frames(reading.start_s))
        free = _place(track, start, reading.tokens, "a reading")
    return track


def readings_of(track: Tokens, layout: StreamLayout, mode: Mode) -> tuple[Mode, bool, tuple[Reading, ...]]:
    """Mode, whether it is announced, and the readings of a track; readings that touch come out as one."""
    announced = next((m for m in MODES if len(track) and track[0] == mode_token(layout, m)), None)
    waits = track == layout.text.wait
    if announced:
        waits[0] = True
    readings = tuple(Reading(start_s=frames_to_seconds(a), tokens=track[a:b].copy()) for a, b in runs(~waits))
    return announced or mode, announced is not None, readings


def caption_track(conversation: Conversation, layout: StreamLayout, delay: int) -> Tokens:
    """[T] what Ego writes in mode "asr": each word from `delay` frames after it has been heard on, queued."""
    track = np.full(conversation.frames, layout.text.wait, np.int32)
    free = 0
    for caption in conversation.captions:
        _check_pieces(caption.tokens, layout.text, "a caption")
        start = max(free, seconds_to_frames_up(caption.end_s) + delay)
        free = _place(track, start, caption.tokens, "a caption")
    return track


def captions_of(track: Tokens, layout: StreamLayout, delay: int, starts_word: StartsWord | None) -> tuple[Caption, ...]:
    """The captions of a track: a run of tokens is one, or as many as words start in it."""
    found = []
    for first, stop in runs(track != layout.text.wait):
        starts = [t for t in range(first + 1, stop) if starts_word and starts_word(int(track[t]))]
        for a, b in zip([first, *starts], [*starts, stop], strict=True):
            found.append(Caption(end_s=frames_to_seconds(a - delay), tokens=track[a:b].copy()))
    return tuple(found)


def act_track(conversation: Conversation, layout: StreamLayout, rest: Codes) -> tuple[Codes, Mask]:
    """[T, D] action bins and [T] where there is a motion."""
    track = np.repeat(rest[None].astype(np.int16), conversation.frames, 0)
    moving = np.zeros(conversation.frames, bool)
    free = 0
    for motion in conversation.motions:
        start = max(free, seconds_to_frames(motion.start_s))
        free = start + len(motion.bins)
        if motion.bins.ndim != 2 or motion.bins.shape[1] != layout.action_dims:
            raise ShapeError(f"a motion's bins have shape {motion.bins.shape}, the layout {layout.action_dims} dimensions")
        if free > conversation.frames:
            raise InputError(f"a motion ends at frame {free} of {conversation.frames}: lengthen the conversation")
        track[start:free] = motion.bins
    moving = (track != rest).any(1) if layout.action_dims else moving
    return track, moving


def motions_of(track: Codes, rest: Codes) -> tuple[Motion, ...]:
    """The motions of a track: frames in a row that are not at rest."""
    return tuple(Motion(start_s=frames_to_seconds(a), bins=track[a:b].copy()) for a, b in runs((track != rest).any(1)))


def due_frames(ends_s: Seconds, speech: int, written_at: Tokens, most: int) -> Seconds:
    """[n] frame by whose end each token of a reply is audible; inf for tokens that never are.

    Args:
        ends_s: [n] `Reply.token_ends_s`.
        speech: frame of the start of speech.
        written_at: [n] frame in which each token is written: none is audible before.
        most: most tokens that become audible in one frame; further ones follow in the next.
    """
    due = np.where(np.isfinite(ends_s), np.ceil(np.nan_to_num(ends_s, posinf=0.0) / FRAME_S - 1e-6) + speech - 1, np.inf)
    due = np.maximum(due, written_at)
    for i in range(1, len(due)):
        due[i] = max(due[i], due[i - 1], due[i - most] + 1 if i >= most else 0)
    return due


def lay_spoken(spoken: Tokens, start: int, stop: int, due: Seconds) -> int:
    """Counts into `spoken[start:stop]` the tokens, due by the ends of the frames `due` [n], that are audible.

    Returns:
        The frame after the last in which the count rose; `start` if it never did.
    """
    spoken[start:stop] = np.searchsorted(due, np.arange(start, stop), side="right")
    rises = due[due < stop]
    return int(rises[-1]) + 1 if len(rises) else start


def ends_of(spoken: Tokens, start: int, stop: int, speech: int, tokens: int) -> Seconds:
    """`Reply.token_ends_s` of a reply whose count lies in `spoken[start:stop]`."""
    first = np.searchsorted(spoken[start:stop], np.arange(1, tokens + 1), side="left")
    return np.where(first < stop - start, (first + start + 1 - speech) * FRAME_S, np.inf)


def pieces(tokens: Tokens, layout: TextLayout) -> Mask:
    """Whether tokens are pieces of words."""
    return (tokens >= layout.first_word) & ((tokens < layout.words_end) | (layout.words_end == 0))


def calls_and_replies(text: Tokens, layout: TextLayout) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The runs of pieces in a text stream [T] that are calls, and those that are replies."""
    found = list(runs(pieces(text, layout)))
    called = [start > 0 and layout.call is not None and text[start - 1] == layout.call for start, _ in found]
    return [run for run, is_call in zip(found, called, strict=True) if is_call], [
        run for run, is_call in zip(found, called, strict=True) if not is_call
    ]


def lay_calls(text: Tokens, conversation: Conversation, layout: TextLayout) -> None:
    """Writes the calls into a text stream [T] that holds the replies.

    Raises:
        InputError: the layout has no token for it, or a call stands where something else is written.
    """
    for call in conversation.calls:
        if layout.call is None:
            raise InputError("the layout has no token that begins a call: drop the conversation's calls")
        _check_pieces(call.tokens, layout, "a call")
        start = seconds_to_frames(call.start_s)
        stop = start + 1 + len(call.tokens)
        # The wait after it ends the call.
        taken = text[max(0, start) : stop + 1] != layout.wait
        taken[len(call.tokens) + 1 :] &= pieces(text[stop : stop + 1], layout)
        if start < 0 or stop > len(text) or taken.any():
            raise InputError(
                f"a call takes frames {start} to {stop} of {len(text)}, and a wait after it: move it to where Ego writes nothing"
            )
        text[start] = layout.call
        text[start + 1 : stop] = call.tokens


def calls_of(text: Tokens, layout: TextLayout) -> tuple[Call, ...]:
    """The calls in a text stream [T]."""
    return tuple(Call(start_s=frames_to_seconds(a - 1), tokens=text[a:b].copy()) for a, b in calls_and_replies(text, layout)[0])


def trimmed(codes: Codes, silence: Codes) -> Codes:
    """`codes` [m, K] without the silence at their end."""
    sounding = np.flatnonzero((codes != silence).any(1))
    return codes[: int(sounding[-1]) + 1 if len(sounding) else 0]


def runs(mask: Mask) -> Iterator[tuple[int, int]]:
    """First frame and the one after the last, of each stretch of true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def check_same(grid: FrameGrid, again: FrameGrid) -> None:
    """Raises InputError if a grid is not what its organizer makes of it; weights aside, which depend on the configuration."""
    for name in ("text", "speak", "listen", "read", "spoken", "act"):
        was, now = getattr(grid, name), getattr(again, name)
        if not np.array_equal(was, now):
            differs = was != now if was.ndim == 1 else (was != now).any(1)
            frame = int(np.flatnonzero(differs)[0])
            raise InputError(f"{name} at frame {frame} is not as this organizer lays it out: read the grid with the one that made it")


def _place(track: Tokens, start: int, tokens: Tokens, what: str) -> int:
    """Writes tokens from `start` on; the frame after them."""
    stop = start + len(tokens)
    if start < 0 or stop > len(track):
        raise InputError(f"{what} takes frames {start} to {stop} of {len(track)}: lengthen the conversation or move it")
    track[start:stop] = tokens
    return stop


def _check_pieces(tokens: Tokens, layout: TextLayout, what: str) -> None:
    wrong = tokens[~pieces(tokens, layout)]
    if len(wrong):
        raise InputError(f"{what} holds token {wrong[0]}, which is no piece of a word: leave special tokens to the organizer")
