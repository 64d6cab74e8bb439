"""What a recorded conversation tells, laid on the frame grid just as it happened, right or wrong."""
# T frames, K codebooks, N samples

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import ActionBins
from roboego.data.importing.witnessed import Came
from roboego.data.recorded import Heading, Line, Recorded, sound_of
from roboego.data.voices.base import Sound
from roboego.data.workshop import Workshop
from roboego.errors import InputError
from roboego.streams.grid import Codes, FrameGrid, Tokens, empty_grid
from roboego.streams.layout import SoundLayout, StreamLayout
from roboego.streams.organizers.base import pieces, runs
from roboego.timebase import FRAME_SAMPLES

BLOCK_FRAMES, BEFORE_FRAMES = 750, 25
"""Frames that are encoded at once, and frames before them that the codec hears too: more than its memory."""

Levels = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracks:
    """A conversation of T frames as it was.

    Attributes:
        grid: its streams. `text_weight` is 0 where a token was given to Ego, else 1; the other weights mean nothing.
        captions: [T] what the model wrote down of what it heard, waits between.
        user_levels, ego_levels: [T] largest samples.
        pictures: frame and file of those that were shown.
        felt: by sense, the readings that came.
    """

    grid: FrameGrid
    captions: Tokens
    user_levels: Levels
    ego_levels: Levels
    pictures: tuple[tuple[int, str], ...]
    felt: Mapping[str, Came]


def tracks_of(folder: Path, told: Recorded, layout: StreamLayout, shop: Workshop) -> Tracks:
    """The streams of a conversation's folder, for as long as both its lines and its sound can be read.

    What Ego heard is encoded from the sound. So is what it said, if another codec than the workshop's said it; else its codes are those
    that were chosen. (Encoding speech that was decoded from codes does not give the same codes again.)

    Raises:
        InputError: it cannot be used.
    """
    heading = told.heading
    check_fits(heading, layout, shop)
    heard, said, levels = _encoded(folder, heading, shop)
    frames = len(heard) if told.until is None else min(len(heard), told.until)
    if not frames:
        raise InputError("nothing of it can be read")
    lines = [line for line in told.lines if line.frame < frames + heading.late_frames]
    grid = empty_grid(layout, frames)
    grid.listen[:] = heard[:frames, : layout.listen.codebooks]
    grid.speak[:] = said[:frames] if heading.codec != shop.codec.fingerprint else _chosen(lines, frames, heading, layout.speak, shop)
    captions = np.full(frames, layout.text.wait, np.int32)
    grid.text_weight[:] = 1
    for line in lines:
        if line.frame < frames:
            for track, token in ((grid.text, line.token), (captions, line.caption), (grid.read, line.read)):
                if token is not None:
                    track[line.frame] = _checked(token, layout.text.ids)
            grid.text_weight[line.frame] = not line.forced
    captions[~pieces(captions, layout.text)] = layout.text.wait
    grid.spoken[:] = _spoken(lines, frames, heading.late_frames, pieces(grid.text, layout.text))
    pictures = tuple((line.frame, line.picture) for line in lines if line.picture and line.frame < frames)
    _lay_actions(grid, lines, layout)
    return Tracks(
        grid=grid,
        captions=captions,
        user_levels=levels[:frames, 0],
        ego_levels=levels[:frames, 1],
        pictures=pictures,
        felt=_felt([line for line in lines if line.frame < frames]),
    )


def check_fits(heading: Heading, layout: StreamLayout, shop: Workshop) -> None:
    """Raises InputError if a conversation cannot become grids of this layout."""
    if heading.mode != "duplex":
        raise InputError(f'it was held in mode "{heading.mode}"; conversations alone are taken')
    if heading.tokenizer != shop.tokenizer.fingerprint:
        raise InputError(f"{heading.model} has another tokenizer than the tools that data is made with; use those of {heading.model}")
    if heading.spk_delay != layout.spk_delay:
        raise InputError(f"{heading.model} spoke {heading.spk_delay} frames after its text; grids here have {layout.spk_delay}")


