"""Random grids and conversations for the tests of streams and shards."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from roboego.streams.conversation import Call, Caption, Conversation, Motion, Reading, Reply
from roboego.streams.grid import FrameGrid, empty_grid
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout
from roboego.streams.organizers import WeightConfig
from roboego.timebase import FRAME_S

LAYOUT = StreamLayout(
    text=TextLayout(ids=60),
    speak=SoundLayout(codebooks=3, entries=8),
    listen=SoundLayout(codebooks=2, entries=8),
    action_dims=2,
    action_bins=16,
)
SILENCE = np.array([5, 0, 7], np.int16)
EPAD = 7
BEGIN, MIDDLE = range(30, 40), range(40, 60)
"""Tokens that begin a word, and tokens that continue one."""


def starts_word(token: int) -> bool:
    return token in BEGIN


def random_tokens(rng: np.random.Generator, n: int) -> np.ndarray:
    """Pieces of one word."""
    return np.concatenate([rng.choice(BEGIN, 1), rng.choice(MIDDLE, n - 1)]).astype(np.int32)


def random_codes(rng: np.random.Generator, frames: int, *, ends_in_sound: bool = True) -> np.ndarray:
    codes = rng.integers(0, 8, (frames, 3)).astype(np.int16)
    codes[rng.random(frames) < 0.2] = SILENCE
    if frames and ends_in_sound:
        codes[[0, -1]] = (SILENCE + 1) % 8
    return codes


@dataclass
class _Laid:
    """A reply as the direct generator lays it out."""

    start: int
    written: int
    speech: int
    speech_end: int
    cut: int | None
    rose: int = 0
    stop: int = 0


@st.composite
def text_first_grids(draw: st.DrawFn, *, spk_delay: int, weights: WeightConfig, tts: bool = False) -> FrameGrid:
    """Grids as TextFirst's rules allow them, built frame by frame without it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    announced = draw(st.booleans()) or tts
    laid: list[_Laid] = []
    free = 0
    for _ in range(draw(st.integers(0, 4))):
        start = free + draw(st.integers(0, 4))
        if laid:
            start = max(start, laid[-1].speech_end - spk_delay)
        n, m = draw(st.integers(1, 6)), draw(st.integers(0, 9))
        speech = start + spk_delay
        reply = _Laid(start, n, speech, speech + m, None)
        if draw(st.booleans()):
            reply.cut = start + draw(st.integers(1, spk_delay + n + m + 3))
            reply.written = min(n, reply.cut - start)
            reply.speech_end = max(speech, min(reply.speech_end, reply.cut))
        free = start + reply.written + 1 if reply.cut is None else reply.cut + 1
        laid.append(reply)
    ends = [max(r.start + r.written, r.speech_end if r.speech_end > r.speech else 0, (r.cut or 0) + 1) for r in laid]
    frames = max([2, *ends]) + draw(st.integers(0, 14))
    grid = empty_grid(LAYOUT, frames)
    grid.speak[:] = SILENCE
    grid.listen[:] = rng.integers(0, 9, grid.listen.shape)
    for reply, stop in zip(laid, [*(r.start for r in laid), frames][1:], strict=True):
        reply.stop, reply.rose = stop, reply.start
        grid.text[reply.start : reply.start + reply.written] = rng.integers(30, 60, reply.written)
        grid.speak[reply.speech : reply.speech_end] = random_codes(rng, reply.speech_end - reply.speech)
        count = 0
        for t in range(reply.start, stop):
            if (reply.cut is None or t < reply.cut) and rng.random() < 0.6:
                grown = min(count + int(rng.integers(0, 4)), min(t + 1 - reply.start, reply.written))
                if grown > count:
                    count, reply.rose = grown, t + 1
            grid.spoken[t] = count
        if reply.cut is not None:
            grid.text[reply.cut] = LAYOUT.text.cut
    if not tts:
        _call_somewhere(grid, rng)
    grid.read[:] = np.where(rng.random(frames) < 0.3, rng.integers(30, 60, frames), LAYOUT.text.wait)
    if announced:
        grid.read[0] = LAYOUT.text.tts if tts else LAYOUT.text.duplex
    grid.act[:] = np.where(rng.random((frames, 1)) < 0.5, rng.integers(0, 16, grid.act.shape), 0)
    for t in range(frames):
        _weigh(grid, t, laid, weights, forced=tts)
    return grid


