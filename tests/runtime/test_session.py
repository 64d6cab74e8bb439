"""Sessions: what they are given, how they read and say it, and what they account for."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.model.model import StepInput
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Cut, Frame, ReplySpoken, ReplyStarted, ReplyTextDone, SessionError
from roboego.runtime.session import MOST_QUEUED, PATIENCE_FRAMES, Session, frame_of_sound
from tiny import GREEDY, LIVELY, obedient_loaded, tiny_config, tiny_loaded


@pytest.fixture
def obedient() -> LoadedModel:
    return obedient_loaded()


def what_is_read(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collects the tokens that the model of slot 0 reads from now on."""
    read: list[int] = []
    step = loaded.model.step

    def watched(given: StepInput, *rest: Any) -> Any:
        read.append(int(given.read[0]))
        return step(given, *rest)

    monkeypatch.setattr(loaded.model, "step", watched)
    return read


def words(frames: list[Frame]) -> str:
    return "".join(frame.text for frame in frames)


def happened(frames: list[Frame]) -> list[tuple[int, Any]]:
    return [(frame.index, event) for frame in frames for event in frame.events]


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["asr", "tts", "duplex"])
def test_mode_then_prompt_then_typed_text_are_read_a_token_a_frame(mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny_loaded()
    layout, tokenizer = loaded.model.config.layout.text, loaded.tokenizer
    assert tokenizer is not None
    with Engine(loaded) as engine:
        session = engine.open(mode, prompt="the red cup")
        read = what_is_read(loaded, monkeypatch)
        for t in range(10):
            session.step(read="on the table" if t == 2 else None)
        session.read([50, 51])
        assert session.to_read == 2
        for _ in range(4):
            session.step()
    prompt, typed = tokenizer.encode("the red cup"), tokenizer.encode("on the table")
    expected = [getattr(layout, mode), *prompt, *typed]
    expected += [layout.wait] * (10 - len(expected)) + [50, 51, layout.wait, layout.wait]
    assert read == expected


def test_text_is_written_in_the_models_alphabet(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny_loaded()
    assert loaded.tokenizer is not None
    with Engine(loaded) as engine, engine.open(prompt="The RED cup!") as session:
        read = what_is_read(loaded, monkeypatch)
        for _ in range(12):
            session.step()
    assert [t for t in read[1:] if t != loaded.model.config.layout.text.wait] == loaded.tokenizer.encode("the red cup.")


def test_models_that_do_not_read() -> None:
    loaded = tiny_loaded(tiny_config(reads=False))
    engine = Engine(loaded)
    with pytest.raises(InputError, match="no read stream"):
        engine.open(prompt="the cup")
    with pytest.raises(InputError, match="no mode 'asr'"):
        engine.open("asr")
    with engine.open() as session:
        with pytest.raises(InputError, match="no read stream"):
            session.read("the cup")
        session.step()
    with pytest.raises(InputError, match="unknown mode 'sing'"):
        engine.open("sing")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " . ", "漢字", "12345678", [], [-1], [10_000], [0] * (MOST_QUEUED + 1)], ids=lambda t: str(t)[:12])
def test_text_that_cannot_be_used(text: Any) -> None:
    with Engine(tiny_loaded()) as engine, engine.open() as session:
        for give in (session.read, session.say, lambda t: session.step(read=t), lambda t: session.step(say=t)):
            with pytest.raises(InputError):
                give(text)
        assert session.frames == session.to_say == 0
        assert session.to_read == 1
        assert session.step().index == 0


def test_one_bad_part_of_a_frame_leaves_the_others_undone() -> None:
    with Engine(tiny_loaded()) as engine, engine.open() as session:
        with pytest.raises(InputError, match="NaN"):
            session.step(np.full(1920, np.nan), read="the cup", say="the cup")
        with pytest.raises(InputError, match="cannot express"):
            session.step(read="the cup", say="漢字")
        assert (session.to_read, session.to_say, session.frames) == (1, 0, 0)


# -- hearing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        (np.zeros((1, 1920)), "one channel"),
        (np.zeros(1921), "1920 samples"),
        (np.zeros(0), "1920 samples"),
        (np.zeros(1920, np.int16), "divide integers"),
        (np.full(1920, np.inf), "NaN or infinite"),
        (torch.full((1920,), torch.nan), "NaN or infinite"),
        (np.array(["a"]), "floating point"),
    ],
    ids=str,
)
def test_sound_that_cannot_be_heard(listen: Any, message: str) -> None:
    with Engine(tiny_loaded()) as engine, engine.open() as session:
        with pytest.raises(InputError, match=message):
            session.step(listen)
        assert session.step(np.zeros(1920)).index == 0


