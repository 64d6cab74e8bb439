import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError, RoboEgoError
from roboego.streams.conversation import Caption, Conversation, Look, Reading, Reply, listening_track, look_track, looks_of
from roboego.timebase import FRAME_S

TOKENS = np.array([30, 31], np.int32)
HEARD = np.zeros((10, 2), np.int16)


def test_length() -> None:
    conversation = Conversation(heard=HEARD)
    assert conversation.frames == 10
    assert conversation.duration_s == pytest.approx(0.8)


def test_what_is_heard_is_known_one_frame_later() -> None:
    codes = np.arange(6).reshape(3, 2)
    assert listening_track(codes, np.array([8, 9])).tolist() == [[8, 9], [0, 1], [2, 3]]


def test_the_latest_picture_is_seen() -> None:
    conversation = Conversation(
        heard=HEARD, looks=(Look(start_s=0.1, picture=4), Look(start_s=0.11, picture=5), Look(start_s=0.4, picture=0))
    )
    assert look_track(conversation).tolist() == [-1, 5, 5, 5, 5, 0, 0, 0, 0, 0]


@given(st.lists(st.integers(0, 3), min_size=10, max_size=10))
def test_looks_are_found_in_their_track(pictures: list[int]) -> None:
    track = np.array(pictures, np.int32)
    assert (look_track(Conversation(heard=HEARD, looks=looks_of(track))) == track).all()


def test_transcription_keeps_what_is_heard() -> None:
    reply = Reply(tokens=TOKENS, codes=np.zeros((3, 2), np.int16), token_ends_s=np.array([0.1, 0.2]), start_s=0.1)
    words = (Caption(end_s=0.3, tokens=TOKENS),)
    found = Conversation(heard=HEARD, replies=(reply,), captions=words).transcription()
    assert (found.mode, found.replies, found.captions) == ("asr", (), words)


@pytest.mark.parametrize(
    "options",
    [
        {"tokens": TOKENS[:0]},
        {"codes": np.zeros(3, np.int16)},
        {"token_ends_s": np.array([0.1])},
        {"token_ends_s": np.array([0.2, 0.1])},
        {"token_ends_s": np.array([0.1, np.nan])},
        {"start_s": None},
        {"word_starts_s": np.array([np.nan, 0.1])},
    ],
)
def test_impossible_replies_are_refused(options: dict[str, object]) -> None:
    given_options = {"tokens": TOKENS, "codes": np.zeros((3, 2), np.int16), "token_ends_s": np.array([0.1, 0.2]), "start_s": FRAME_S}
    Reply(**given_options)
    with pytest.raises(RoboEgoError):
        Reply(**{**given_options, **options})


def test_impossible_conversations_are_refused() -> None:
    with pytest.raises(InputError, match="order"):
        Conversation(heard=HEARD, readings=(Reading(start_s=0.3, tokens=TOKENS), Reading(start_s=0.2, tokens=TOKENS)))
    with pytest.raises(InputError, match="unknown mode"):
        Conversation(heard=HEARD, mode="chat")
    reply = Reply(tokens=TOKENS, codes=np.zeros((3, 2), np.int16), token_ends_s=np.array([0.1, 0.2]), start_s=0.1)
    with pytest.raises(InputError, match="transcription"):
        Conversation(heard=HEARD, mode="asr", replies=(reply,))
