"""Who spoke when: a conversation's turns, in seconds."""

from array import array
from pathlib import Path

import numpy as np
import pytest

from roboego.commands.exchange.record import BLOCK_S, Record
from roboego.commands.exchange.transcript import transcript
from roboego.commands.exchange.turns import ego_turns, room_db, segments, user_turns
from roboego.timebase import FRAME_S
from tests.commands.scene import BACKCHANNEL, CUT_AT, INTERRUPTION, LONG_AT, QUESTION, SHORT_AT, make_scene, replies, tokenizer


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return make_scene(tmp_path_factory.mktemp("scene"))[0]


def test_the_users_turns_are_where_the_user_speaks(record: Record) -> None:
    found = [(turn.start_s, turn.end_s) for turn in user_turns(record)]
    assert found == [pytest.approx(turn, abs=BLOCK_S) for turn in (QUESTION, BACKCHANNEL, INTERRUPTION)]


def test_egos_turns_have_text_speech_and_latency(record: Record) -> None:
    long, short = ego_turns(record, user_turns(record))
    assert (long.text_start_s, short.text_start_s) == pytest.approx(((LONG_AT + 1) * FRAME_S, (SHORT_AT + 1) * FRAME_S))
    assert (long.cut_s, short.cut_s) == (pytest.approx((CUT_AT + 1) * FRAME_S), None)
    for turn, reply, user in zip((long, short), replies(tokenizer()), (QUESTION, INTERRUPTION), strict=True):
        # Ego's sound of a step is heard one frame later.
        start_s, end_s = (s + FRAME_S for s in reply.speech)
        assert (turn.speech_start_s, turn.speech_end_s) == pytest.approx((start_s, end_s), abs=2 * BLOCK_S)
        assert turn.latency_s == pytest.approx(start_s - user[1], abs=2 * BLOCK_S)
    assert long.reply.said.endswith("on the shelf,")
    assert [word.text for word in long.words if word.heard_s is None] == ["and", "a", "yellow", "box."]
    assert short.reply.said == "sure, i put the cup into the bowl."


def test_a_conversation_in_which_ego_writes_nothing(record: Record) -> None:
    quiet = Record(model="nano", spoken=array("i", [0] * record.frames), user_rms=record.user_rms, ego_rms=record.ego_rms)
    assert ego_turns(quiet, user_turns(quiet)) == ()
    assert [turn["who"] for turn in transcript(quiet, {})["turns"]] == ["user"] * 3


def levels(*parts: tuple[float, float]) -> np.ndarray:
    """Parts of a track: seconds and decibels."""
    return np.concatenate([np.full(round(seconds / BLOCK_S), 10 ** (db / 20)) for seconds, db in parts])


def test_voice_stands_out_of_a_rooms_noise() -> None:
    track = levels((1, -42), (1, -15), (1, -42), (5, -200))
    assert room_db(track) == pytest.approx(-42)
    assert [(s.start, s.end) for s in segments(track)] == [(100, 200)]


def test_what_is_quiet_in_a_clean_voice_belongs_to_it() -> None:
    track = levels((1, -200), (0.3, -15), (0.2, -20), (0.05, -38), (0.3, -16), (0.05, -34), (5, -200))
    assert room_db(track) == -np.inf
    assert [(s.start, s.end) for s in segments(track)] == [(100, 190)]


def test_silence_has_no_turns() -> None:
    assert segments(np.zeros(200)) == ()


def test_the_transcript_tells_the_same(record: Record, tmp_path: Path) -> None:
    told = transcript(record, {"path": "in.wav"})
    assert [turn["who"] for turn in told["turns"]] == ["user", "ego", "user", "user", "ego"]
    assert told["turns"][1]["spoken_tokens"] == len(told["turns"][1]["spoken_frames"]) == 24
    assert told["turns"][1]["tokens"] == 29
    assert len(told["actions"]) == len(told["step_ms"]) == told["frames"] == record.frames
    assert told["counters"]["late_steps"] == 1
