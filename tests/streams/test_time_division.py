from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.streams.conversation import Conversation, Motion, Reading, Reply
from roboego.streams.organizers import Organizer, TimeDivision
from roboego.streams.organizers.time_division import HEARING, SPEAKING, WRITING
from roboego.timebase import FRAME_S
from streams.examples import LAYOUT, SILENCE, assert_same, conversations

W, CUT, END, PAD = LAYOUT.text.wait, LAYOUT.text.cut, LAYOUT.text.end, LAYOUT.speak.pad_id


def organizer(chunk: int) -> TimeDivision:
    return TimeDivision(LAYOUT, chunk=chunk, silence=SILENCE)


def reply(**options) -> Reply:
    tokens, ends = np.array([30, 31, 32], np.int32), np.array([1.5, 3.0, 4.2]) * FRAME_S
    return Reply(**{"tokens": tokens, "codes": np.ones((5, 3), np.int16), "token_ends_s": ends, "speech_start_s": 4 * FRAME_S, **options})


def silence(frames: int, **events) -> Conversation:
    return Conversation(heard=np.arange(2 * frames, dtype=np.int16).reshape(frames, 2) % 8, **events)


def whole_chunks(conversation: Conversation, chunk: int) -> Conversation:
    """Lengthened to whole chunks, its motions where a chunk can say them."""
    extra = -conversation.frames % chunk
    later = tuple(replace(m, start_s=m.start_s + (chunk - 1) * FRAME_S) for m in conversation.motions)
    return replace(conversation, heard=np.concatenate([conversation.heard, np.zeros((extra, 2), np.int16)]), motions=later)


def test_is_an_organizer() -> None:
    assert isinstance(organizer(2), Organizer)


def test_streams_take_turns() -> None:
    conversation = silence(12, replies=(reply(),))
    grid = organizer(3).arrange(conversation)
    #       chunk 0 says 2-4          chunk 1 says 5-7            chunk 2 says 8-10      chunk 3 says 11 and what is past the end
    text = [W, W, W, 30, W, W, W] + [W, W, W, 31, 32, W, W, W] + [W, W, W, END] + [W] * 3 + [W] * 6
    assert grid.text.tolist() == text
    columns = organizer(3).columns(grid)
    assert columns.kind.tolist() == [0, 0, 0, 1, 2, 2, 2, 0, 0, 0, 1, 1, 2, 2, 2, 0, 0, 0, 1, 2, 2, 2, 0, 0, 0, 2, 2, 2]
    assert columns.frame.tolist() == [0, 1, 2, 2, 2, 3, 4, 3, 4, 5, 5, 5, 5, 6, 7, 6, 7, 8, 8, 8, 9, 10, 9, 10, 11, 11, 12, 13]
    heard, said = columns.kind == HEARING, columns.kind == SPEAKING
    np.testing.assert_array_equal(grid.listen[heard], conversation.heard)
    assert (grid.listen[~heard] == LAYOUT.listen.pad_id).all()
    assert (grid.speak[~said] == PAD).all()
    assert np.flatnonzero((grid.speak == 1).all(1)).tolist() == [6, 12, 13, 14, 19]
    assert grid.spoken[said].tolist() == [0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 3, 3]


def test_streams_without_a_turn_do_not_count() -> None:
    grid = organizer(3).arrange(silence(12, replies=(reply(),)))
    columns = organizer(3).columns(grid)
    said, writes = columns.kind == SPEAKING, columns.kind == WRITING
    for weight in (grid.speak_weight, grid.spoken_weight, grid.act_weight):
        assert not weight[~said | (columns.frame >= 12)].any()
    assert grid.text_weight[writes].all()
    assert np.flatnonzero(grid.text_weight[said]).tolist() == [0, 3, 6, 9]


def test_a_cut_waits_for_its_chunk() -> None:
    grid = organizer(3).arrange(silence(12, replies=(reply(cut_s=6 * FRAME_S),)))
    assert grid.text[grid.text != W].tolist() == [30, 31, 32, CUT]
    found = organizer(3).read(grid).replies[0]
    assert found.cut_s == pytest.approx(8 * FRAME_S)
    assert len(found.codes) == 4


@settings(deadline=None)
@given(st.data(), st.integers(1, 5), st.sampled_from(["duplex", "tts"]))
def test_a_conversation_is_found_in_its_grid(data: st.DataObject, chunk: int, mode: str) -> None:
    drawn = data.draw(conversations(spk_delay=chunk, mode=mode, cuts=False, roomy=0.5))
    conversation = whole_chunks(drawn, chunk)
    grid = organizer(chunk).arrange(conversation)
    found = organizer(chunk).read(grid)
    assert_same(found, conversation)
    assert organizer(chunk).arrange(found) == grid


@settings(deadline=None)
@given(st.data(), st.integers(1, 5), st.floats(0.2, 1.5), st.floats(0.0, 1.0))
def test_any_grid_is_read_and_arranged_again(data: st.DataObject, chunk: int, tempo: float, audible: float) -> None:
    """Also with cuts, tokens that are never audible, replies without sound or that begin in silence."""
    conversation: Conversation = data.draw(conversations(spk_delay=chunk, roomy=2.5))
    changed = []
    for i, r in enumerate(conversation.replies):
        codes = r.codes.copy()
        codes[: data.draw(st.integers(0, len(codes)))] = SILENCE
        ends = r.token_ends_s * tempo
        if i == len(conversation.replies) - 1 or r.cut_s is not None:
            ends[int(audible * len(ends)) :] = np.inf
        ends[np.isinf(ends) & (r.cut_s is None) & (i < len(conversation.replies) - 1)] = 0.1
        changed.append(replace(r, codes=codes, token_ends_s=ends))
    conversation = whole_chunks(replace(conversation, replies=tuple(changed)), chunk)
    try:
        grid = organizer(chunk).arrange(conversation)
    except InputError as error:
        assert "cut in chunk" in str(error)  # noqa: PT017 -- speech that begins in silence may begin after the cut
        return
    assert organizer(chunk).arrange(organizer(chunk).read(grid)) == grid


def test_what_does_not_fit_is_refused() -> None:
    for events, says in (
        ({"replies": (reply(speech_start_s=0.0),)}, "does not fit"),
        ({"replies": (reply(speech_start_s=9 * FRAME_S),)}, "does not fit"),
        ({"replies": (reply(cut_s=0.2),)}, "does not fit"),
        ({"replies": (reply(), reply(speech_start_s=9 * FRAME_S, codes=np.ones((2, 3), np.int16)))}, "not over"),
        ({"motions": (Motion(start_s=0.0, bins=np.ones((1, 2), np.int16)),)}, "motion"),
        ({"readings": (Reading(start_s=1.0, tokens=np.array([30], np.int32)),)}, "lengthen"),
        ({"mode": "asr"}, "asr"),
    ):
        with pytest.raises(InputError, match=says):
            organizer(3).arrange(silence(12, **events))
    with pytest.raises(InputError, match="chunks of 5"):
        organizer(5).arrange(silence(12))
    with pytest.raises(InputError, match="at least one"):
        organizer(0)


def test_a_grid_of_other_chunks_is_refused() -> None:
    grid = organizer(3).arrange(silence(12, replies=(reply(),)))
    with pytest.raises(InputError, match="that made it"):
        organizer(4).read(grid)
