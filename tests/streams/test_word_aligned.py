from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.streams.conversation import Conversation, Reply
from roboego.streams.organizers import Organizer, TextFirst, WeightConfig, WordAligned
from roboego.timebase import FRAME_S
from streams.examples import EPAD, LAYOUT, SILENCE, assert_same, conversations, starts_word, transcriptions

W, CUT, END = LAYOUT.text.wait, LAYOUT.text.cut, LAYOUT.text.end
ORGANIZER = WordAligned(LAYOUT, epad=EPAD, silence=SILENCE, starts_word=starts_word)


def reply(**options) -> Reply:
    """Three words of 1, 2 and 1 tokens; the third begins while the second is being written."""
    starts = np.array([0.0, 3.4, np.nan, 4.2]) * FRAME_S
    ends = np.array([2.0, 3.6, 4.2, 6.5]) * FRAME_S
    tokens = np.array([30, 31, 41, 32], np.int32)
    return Reply(
        **{"tokens": tokens, "codes": np.ones((8, 3), np.int16), "token_ends_s": ends, "word_starts_s": starts, "start_s": 0.24, **options}
    )


def silence(frames: int, **events) -> Conversation:
    return Conversation(heard=np.zeros((frames, 2), np.int16), **events)


def test_is_an_organizer() -> None:
    assert isinstance(ORGANIZER, Organizer)


def test_words_are_written_when_they_begin() -> None:
    grid = ORGANIZER.arrange(silence(15, replies=(reply(),)))
    assert grid.text.tolist() == [W, W, EPAD, 30, W, EPAD, 31, 41, 32, W, W, END, W, W, W]
    assert (grid.speak[3:11] == 1).all()
    assert grid.spoken.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    assert grid.spoken_weight.tolist() == [0, 0] + [1] * 9 + [0] * 4


def test_a_cut_drops_what_is_not_written() -> None:
    grid = ORGANIZER.arrange(silence(15, replies=(reply(cut_s=7 * FRAME_S),)))
    assert grid.text.tolist() == [W, W, EPAD, 30, W, EPAD, 31, CUT] + [W] * 7
    assert (grid.speak[7:] == SILENCE).all()


@settings(deadline=None)
@given(st.data(), st.sampled_from(["duplex", "tts"]))
def test_a_conversation_is_found_in_its_grid(data: st.DataObject, mode: str) -> None:
    conversation: Conversation = data.draw(conversations(spk_delay=2, mode=mode, cuts=False))
    grid = ORGANIZER.arrange(conversation)
    found = ORGANIZER.read(grid)
    assert_same(found, conversation)
    for a, b in zip(found.replies, conversation.replies, strict=True):
        np.testing.assert_allclose(a.word_starts_s, b.word_starts_s, atol=FRAME_S + 1e-9, rtol=0)
    assert ORGANIZER.arrange(found) == grid


@settings(deadline=None)
@given(st.data(), st.booleans(), st.floats(0.01, 3.0))
def test_any_grid_is_read_and_arranged_again(data: st.DataObject, knows_words: bool, tempo: float) -> None:
    """Also with cuts, words that queue and tokens that are never audible."""
    conversation: Conversation = data.draw(conversations(spk_delay=2, roomy=2.0))
    hurried = [
        replace(r, token_ends_s=r.token_ends_s * tempo, word_starts_s=r.word_starts_s * min(tempo, 1.0)) for r in conversation.replies
    ]
    organize = ORGANIZER if knows_words else WordAligned(LAYOUT, epad=EPAD, silence=SILENCE, weights=WeightConfig(tail=2))
    grid = organize.arrange(replace(conversation, replies=tuple(hurried)))
    found = organize.read(grid)
    assert organize.arrange(found) == grid
    for a, b in zip(found.replies, conversation.replies, strict=True):
        assert a.tokens.tolist() == b.tokens[: len(a.tokens)].tolist()
        assert b.cut_s is not None or len(a.tokens) == len(b.tokens)


@settings(deadline=None)
@given(transcriptions())
def test_a_transcription_is_found_in_its_grid(conversation: Conversation) -> None:
    grid = ORGANIZER.arrange(conversation)
    found = ORGANIZER.read(grid)
    assert_same(found, conversation)
    assert ORGANIZER.arrange(found) == grid


def test_replies_that_do_not_fit_are_refused() -> None:
    for replies, says in (
        ((reply(start_s=-0.1),), "move it"),
        ((reply(), reply(start_s=11 * FRAME_S)), "before is over"),
        ((reply(start_s=0.8),), "lengthen"),
        ((reply(cut_s=0.2),), "cut_s"),
        ((reply(word_starts_s=None),), "word_starts_s"),
    ):
        with pytest.raises(InputError, match=says):
            ORGANIZER.arrange(silence(15, replies=replies))
    with pytest.raises(InputError, match="epad"):
        WordAligned(LAYOUT, epad=END, silence=SILENCE)


def test_a_grid_of_another_organizer_is_refused() -> None:
    grid = TextFirst(LAYOUT, silence=SILENCE).arrange(silence(15, replies=(reply(),)))
    with pytest.raises(InputError, match="the one that made it"):
        ORGANIZER.read(grid)
