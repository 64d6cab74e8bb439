"""Pictures go into contexts whole, by parts, each before a step of their own session, and how late they are is counted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from roboego.model.context_vision import Pictures
from roboego.model.glance import Glances
from roboego.model.loaded import LoadedModel
from roboego.model.model import Batch, StepInput, StepOutput
from roboego.perception.latest import encoder
from roboego.runtime.context_sight import ContextSight
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, StepIn
from roboego.runtime.session import Session
from tiny import CODEBOOKS, LIVELY, TINY_GLANCE, glancing_loaded

M = TINY_GLANCE.tokens


def tokens(count: int, value: float = 0.0) -> torch.Tensor:
    return torch.full((count, 2), value)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (frames, 1920)).astype(np.float32)


# -- one session's pictures ----------------------------------------------------------------------


@given(count=st.integers(1, 40), most=st.lists(st.integers(1, 12), min_size=1, max_size=50))
def test_a_picture_goes_in_whole_and_in_order(count: int, most: list[int]) -> None:
    context = ContextSight("context")
    assert context.asked_ns is None
    picture = torch.arange(2.0 * count).reshape(count, 2)
    context.show(picture, 5)
    parts: list[torch.Tensor] = []
    for t, room in enumerate(most):
        if context.asked_ns is None:
            break
        parts.append(context.part(room, 5 + t))
        assert 0 < len(parts[-1]) <= room
        if sum(map(len, parts)) == count:
            assert context.take_lag() == t
        assert context.take_lag() is None
    whole = torch.cat(parts)
    assert torch.equal(whole, picture[: len(whole)])
    assert (context.asked_ns is None) == (len(whole) == count)


def test_of_pictures_that_come_meanwhile_only_the_latest_follows() -> None:
    context = ContextSight("context")
    context.show(tokens(5, 1.0), 0)
    values = [float(context.part(2, 0)[0, 0])]
    context.show(tokens(3, 2.0), 1)
    context.show(tokens(3, 3.0), 1)
    for t in (1, 2, 3, 4):
        values.append(float(context.part(2, t)[0, 0]))
        lag = context.take_lag()
        assert lag == {2: 2, 4: 3}.get(t)
    assert values == [1.0, 1.0, 1.0, 3.0, 3.0]
    assert context.asked_ns is None


def test_without_need_nothing_goes_in_and_with_it_once() -> None:
    context = ContextSight("auto", unsure=0.4)
    assert not context.doubt(0.0, 1)  # there is nothing to look at
    context.show(tokens(3, 1.0), 2)
    assert not context.doubt(0.4, 3)
    assert context.asked_ns is None
    assert context.doubt(0.39, 4)
    assert not context.doubt(0.0, 4)
    # It has not begun when another picture comes: that is what is looked at.
    context.show(tokens(3, 2.0), 5)
    assert float(context.part(8, 6)[0, 0]) == 2.0
    assert context.take_lag() == 1
    assert not context.doubt(0.0, 7)
    context.show(tokens(3, 3.0), 8)
    assert context.doubt(0.0, 9)


def test_a_picture_without_tokens_takes_the_place_of_those_before() -> None:
    for policy in ("context", "auto"):
        context = ContextSight(policy, unsure=1.0)  # type: ignore[arg-type]
        context.show(tokens(3), 0)
        context.doubt(0.0, 0)
        assert len(context.part(2, 0)) == 2
        context.show(tokens(3), 1)
        context.blind()
        assert not context.doubt(0.0, 1)
        # What has begun is not left in pieces.
        assert len(context.part(2, 1)) == 1
        assert context.asked_ns is None


# -- in the engine -------------------------------------------------------------------------------


class Watched:
    """What the model was given and put out in each step of slot 0 that it took."""

    def __init__(self, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: list[StepInput] = []
        self.out: list[StepOutput] = []
        step = loaded.model.step

        def watched(step_in: StepInput, *rest: Any) -> Any:
            output, state = step(step_in, *rest)
            if step_in.active is None or step_in.active[0]:
                look, seen = (None if t is None else t.clone() for t in (step_in.look, step_in.seen))
                self.given.append(replace(step_in, read=step_in.read.clone(), look=look, seen=seen, details=None))
                self.out.append(output)
            return output, state

        monkeypatch.setattr(loaded.model, "step", watched)

    def batch(self, **sight: Any) -> Batch:
        """Slot 0's steps as a grid."""

        def column(values: list[Any]) -> Any:
            return torch.stack([value[:1] for value in values], 1)

        return Batch(
            text=column([o.text for o in self.out]),
            read=column([g.read for g in self.given]),
            speak=column([o.raw_speak for o in self.out]),
            listen=column([g.listen for g in self.given]),
            spoken=column([o.spoken for o in self.out]),
            act=column([o.act for o in self.out]),
            look=column([g.look for g in self.given]),
            seen=column([g.seen for g in self.given]),
            **sight,
        )