def test_any_floating_point_sound_is_heard_alike() -> None:
    pcm = np.random.default_rng(0).uniform(-1, 1, 1920).astype(np.float16)
    expected = frame_of_sound(pcm)
    for same in (pcm.astype(np.float64), pcm.tolist(), torch.from_numpy(pcm), torch.from_numpy(pcm).requires_grad_()):
        assert_array_equal(frame_of_sound(same), expected)
    assert frame_of_sound(np.array([2.0, -3.0]))[:3].tolist() == [1.0, -1.0, 0.0]


def test_the_last_frame_may_be_short() -> None:
    loaded, pcm = tiny_loaded(), np.random.default_rng(0).uniform(-0.5, 0.5, 700)

    def run(last: Any) -> list[int]:
        with Engine(loaded) as engine, engine.open() as session:
            tokens = [session.step(last).token, *(session.step().token for _ in range(5))]
            if len(last) < 1920:
                with pytest.raises(InputError, match="the sound ended"):
                    session.step(pcm)
            return [*tokens, session.step().token]

    assert run(pcm) == run(np.concatenate([pcm, np.zeros(1220)]))


# -- saying --------------------------------------------------------------------------------------


def test_forced_text_is_written_a_token_a_frame_and_followed_to_its_last_word(obedient: LoadedModel) -> None:
    with Engine(obedient) as engine, engine.open("tts") as session:
        assert session.is_idle
        session.say("the red cup")
        assert not session.is_idle
        frames = [session.step() for _ in range(8)]
        assert words(frames) == " the red cup"
        assert [f.token != 0 for f in frames] == [False, True, True, True, False, False, False, False]
        assert [f.spoken_upto for f in frames] == [0, 1, 2, 3, 3, 3, 3, 3]
        assert [f.spoken_text for f in frames[:4]] == ["", "the", "the red", "the red cup"]
        assert happened(frames) == [(1, ReplyStarted(0)), (4, ReplyTextDone(0, 3)), (4, ReplySpoken(0))]
        assert session.is_idle
        (reply,) = session.transcript
        assert (reply.text, reply.said, list(reply.token_frames), reply.spoken_frames) == (
            "the red cup",
            "the red cup",
            [1, 2, 3],
            [1, 2, 3],
        )


def test_text_given_while_forced_text_is_written_joins_it(obedient: LoadedModel) -> None:
    with Engine(obedient) as engine, engine.open() as session:
        frames = [session.step(say="the red")]
        frames.append(session.step(say="cup"))
        frames += [session.step() for _ in range(4)]
        assert words(frames) == " the red cup"
        assert len(session.transcript) == 1


def slow(loaded: LoadedModel) -> LoadedModel:
    """Nothing that it writes ever becomes audible."""
    assert loaded.model.spoken_head is not None
    loaded.model.spoken_head.bias.copy_(torch.eye(len(loaded.model.spoken_head.bias))[0])
    return loaded


def test_new_text_waits_until_the_reply_is_audible_but_not_for_ever(obedient: LoadedModel) -> None:
    with Engine(slow(obedient)) as engine, engine.open("tts") as session:
        session.say("the cup")
        frames = [session.step() for _ in range(4)]
        session.say("red")
        frames += [session.step() for _ in range(PATIENCE_FRAMES + 5)]
        starts = [t for t, event in happened(frames) if isinstance(event, ReplyStarted)]
        # Written in frames 1 and 2.
        assert starts == [1, 2 + PATIENCE_FRAMES + 1]
        assert (starts[1], Cut(0, 0)) in happened(frames)
        assert [(r.text, r.said) for r in session.transcript] == [("the cup", ""), ("red", "")]


def test_texts_become_replies_of_their_own_once_the_one_before_is_audible(obedient: LoadedModel) -> None:
    with Engine(obedient) as engine, engine.open("tts") as session:
        session.say("the cup")
        for _ in range(5):
            session.step()
        frames = [session.step(say="table"), *(session.step() for _ in range(4))]
        # It is not held up: the first reply was audible.
        assert words(frames) == " table"
        assert frames[0].token != 0
        assert session.history == ("the cup", "table")


def test_a_cut_keeps_what_was_audible(obedient: LoadedModel) -> None:
    loaded = slow(obedient)
    assert loaded.model.spoken_head is not None
    with Engine(loaded) as engine, engine.open("tts") as session:
        session.say("put the blue ball into the bowl")
        frames = [session.step() for _ in range(4)]
        loaded.model.spoken_head.bias.copy_(torch.eye(len(loaded.model.spoken_head.bias))[1])
        frames += [session.step(), session.step()]
        written = "".join(session.transcript[0].pieces)
        session.cut()
        frames += [session.step() for _ in range(4)]
    (reply,) = session.transcript
    assert reply.cut == 6
    assert happened(frames)[-2:] == [(6, ReplyTextDone(0, len(reply.tokens))), (6, Cut(0, 2))]
    assert frames[6].token == loaded.model.config.layout.text.cut
    assert reply.text == written.strip()
    assert session.history == ("".join(reply.pieces[:2]).strip(),)
    # Nothing of the rest is written or becomes audible later.
    assert words(frames[7:]) == ""
    assert frames[-1].spoken_upto == 2