def _call_somewhere(grid: FrameGrid, rng: np.random.Generator) -> None:
    """Writes calls where nothing is written, at some of the places with room for it and a wait after it."""
    at = int(rng.integers(0, 12))
    while at < len(grid):
        n = int(rng.integers(1, 4))
        if (grid.text[at : at + n + 2] == LAYOUT.text.wait).all() and at + n < len(grid):
            grid.text[at] = LAYOUT.text.call
            grid.text[at + 1 : at + 1 + n] = rng.integers(30, 60, n)
        at += n + int(rng.integers(2, 20))


def _weigh(grid: FrameGrid, t: int, laid: list[_Laid], w: WeightConfig, *, forced: bool) -> None:
    current = next((r for r in reversed(laid) if r.start <= t), None)
    under_way = False
    if current:
        over = (
            current.cut
            if current.cut is not None
            else max(current.start + current.written, current.speech, current.speech_end, current.rose)
        )
        under_way = t < over
    if grid.text[t] == LAYOUT.text.cut:
        grid.text_weight[t] = w.cut
    elif grid.text[t] == LAYOUT.text.wait:
        grid.text_weight[t] = w.wait_speaking if under_way and not forced else w.wait
    else:
        grid.text_weight[t] = 0.0 if forced else w.token
    grid.spoken_weight[t] = w.spoken if under_way else 0.0
    firm = False
    for r in laid:
        last = r.speech_end + w.tail if r.speech_end > r.speech else r.speech
        firm |= r.start <= t < last
        firm |= r.cut is not None and r.cut <= t < r.cut + w.tail
    grid.speak_weight[t] = w.speech if firm else w.silence
    grid.act_weight[t] = w.act if grid.act[t].any() else w.rest


@st.composite
def asr_grids(draw: st.DrawFn, *, weights: WeightConfig) -> FrameGrid:
    """Grids in mode "asr"."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = draw(st.integers(1, 40))
    grid = empty_grid(LAYOUT, frames)
    grid.speak[:] = SILENCE
    grid.listen[:] = rng.integers(0, 9, grid.listen.shape)
    writes = rng.random(frames) < draw(st.floats(0, 1))
    grid.text[:] = np.where(writes, rng.integers(30, 60, frames), LAYOUT.text.wait)
    grid.read[0] = LAYOUT.text.asr
    grid.text_weight[:] = np.where(writes, np.float32(weights.token), np.float32(weights.wait_asr))
    grid.speak_weight[:] = weights.silence_asr
    grid.act_weight[:] = weights.rest
    return grid


@st.composite
def conversations(
    draw: st.DrawFn, *, spk_delay: int, mode: str = "duplex", cuts: bool = True, roomy: float = 0.0, calls: bool = False
) -> Conversation:
    """Conversations at arbitrary times in which nothing has to queue. `roomy` seconds lie between replies."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    clock = (2 + spk_delay) * FRAME_S + rng.random()
    replies = []
    for _ in range(draw(st.integers(0, 4))):
        words = [int(rng.integers(1, 4)) for _ in range(draw(st.integers(1, 4)))]
        tokens = np.concatenate([random_tokens(rng, n) for n in words])
        ends = np.cumsum(rng.uniform(0.081, 0.4, len(tokens)))
        firsts = np.concatenate([[0], np.cumsum(words)[:-1]])
        starts = np.full(len(tokens), np.nan)
        starts[firsts] = np.concatenate([[0.0], ends])[firsts]
        codes = random_codes(rng, int(ends[-1] / FRAME_S) + 3)
        reply = Reply(tokens=tokens, codes=codes, token_ends_s=ends, word_starts_s=starts, speech_start_s=clock)
        clock += len(codes) * FRAME_S
        if cuts and draw(st.booleans()):
            reply = _cut(reply, rng.uniform(0.3, 1.0) * len(codes), spk_delay)
        replies.append(reply)
        clock += FRAME_S * (spk_delay + len(tokens) + 3) + rng.random() + roomy
    frames = int(clock / FRAME_S) + 2
    readings, at = [], 2 * FRAME_S
    while at < (frames - 10) * FRAME_S and rng.random() < 0.7:
        tokens = rng.integers(30, 60, int(rng.integers(1, 5))).astype(np.int32)
        readings.append(Reading(start_s=at, tokens=tokens))
        at += (len(tokens) + 2) * FRAME_S + rng.random()
    called, at = [], 0
    busy = [(r.speech_start_s / FRAME_S - spk_delay - 2, r.speech_start_s / FRAME_S + len(r.tokens) + 1) for r in replies]
    while calls and at < frames - 6:
        n = int(rng.integers(1, 4))
        end = at + n + 2
        if (
            rng.random() < 0.5
            and not any(a < end and at < b for a, b in busy)
            and not any(r.cut_s is not None and at - 1 <= r.cut_s / FRAME_S <= end + 1 for r in replies)
        ):
            called.append(Call(start_s=at * FRAME_S, tokens=rng.integers(30, 60, n).astype(np.int32)))
        at = end + int(rng.integers(0, 9))
    motions, at = [], rng.random()
    while at < (frames - 10) * FRAME_S and rng.random() < 0.7:
        bins = rng.integers(1, 16, (int(rng.integers(1, 5)), 2)).astype(np.int16)
        motions.append(Motion(start_s=at, bins=bins))
        at += (len(bins) + 2) * FRAME_S + rng.random()
    return Conversation(
        heard=rng.integers(0, 9, (frames, 2)).astype(np.int16),
        mode=mode,
        replies=tuple(replies),
        calls=tuple(called),
        readings=tuple(readings),
        motions=tuple(motions),
    )