@pytest.mark.parametrize("positions", [1, 2, 4, 32])
def test_the_engine_takes_pictures_in_as_whole_grids_have_them(positions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first slot's greedy choices are those of all its frames at once, while another session looks, listens and comes and goes."""
    loaded, frames, shown = glancing_loaded(), 36, {2: 0, 20: 1}
    assert loaded.vision is not None
    see, part = encoder(loaded.vision), min(positions, M)
    with Engine(loaded, slots=2, see_in_background=False, context_positions=positions) as engine:
        session = engine.open(sight="context")
        watched = Watched(loaded, monkeypatch)
        neighbour, lags = engine.open(sampling=LIVELY), {}
        pcm = noise(frames)
        for t in range(frames):
            given = {session: StepIn(listen=pcm[t], look=picture(shown[t]) if t in shown else None)}
            if t % 3:
                given[neighbour] = StepIn(listen=pcm[-t], look=picture(t) if t % 5 == 0 else None)
            frame = engine.tick(given)[session]
            assert isinstance(frame, Frame)
            if frame.context_lag is not None:
                lags[t] = frame.context_lag
        counts = engine.counts
    late = M // part - 1
    assert lags == {t + late: late for t in shown}
    assert (counts.context_pictures, counts.context_lag_frames, counts.fallbacks) == (2, 2 * late, 0)
    assert counts.context_ms > 0
    # As training would have it: each part before a frame.
    pieces, at = [], []
    for t, seed in shown.items():
        for i, piece in enumerate(see(picture(seed))[1].split(part)):
            pieces.append(piece)
            at.append(t + i)
    which = torch.tensor([[sum(s <= t for s in shown) - 1 for t in range(frames)]])
    batch = watched.batch(
        pictures=Pictures(torch.stack(pieces), torch.zeros(len(at), dtype=torch.int64), torch.tensor(at)),
        glances=Glances.of(torch.stack([see(picture(seed))[1] for seed in shown.values()]), which),
    )
    with torch.inference_mode():
        whole, blind = loaded.model(batch), loaded.model(replace(batch, pictures=None))
    assert torch.equal(whole.text.argmax(-1), batch.text)
    ids = loaded.model.config.layout.speak.entries
    assert torch.equal(whole.speak[..., :ids].argmax(-1), batch.speak)
    assert not torch.allclose(whole.text[:, 6:], blind.text[:, 6:], atol=1e-3)


def test_nobody_loses_sound_or_waits_for_anothers_picture() -> None:
    loaded, pcm = glancing_loaded(), noise(30)

    def run(sights: dict[str, Any], looks: dict[str, set[int]]) -> dict[str, list[Frame]]:
        got: dict[str, list[Frame]] = {name: [] for name in sights}
        with Engine(loaded, slots=len(sights), see_in_background=False, context_positions=2) as engine:
            sessions: dict[str, Session] = {name: engine.open(sampling=LIVELY, sight=sight) for name, sight in sights.items()}
            for t, sound in enumerate(pcm):
                results = engine.tick(
                    {sessions[name]: StepIn(listen=sound, look=picture(t) if t in looks.get(name, set()) else None) for name in sights}
                )
                for name in sights:
                    frame = results[sessions[name]]
                    assert isinstance(frame, Frame)
                    got[name].append(frame)
        return got

    alone = {name: run({name: sight}, {name: looks})[name] for name, sight, looks in (("a", "context", {3}), ("b", "stream", {4}))}
    together = run({"a": "context", "b": "stream"}, {"a": {3}, "b": {4}})
    for name, frames in together.items():
        assert [f.index for f in frames] == list(range(30))
        assert [[f.token, *f.codes.tolist()] for f in frames] == [[f.token, *f.codes.tolist()] for f in alone[name]]
    # Two that ask in the same frame take turns: a step takes two tokens in, of all sessions together.
    both = run({"a": "context", "b": "context"}, {"a": {3}, "b": {3}})
    assert {name: [(f.index, f.context_lag) for f in frames if f.context_lag is not None] for name, frames in both.items()} == {
        "a": [(4, 1)],
        "b": [(6, 3)],
    }


def test_a_session_that_sits_out_keeps_what_is_left_to_take_in() -> None:
    with Engine(glancing_loaded(), slots=2, see_in_background=False, context_positions=2) as engine:
        session, other = engine.open(sight="context"), engine.open()
        assert session.step(look=picture(0)).context_lag is None
        other.step()
        assert session.step().context_lag == 1
    assert engine.counts.context_pictures == 1


def happenings(loaded: LoadedModel, logits: dict[int, list[float]], **named: Any) -> list[Frame]:
    """Frames of a session that is shown a picture in frame 2 and another in frame 9, and whose text has these logits of tokens 0, 40, 41
    in each frame; without any it waits."""
    frames: list[Frame] = []
    with Engine(loaded, see_in_background=False) as engine, engine.open(**named) as session:
        quiet = [5.0, 0.0, 0.0]

        def head(h: torch.Tensor) -> torch.Tensor:
            row = torch.full((len(h), loaded.model.config.layout.text.ids), -20.0)
            row[:, [0, 40, 41]] = torch.tensor(logits.get(session.frames, quiet))
            return row

        engine._state.text_head = head
        frames += [session.step(look=picture(t) if t in (2, 9) else None) for t in range(14)]
        engine.close()
    return frames


SURE, UNSURE, TORN = [0.0, 9.0, 0.0], [0.0, 9.0, 8.9], [8.8, 9.0, 0.0]


def test_auto_looks_closely_when_the_model_is_unsure_of_a_word() -> None:
    logits = {
        0: UNSURE,  # nothing to look at yet
        3: SURE,
        4: TORN,  # whether to write is no question of sight
        5: UNSURE,
        6: UNSURE,  # the picture has been looked at
        10: UNSURE,
        11: SURE,
    }
    frames = happenings(glancing_loaded(), logits, sight="auto", unsure=0.6)
    assert [f.index for f in frames if f.fell_back] == [5, 10]
    assert [(f.index, f.context_lag) for f in frames if f.context_lag is not None] == [(6, 0), (11, 0)]
    assert not any(f.fell_back for f in happenings(glancing_loaded(), logits, sight="auto", unsure=0.5))
    assert not any(f.fell_back for f in happenings(glancing_loaded(), logits))
    assert not any(f.fell_back for f in happenings(glancing_loaded(), logits, sight="auto", unsure=1.0, mode="asr"))


def test_what_ego_is_told_to_say_is_no_doubt_of_its_own() -> None:
    loaded = glancing_loaded()
    with Engine(loaded, see_in_background=False) as engine, engine.open("tts", sight="auto", unsure=1.0) as session:
        session.say([40, 41, 42])
        frames = [session.step(look=picture(0) if t == 0 else None) for t in range(8)]
        assert sum(f.forced and f.token >= 40 for f in frames) == 3
        assert engine.counts.fallbacks == 0


def test_only_sessions_that_can_fall_back_are_told_how_sure_the_model_is(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = glancing_loaded()
    with Engine(loaded, slots=2) as engine:
        watched = Watched(loaded, monkeypatch)
        stream, auto = engine.open(), engine.open(sight="auto")
        engine.tick({stream: StepIn(), auto: StepIn()})
        engine.tick({stream: StepIn()})
    assert [out.certainty is not None for out in watched.out] == [True, False]
    assert watched.out[0].certainty is not None
    assert watched.out[0].certainty.shape == (2,)
    assert watched.out[0].speak.shape == (2, CODEBOOKS)


def test_fallbacks_are_counted() -> None:
    loaded = glancing_loaded()
    with Engine(loaded, see_in_background=False) as engine, engine.open(sampling=LIVELY, sight="auto", unsure=1.0) as session:
        frames = [session.step(look=picture(t) if t % 10 == 0 else None) for t in range(60)]
        fell_back = [f for f in frames if f.fell_back]
        counts = engine.counts
    assert 0 < len(fell_back) <= 6
    assert all(f.text for f in fell_back)
    assert counts.fallbacks == len(fell_back)
    assert counts.context_pictures == sum(f.context_lag is not None for f in frames) >= len(fell_back) - 1