def test_models_without_cut(obedient: LoadedModel) -> None:
    config = tiny_config()
    with_none = tiny_config(text=replace(config.layout.text, cut=None))
    with Engine(tiny_loaded(with_none)) as engine, engine.open() as session, pytest.raises(InputError, match="no token for it"):
        session.cut()


def test_acoustic_delays_hold_back_spoken_upto() -> None:
    """What is reported as audible is in the sound of that frame, not still on its way."""
    prompt, delayed = obedient_loaded(), obedient_loaded(delays=(0, 2, 1))
    spoken = []
    for loaded in (prompt, delayed):
        with Engine(loaded) as engine, engine.open("tts") as session:
            session.say("the red cup")
            spoken.append([session.step().spoken_upto for _ in range(10)])
    assert spoken[1] == [0, 0, *spoken[0][:-2]]


def test_in_asr_what_is_written_is_all_there_is() -> None:
    with Engine(tiny_loaded()) as engine, engine.open("asr", sampling=LIVELY) as session:
        frames = [session.step() for _ in range(60)]
        assert session.transcript
        assert all(reply.spoken == len(reply.tokens) for reply in session.transcript)
        assert not any(isinstance(event, Cut) for _, event in happened(frames))
        assert "".join(words(frames).split()) == "".join("".join(reply.text for reply in session.transcript).split())


def test_in_asr_nothing_is_said() -> None:
    with Engine(tiny_loaded()) as engine, engine.open("asr") as session:
        for give in (session.say, lambda text: session.step(say=text)):
            with pytest.raises(InputError, match='open one in mode "tts" or "duplex"'):
                give("the cup")
        assert (session.to_say, session.frames) == (0, 0)
        assert session.step().index == 0


# -- life ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        Session.cut,
        lambda session: session.say("the cup"),
        lambda session: session.read("the cup"),
        lambda session: session.transcript,
        lambda session: session.history,
        lambda session: session.heard,
        lambda session: session.is_idle,
        lambda session: session.choose(LIVELY),
    ],
    ids=["cut", "say", "read", "transcript", "history", "heard", "is_idle", "choose"],
)
def test_what_another_thread_asks_for_neither_waits_for_a_step_nor_disturbs_it(
    obedient: LoadedModel, monkeypatch: pytest.MonkeyPatch, use: Any
) -> None:
    """It asks, and is done, while the model makes the step: a cut empties the queue from which this and the next step take a token."""
    engine, step = Engine(obedient), obedient.model.step
    session = engine.open()
    session.say("put the blue ball into the bowl")
    session.step()
    frames: list[int] = []

    def ask() -> None:
        use(session)
        frames.append(session.frames)

    def watched(*given: Any) -> Any:
        monkeypatch.undo()
        other = threading.Thread(target=ask)
        other.start()
        other.join(30)
        return step(*given)

    monkeypatch.setattr(obedient.model, "step", watched)
    assert [session.step().index for _ in range(3)] == [1, 2, 3]
    assert frames == [1]
    assert session.is_open


def test_a_closed_session_takes_no_steps() -> None:
    engine = Engine(tiny_loaded())
    with engine.open() as session:
        session.step()
    for use in (session.step, lambda: session.read("the cup"), lambda: session.say("the cup"), session.cut):
        with pytest.raises(SessionError, match="has been closed"):
            use()
    assert session.frames == 1


def test_frames_are_the_callers_to_keep() -> None:
    with Engine(tiny_loaded()) as engine, engine.open(sampling=LIVELY) as session:
        first = session.step()
        speech, codes = first.speech.copy(), first.codes.copy()
        for _ in range(5):
            session.step()
        assert_array_equal(first.speech, speech)
        assert_array_equal(first.codes, codes)
        assert first.speech.dtype == np.float32
        assert first.step_ms > 0


def test_the_same_session_api_without_a_tokenizer() -> None:
    loaded = replace(obedient_loaded(), tokenizer=None)
    with Engine(loaded) as engine:
        with pytest.raises(InputError, match="without its tokenizer"):
            engine.open(prompt="the cup")
        with engine.open(prompt=[40]) as session:
            session.say([41, 42])
            frames = [session.step() for _ in range(4)]
            assert [f.token for f in frames] == [41, 42, 0, 0]
            assert words(frames) == ""


def test_models_that_do_not_count_what_is_audible() -> None:
    loaded = tiny_loaded(tiny_config(model={"spoken_head": False}), sampling=GREEDY)
    with Engine(loaded) as engine, engine.open() as session:
        session.say([40, 41])
        frames = [session.step() for _ in range(2)]
        assert [f.spoken_upto for f in frames] == [1, 2]


def test_sessions_are_keys() -> None:
    engine = Engine(tiny_loaded(), slots=2)
    sessions: dict[Session, int] = {engine.open(): 0, engine.open(): 1}
    assert sorted(sessions.values()) == [0, 1]