def _encoded(folder: Path, heading: Heading, shop: Workshop) -> tuple[Codes, Codes, Levels]:
    """Codes [T, K] of the user and of Ego, and levels [T, 2] of both. Memory grows with the codes alone."""
    late = (1 + heading.late_frames) * FRAME_SAMPLES + heading.codec_delay
    codes: tuple[list[Codes], list[Codes]] = ([], [])
    levels: list[Levels] = []
    before = np.zeros((2, 0), np.float32)
    for block in _blocks(sound_of(folder, late)):
        sound = np.concatenate([before, block], 1)
        for side, found in zip(sound, codes, strict=True):
            found.append(_encode(side, before.shape[1], shop))
        levels.append(np.abs(block.reshape(2, -1, FRAME_SAMPLES)).max(2).T)
        before = sound[:, -BEFORE_FRAMES * FRAME_SAMPLES :]
    if not levels:
        raise InputError("its sound is empty")
    return np.concatenate(codes[0]), np.concatenate(codes[1]), np.concatenate(levels)


def _encode(pcm: Sound, before: int, shop: Workshop) -> Codes:
    """Codes of what comes after the first `before` samples."""
    return shop.encode(pcm)[before // FRAME_SAMPLES :]


def _blocks(frames: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Frames [2, 1920] -> blocks [2, N] of up to a minute."""
    kept: list[NDArray[np.float32]] = []
    for frame in frames:
        kept.append(frame)
        if len(kept) == BLOCK_FRAMES:
            yield np.concatenate(kept, 1)
            kept = []
    if kept:
        yield np.concatenate(kept, 1)


def _chosen(lines: list[Line], frames: int, heading: Heading, sound: SoundLayout, shop: Workshop) -> Codes:
    """[T, K] the codes that Ego chose; silence where no line tells any."""
    codes = np.repeat(shop.silence[None], frames, 0)
    for line in lines:
        t = line.frame - heading.late_frames
        if not line.codes or t < 0:
            continue
        if len(line.codes) != sound.codebooks:
            raise InputError(f"at frame {line.frame} it has {len(line.codes)} codes, not {sound.codebooks}")
        codes[t] = [_checked(code, sound.ids) for code in line.codes]
    return codes


def _spoken(lines: list[Line], frames: int, late: int, written: NDArray[np.bool_]) -> Tokens:
    """[T] how many tokens of the current reply were audible; it is as the last line before has it. `written`: where Ego wrote."""
    last = np.searchsorted([line.frame for line in lines], np.arange(late, frames + late), side="right")
    spoken = np.array([0, *(line.spoken for line in lines)], np.int32)[last]
    # Where it is told late, the last frames of a reply are told after the next began.
    starts = [start for start, _ in runs(written)]
    for start, stop in pairwise([*starts, frames]):
        spoken[start:stop] = np.maximum.accumulate(spoken[start:stop])
    return spoken


def _lay_actions(grid: FrameGrid, lines: list[Line], layout: StreamLayout) -> None:
    """What the arm did. Where nothing is told of one it keeps still, and that is not learned.

    Raises:
        InputError: it is an arm of another kind.
    """
    if not layout.action_dims:
        return
    grid.act[:] = ActionBins(dims=layout.action_dims, bins=layout.action_bins).rest
    for line in lines:
        if not line.action or line.frame >= len(grid):
            continue
        if len(line.action) != layout.action_dims:
            raise InputError(f"at frame {line.frame} its arm has {len(line.action)} dimensions, that of these grids {layout.action_dims}")
        grid.act[line.frame] = [_checked(number, layout.action_bins) for number in line.action]
        grid.act_weight[line.frame] = 1


def _felt(lines: list[Line]) -> dict[str, Came]:
    """By sense, the readings that came; those with numbers that are none were not taken, and are not here.

    Raises:
        InputError: readings of a sense have different shapes.
    """
    found: dict[str, Came] = {}
    for name in sorted({name for line in lines for name in line.sense}):
        try:
            read = [(line.frame, np.array(line.sense[name], np.float32)) for line in lines if name in line.sense]
            came = [(frame, values) for frame, values in read if np.isfinite(values).all()]
            if came:
                found[name] = np.array([frame for frame, _ in came]), np.stack([values for _, values in came])
        except (ValueError, TypeError) as error:
            raise InputError(f"its readings of {name} have different shapes") from error
    return found


def _checked(number: int, ids: int) -> int:
    if not 0 <= number < ids:
        raise InputError(f"it has a token or code {number}, which the model of these grids does not know")
    return number
