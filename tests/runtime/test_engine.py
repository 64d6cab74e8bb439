"""The engine: slots, batched ticks, and sessions that do not notice each other."""

import random
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from roboego.errors import CheckpointError, InputError
from roboego.model.loaded import LoadedModel
from roboego.model.rollout import roll_out
from roboego.model.sampling import Sampling, StreamSampling
from roboego.runtime.engine import Engine
from roboego.runtime.frame import SILENCE, EngineFull, Frame, NotSeen, Overrun, SessionError, StepIn
from roboego.runtime.session import Session
from tiny import CODEBOOKS, ENTRIES, GREEDY, LIVELY, TINY_GLANCE, obedient_loaded, tiny_codec, tiny_config, tiny_loaded, tiny_vit


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (frames, 1920)).astype(np.float32)


def heard(session: Session, pcm: np.ndarray) -> list[Frame]:
    return [session.step(frame) for frame in pcm]


def same(one: list[Frame], other: list[Frame], *, atol: float = 1e-5) -> None:
    """Equal in all that they put out, but for the rounding of sound."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.index, a.token, a.text, a.spoken_upto, a.events) == (b.index, b.token, b.text, b.spoken_upto, b.events)
        assert_array_equal(a.codes, b.codes)
        assert_allclose(a.speech, b.speech, atol=atol)


def alone(loaded: LoadedModel, pcm: np.ndarray, sampling: Sampling, prompt: str | None = None) -> list[Frame]:
    with Engine(loaded) as engine, engine.open(sampling=sampling, prompt=prompt) as session:
        return heard(session, pcm)


def test_a_frame_is_what_codec_and_model_make_of_it() -> None:
    """Against the parts, called one after the other over the whole sound."""
    loaded = tiny_loaded(tiny_config(delays=(0, 1, 2)))
    codec, model, frames = loaded.codec, loaded.model, 40
    assert codec is not None
    layout, pcm = model.config.layout, noise(frames)
    listen = codec.encode(torch.from_numpy(pcm.reshape(1, -1)))
    read = torch.full((1, frames), layout.text.wait)
    assert layout.text.duplex is not None
    read[0, 0] = layout.text.duplex
    expected = roll_out(model, listen, read, sampling=LIVELY)

    got = alone(loaded, pcm, LIVELY)
    assert [f.token for f in got] == expected.text[0].tolist()
    assert_array_equal(np.stack([f.codes for f in got]), expected.speak[0].numpy())
    lag = layout.speak.max_delay
    speech = codec.decode(expected.speak[:, lag:])[0].numpy().reshape(-1, 1920)
    assert_allclose(np.stack([f.speech for f in got[lag:]]), speech, atol=1e-5)
    assert not any(f.speech.any() for f in got[:lag])


def test_sessions_that_come_and_go_do_not_notice_each_other() -> None:
    """Four sessions in three slots, stepped together or not at random, each with its own settings."""
    loaded = tiny_loaded(tiny_config(delays=(0, 1, 1)))
    kinds = [
        (noise(70, 1), GREEDY, None),
        (noise(40, 2), LIVELY, "the cup"),
        (noise(60, 3), replace(LIVELY, seed=5), None),
        (noise(50, 4), Sampling(speak=StreamSampling(temperature=1.0, repetition_penalty=1.3, penalized_codebooks=2), seed=9), "table"),
    ]
    expected = [alone(loaded, *kind) for kind in kinds]
    rng, engine = random.Random(0), Engine(loaded, slots=3)
    sessions: dict[int, Session] = {}
    got: list[list[Frame]] = [[] for _ in kinds]
    waiting = list(range(len(kinds)))
    while waiting or sessions:
        if waiting and len(sessions) < 3 and rng.random() < 0.3:
            k = waiting.pop(0)
            sessions[k] = engine.open(sampling=kinds[k][1], prompt=kinds[k][2])
        chosen = [k for k in sessions if rng.random() < 0.7]
        results = engine.tick({sessions[k]: StepIn(listen=kinds[k][0][len(got[k])]) for k in chosen})
        for k in chosen:
            frame = results[sessions[k]]
            assert isinstance(frame, Frame)
            got[k].append(frame)
            if len(got[k]) == len(kinds[k][0]):
                sessions.pop(k).close()
    for one, other in zip(got, expected, strict=True):
        same(one, other)


def test_seeds_reproduce_in_any_slot() -> None:
    loaded, pcm = tiny_loaded(), noise(25)
    engine = Engine(loaded, slots=3)
    first, second, third = (engine.open(sampling=replace(LIVELY, seed=seed)) for seed in (1, 1, 2))
    one, two, three = heard(first, pcm), heard(second, pcm), heard(third, pcm)
    same(one, two)
    assert any((a.codes != b.codes).any() for a, b in zip(one, three, strict=True))


def test_a_slot_is_as_new_for_its_next_session() -> None:
    loaded, pcm = tiny_loaded(), noise(30)
    engine = Engine(loaded)
    with engine.open(sampling=LIVELY, prompt="the table") as session:
        before = heard(session, pcm)
    with engine.open(sampling=LIVELY, prompt="the table") as session:
        same(heard(session, pcm), before)


def test_slots_run_out() -> None:
    engine = Engine(tiny_loaded(), slots=2)
    first = engine.open()
    engine.open()
    with pytest.raises(EngineFull, match="all 2 slots"):
        engine.open()
    first.close()
    first.close()
    assert engine.open().slot == 0
    assert len(engine.sessions) == 2
    engine.close()
    assert engine.sessions == ()


@pytest.mark.parametrize(
    "bad",
    [
        StepIn(listen=np.full(1920, np.nan, np.float32)),
        StepIn(listen=np.zeros(1921, np.float32)),
        StepIn(say="über ☃ 漢字"),
        StepIn(sense={"touch": [1.0]}),
    ],
    ids=["nan", "too long", "letters", "sense"],
)
def test_bad_input_fails_one_session_and_leaves_it_usable(bad: StepIn) -> None:
    loaded, pcm = tiny_loaded(), noise(20)
    expected = alone(loaded, pcm, LIVELY)
    engine = Engine(loaded, slots=2)
    careful, careless = engine.open(sampling=LIVELY), engine.open(sampling=LIVELY)
    got: dict[Session, list[Frame]] = {careful: [], careless: []}
    for t, frame in enumerate(pcm):
        results = engine.tick({careful: StepIn(listen=frame), careless: bad if t == 7 else StepIn(listen=frame)})
        for session, result in results.items():
            if isinstance(result, Frame):
                got[session].append(result)
            else:
                assert (session, t) == (careless, 7)
                assert isinstance(result.__cause__, InputError)
        if t == 7:
            # Nothing has happened to it: the same frame, given again, goes on where it was.
            got[careless].append(careless.step(frame))
    same(got[careful], expected)
    same(got[careless], expected)
    assert engine.counts.failures == 1


def test_a_session_that_breaks_down_is_closed_alone() -> None:
    class Broken:
        def __init__(self) -> None:
            self.calls = 0

        def encode(self, text: str) -> list[int]:
            return [40]

        def decode(self, ids: list[int]) -> str:
            self.calls += 1
            if len(ids) == 3:
                raise RuntimeError("decoding failed")
            return "x" * len(ids)

    loaded = obedient_loaded()
    expected = alone(loaded, noise(10), GREEDY)
    engine = Engine(replace(loaded, tokenizer=Broken()), slots=2)
    fine, broken = engine.open(), engine.open()
    broken.say([40, 41, 42, 43])
    results = [engine.tick({session: StepIn(listen=frame) for session in (fine, broken) if session.is_open}) for frame in noise(10)]
    failures = [(t, r[broken]) for t, r in enumerate(results) if not isinstance(r.get(broken, Frame), Frame) and broken in r]
    failures = [(t, failure) for t, failure in failures if isinstance(failure, SessionError)]
    assert [t for t, _ in failures] == [2]
    assert "RuntimeError: decoding failed" in str(failures[0][1])
    assert not broken.is_open
    assert engine.sessions == (fine,)
    same([r[fine] for r in results if isinstance(r[fine], Frame)], expected)  # type: ignore[misc]
    with pytest.raises(SessionError, match="closed"):
        broken.step()


def test_a_step_that_breaks_down_ends_all_sessions_and_leaves_all_slots_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, pcm = tiny_loaded(), noise(10)
    expected = alone(loaded, pcm, LIVELY)
    engine = Engine(loaded, slots=2)
    taking_part, sitting_out = engine.open(), engine.open()
    heard(sitting_out, pcm[:3])
    with monkeypatch.context() as patch:
        patch.setattr(loaded.model, "step", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.tick({taking_part: StepIn()})
    assert not taking_part.is_open
    assert not sitting_out.is_open
    assert (engine.sessions, engine.counts.failures) == ((), 1)
    with engine.open(sampling=LIVELY) as one, engine.open(sampling=LIVELY) as other:
        same(heard(one, pcm), expected)
        same(heard(other, pcm), expected)


def test_sessions_of_other_engines_are_refused() -> None:
    loaded = tiny_loaded()
    mine, theirs = Engine(loaded), Engine(loaded, slots=3)
    stranger = theirs.open()
    result = mine.tick({stranger: StepIn()})[stranger]
    assert isinstance(result, SessionError)
    assert "another engine" in str(result)
    assert stranger.is_open


def test_codes_in_and_out_without_a_codec() -> None:
    loaded = tiny_loaded(codec=False)
    codes = np.random.default_rng(0).integers(0, ENTRIES, (20, CODEBOOKS))
    with Engine(loaded, slots=2) as engine, engine.open() as session:
        frames = [session.step(codes=column) for column in codes]
        frames.append(session.step())
        with pytest.raises(InputError, match="no codec"):
            session.step(noise(1)[0])
        for wrong in (codes[0, :2], codes[0] / 2, codes[0] + 100, codes[:2]):
            with pytest.raises(InputError, match="codes must be"):
                session.step(codes=wrong)
    assert frames[0].speech.shape == (0,)
    layout = loaded.model.config.layout
    listen = torch.from_numpy(np.concatenate([codes, np.zeros((1, CODEBOOKS), int)]))[None]
    read = torch.full((1, 21), layout.text.wait)
    assert layout.text.duplex is not None
    read[0, 0] = layout.text.duplex
    expected = roll_out(loaded.model, listen, read, sampling=GREEDY)
    assert [f.token for f in frames] == expected.text[0].tolist()
    assert_array_equal(np.stack([f.codes for f in frames]), expected.speak[0].numpy())
    with Engine(tiny_loaded()) as engine, engine.open() as session, pytest.raises(InputError, match="give `listen`"):
        session.step(codes=codes[0])


def test_actions() -> None:
    with Engine(tiny_loaded(tiny_config(action_dims=2, action_bins=5))) as engine, engine.open() as session:
        action = session.step().action
        assert action is not None
        assert action.shape == (2,)
        assert (action < 5).all()
    with Engine(tiny_loaded()) as engine, engine.open() as session:
        assert session.step().action is None


def test_what_is_seen_stays_until_the_next_picture() -> None:
    loaded = tiny_loaded(tiny_config(looks=True, model={"vision_width": 4}))
    pictures = {2: 0.0, 5: 1.0}

    def see(picture: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if picture is None:
            raise ValueError("not a picture")
        return torch.full((4,), float(np.asarray(picture).mean())), torch.zeros(0, 4)

    def run(engine: Engine, *, vectors: bool) -> list[Frame]:
        out = []
        with engine.open(sampling=LIVELY) as session:
            for t in range(10):
                look: Any = None
                if t in pictures:
                    look = torch.full((4,), pictures[t]) if vectors else np.full((2, 2), pictures[t], np.float32)
                out.append(session.step(look=look))
        return out

    engine = Engine(loaded, slots=2, see=see, see_in_background=False)
    neighbour = engine.open()
    neighbour.step(look=torch.ones(4))
    by_picture = run(engine, vectors=False)
    same(by_picture, run(Engine(loaded), vectors=True))
    with Engine(loaded).open(sampling=LIVELY) as session:
        blind = [session.step() for _ in range(10)]
    same(by_picture[:2], blind[:2])
    assert any(a.token != b.token or (a.codes != b.codes).any() for a, b in zip(by_picture, blind, strict=True))
    with Engine(loaded).open() as session:
        for wrong in (torch.zeros(3), torch.full((4,), torch.nan)):
            with pytest.raises(InputError, match="4 finite numbers"):
                session.step(look=wrong, read="the cup", say="the cup")
        assert (session.to_read, session.to_say, session.frames) == (1, 0, 0)
        with pytest.raises(InputError, match="no encoder"):
            session.step(look=np.zeros((2, 2)))
    with Engine(tiny_loaded()).open() as session, pytest.raises(InputError, match="does not see"):
        session.step(look=np.zeros((2, 2)))


@pytest.mark.parametrize("wrong", [torch.zeros(3), torch.zeros(4, 1), torch.full((4,), torch.nan)], ids=["width", "shape", "nan"])
def test_a_wrong_encoder_costs_nobody_a_frame(wrong: torch.Tensor) -> None:
    """The frame says that a picture was not seen; the one before stays, and other sessions go on."""
    loaded = tiny_loaded(tiny_config(looks=True, model={"vision_width": 4}))
    made = [torch.ones(4), wrong]

    def see(picture: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return made.pop(0), torch.zeros(0, 4)

    with Engine(loaded) as engine, engine.open(sampling=LIVELY) as session:
        expected = [session.step(look=torch.ones(4) if t == 1 else None, read="the cup" if t == 3 else None) for t in range(8)]
    with Engine(loaded, slots=2, see=see, see_in_background=False) as engine:
        looking, fine = engine.open(sampling=LIVELY), engine.open()
        got: list[Frame] = []
        for t in range(8):
            step_in = StepIn(look=np.zeros((2, 2)) if t in (1, 3) else None, read="the cup" if t == 3 else None)
            results = engine.tick({looking: step_in, fine: StepIn()})
            assert isinstance(results[fine], Frame)
            frame = results[looking]
            assert isinstance(frame, Frame)
            got.append(frame)
    (event,) = (event for event in got[3].events if isinstance(event, NotSeen))
    assert "4 finite numbers" in event.reason
    got[3] = replace(got[3], events=tuple(e for e in got[3].events if e is not event))
    same(got, expected)


@pytest.mark.parametrize("background", [True, False])
def test_an_encoder_that_fails_is_told_of_and_ends_nothing(background: bool) -> None:
    def see(picture: Any) -> tuple[torch.Tensor, torch.Tensor]:
        raise ZeroDivisionError("no lens")

    with Engine(tiny_loaded(tiny_config(looks=True, model={"vision_width": 4})), slots=2, see=see, see_in_background=background) as engine:
        looking, fine = engine.open(), engine.open()
        told: list[Any] = []
        look: Any = np.zeros((2, 2))
        while not told:
            results = engine.tick({looking: StepIn(look=look), fine: StepIn()})
            look, frame = None, results[looking]
            assert isinstance(frame, Frame)
            assert isinstance(results[fine], Frame)
            told += [event.reason for event in frame.events if isinstance(event, NotSeen)]
        assert ["encoder failed (ZeroDivisionError: no lens)" in reason for reason in told] == [True]
        assert (engine.counts.not_seen, engine.counts.failures) == (1, 0)
        assert looking.step(look=torch.ones(4)).index == looking.frames - 1


def test_a_session_that_ends_over_its_picture_holds_up_nobody() -> None:
    begun, go = threading.Semaphore(0), threading.Event()
    encoded: list[bool] = []

    def see(picture: Any) -> tuple[torch.Tensor, torch.Tensor]:
        begun.release()
        encoded.append(go.wait(30))
        return torch.zeros(4), torch.zeros(0, 4)

    with Engine(tiny_loaded(tiny_config(looks=True, model={"vision_width": 4})), slots=3, see=see) as engine:
        fine, closed, broken = engine.open(), engine.open(), engine.open()
        engine.tick({session: StepIn(look=np.zeros((2, 2))) for session in (closed, broken)})
        assert begun.acquire(timeout=30)
        assert begun.acquire(timeout=30)
        closed.close()
        results = engine.tick({fine: StepIn(), broken: StepIn(say=3)})  # type: ignore[arg-type]
        assert isinstance(results[fine], Frame)
        assert isinstance(results[broken], SessionError)
        assert engine.sessions == (fine,)
        assert not encoded
        go.set()


def test_lost_sound_is_counted_and_reported() -> None:
    engine = Engine(tiny_loaded())
    session = engine.open()
    frame = engine.tick({session: StepIn(lost_frames=3)})[session]
    assert isinstance(frame, Frame)
    assert frame.events[0] == Overrun(3)
    assert engine.counts.overruns == 3


def test_steps_are_counted() -> None:
    engine = Engine(tiny_loaded(), slots=2)
    assert (engine.counts.steps, engine.counts.p50_ms) == (0, 0.0)
    sessions = [engine.open(), engine.open()]
    for _ in range(3):
        engine.tick({session: StepIn() for session in sessions})
    engine.tick({})
    counts = engine.counts
    assert counts.steps == 3
    assert 0 < counts.p50_ms <= counts.p99_ms


@pytest.mark.parametrize("fields", [{}, {"caption_head": True}, {"vision_width": 8, "context_width": 8, "glance": TINY_GLANCE}], ids=len)
def test_only_one_conversion_to_the_host_a_step(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    """No `.item()` or the like inside a step, and no tensor made of Python's numbers: on a device each would wait for it."""
    config = tiny_config(delays=(0, 1, 1), action_dims=1, action_bins=4, looks="glance" in fields, model=fields)
    engine = Engine(replace(tiny_loaded(config), vision=tiny_vit() if "glance" in fields else None), slots=2, see_in_background=False)
    sessions = [engine.open(sampling=replace(LIVELY, wait_or_write=True)), engine.open(sight="auto" if "glance" in fields else "stream")]
    if "glance" in fields:
        sessions[0].step(look=np.zeros((4, 4)))
    waits: list[str] = []
    to_host = ("item", "tolist", "cpu", "numpy", "nonzero", "__bool__", "__int__", "__float__")
    from_host = [(torch, name) for name in ("tensor", "as_tensor", "asarray", "scalar_tensor")] + [(torch.Tensor, "new_tensor")]
    for home, name in [*((torch.Tensor, name) for name in to_host), *from_host]:
        original = getattr(home, name)

        def watched(*arguments: Any, _name: str = name, _original: Any = original, **named: Any) -> Any:
            waits.append(_name)
            return _original(*arguments, **named)

        monkeypatch.setattr(home, name, watched)
    for _ in range(3):
        engine.tick({session: StepIn() for session in sessions})
    waits.clear()
    engine.tick({session: StepIn() for session in sessions})
    # Staging memory, and on a CPU the weights, are on the host already: looking at them costs nothing.
    assert [w for w in waits if w != "numpy"] == ["cpu"]


def test_models_and_codecs_that_do_not_fit() -> None:
    loaded = tiny_loaded()
    with pytest.raises(CheckpointError, match="silence has 2 codes"):
        Engine(replace(loaded, silence=torch.zeros(2, dtype=torch.int64)))
    narrow = tiny_codec()
    narrow.config = replace(narrow.config, codebooks=2)
    with pytest.raises(CheckpointError, match="2 codebooks"):
        Engine(replace(loaded, codec=narrow))


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"threads": 0}, {"context_positions": 0}], ids=str)
def test_impossible_engines(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least"):
        Engine(tiny_loaded(), **wrong)  # type: ignore[arg-type]


def test_silence_is_what_is_heard_when_nothing_is_given() -> None:
    loaded = tiny_loaded()
    with Engine(loaded) as engine:
        with engine.open() as session:
            nothing = [session.step() for _ in range(10)]
        same(nothing, alone(loaded, np.tile(SILENCE, (10, 1)), GREEDY))