def _cut(reply: Reply, after_frames: float, spk_delay: int) -> Reply:
    """The reply as it is when it is cut: what is not written or said by then is not in it."""
    speech = round(reply.speech_start_s / FRAME_S)
    frame = max(speech - spk_delay + 1, speech + round(after_frames))
    kept = min(len(reply.tokens), frame - speech + spk_delay)
    said = frame - speech
    codes = reply.codes[:said].copy()
    codes[-1:] = (SILENCE + 1) % 8
    ends = reply.token_ends_s[:kept]
    return replace(
        reply,
        tokens=reply.tokens[:kept],
        word_starts_s=reply.word_starts_s[:kept],
        token_ends_s=np.where(np.ceil(ends / FRAME_S) <= said, ends, np.inf),
        codes=codes,
        cut_s=frame * FRAME_S + 0.3 * FRAME_S * np.sin(after_frames),
    )


@st.composite
def transcriptions(draw: st.DrawFn) -> Conversation:
    """Conversations in mode "asr" whose words leave time to write them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    captions, frame = [], 2
    for _ in range(draw(st.integers(0, 8))):
        tokens = random_tokens(rng, int(rng.integers(1, 4)))
        captions.append(Caption(end_s=(frame - rng.random() * 0.99) * FRAME_S, tokens=tokens))
        frame += len(tokens) + int(rng.integers(0, 4))
    return Conversation(heard=rng.integers(0, 9, (frame + 8, 2)).astype(np.int16), mode="asr", captions=tuple(captions))


def assert_same(found: Conversation, given: Conversation, *, within_s: float = FRAME_S, cut_within_s: float = FRAME_S) -> None:
    """Tokens, codes and order exactly, times within a frame."""
    near = {"atol": within_s + 1e-9, "rtol": 0.0}
    assert (found.mode, found.announced) == (given.mode, given.announced)
    np.testing.assert_array_equal(found.heard, given.heard)
    assert len(found.replies) == len(given.replies)
    assert [c.tokens.tolist() for c in found.calls] == [c.tokens.tolist() for c in given.calls]
    np.testing.assert_allclose([c.start_s for c in found.calls], [c.start_s for c in given.calls], **near)
    for a, b in zip(found.replies, given.replies, strict=True):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.codes, b.codes)
        np.testing.assert_allclose(a.speech_start_s, b.speech_start_s, **near)
        np.testing.assert_allclose(a.speech_start_s + a.token_ends_s, b.speech_start_s + b.token_ends_s, atol=2 * within_s, rtol=0)
        np.testing.assert_allclose(a.token_ends_s, b.token_ends_s, **near)
        assert (a.cut_s is None) == (b.cut_s is None)
        if a.cut_s is not None:
            assert abs(a.cut_s - b.cut_s) <= cut_within_s + 1e-9
    for kind, time in (("captions", "end_s"), ("readings", "start_s")):
        assert len(getattr(found, kind)) == len(getattr(given, kind))
        for a, b in zip(getattr(found, kind), getattr(given, kind), strict=True):
            np.testing.assert_array_equal(a.tokens, b.tokens)
            np.testing.assert_allclose(getattr(a, time), getattr(b, time), **near)
    assert len(found.motions) == len(given.motions)
    for a, b in zip(found.motions, given.motions, strict=True):
        np.testing.assert_array_equal(a.bins, b.bins)
        np.testing.assert_allclose(a.start_s, b.start_s, **near)
