from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roboego.errors import InputError, RoboEgoError
from roboego.streams.conversation import Call, Caption, Conversation, Reading, Reply
from roboego.streams.grid import FrameGrid
from roboego.streams.organizers import Organizer, TextFirst, WeightConfig
from roboego.timebase import FRAME_S
from streams.examples import LAYOUT, SILENCE, asr_grids, assert_same, conversations, starts_word, text_first_grids, transcriptions

WEIGHTS = WeightConfig(
    token=0.9, cut=0.8, wait=0.7, wait_speaking=0.2, tail=4, speech=0.6, silence=0.05, wait_asr=0.5, silence_asr=0.03, rest=0.2
)
W, CUT = LAYOUT.text.wait, LAYOUT.text.cut


def organizer(spk_delay: int = 2, **options) -> TextFirst:
    return TextFirst(LAYOUT, silence=SILENCE, spk_delay=spk_delay, weights=WEIGHTS, starts_word=starts_word, **options)


def silence(frames: int, **events) -> Conversation:
    return Conversation(heard=np.zeros((frames, 2), np.int16), **events)


def reply(tokens: int = 4, codes: int = 10, **options) -> Reply:
    sound = np.ones((codes, 3), np.int16)
    ends = np.linspace(min(0.2, codes * FRAME_S), codes * FRAME_S, tokens)
    return Reply(
        **{"tokens": np.arange(30, 30 + tokens, dtype=np.int32), "codes": sound, "token_ends_s": ends, "start_s": 3 * FRAME_S, **options}
    )


def test_is_an_organizer() -> None:
    assert isinstance(organizer(), Organizer)


@settings(deadline=None)
@given(st.data(), st.integers(0, 4), st.booleans())
def test_any_valid_grid_is_read_and_arranged_again(data: st.DataObject, spk_delay: int, tts: bool) -> None:
    grid: FrameGrid = data.draw(text_first_grids(spk_delay=spk_delay, weights=WEIGHTS, tts=tts))
    organize = organizer(spk_delay)
    assert organize.arrange(organize.read(grid)) == grid


@settings(deadline=None)
@given(st.data(), st.integers(0, 3))
def test_any_transcription_is_read_and_arranged_again(data: st.DataObject, asr_delay: int) -> None:
    grid: FrameGrid = data.draw(asr_grids(weights=WEIGHTS))
    organize = organizer(asr_delay=asr_delay)
    assert organize.arrange(organize.read(grid)) == grid


@settings(deadline=None)
@given(st.data(), st.integers(0, 4), st.sampled_from(["duplex", "tts"]))
def test_a_conversation_is_found_in_its_grid(data: st.DataObject, spk_delay: int, mode: str) -> None:
    conversation: Conversation = data.draw(conversations(spk_delay=spk_delay, mode=mode, calls=mode == "duplex"))
    organize = organizer(spk_delay)
    grid = organize.arrange(conversation)
    assert_same(organize.read(grid), conversation)
    assert organize.arrange(organize.read(grid)) == grid


@settings(deadline=None)
@given(transcriptions(), st.integers(0, 3))
def test_a_transcription_is_found_in_its_grid(conversation: Conversation, asr_delay: int) -> None:
    organize = organizer(asr_delay=asr_delay)
    assert_same(organize.read(organize.arrange(conversation)), conversation)


def test_text_runs_ahead_of_speech() -> None:
    grid = organizer().arrange(silence(30, replies=(reply(),)))
    assert grid.text[:8].tolist() == [W, W, W, 30, 31, 32, 33, W]
    assert (grid.speak[5:15] == 1).all()
    assert (grid.speak[:5] == SILENCE).all()
    assert (grid.speak[15:] == SILENCE).all()
    assert grid.spoken[[4, 6, 7, 14, 29]].tolist() == [0, 0, 1, 4, 4]
    assert grid.read[0] == LAYOUT.text.duplex
    np.testing.assert_allclose(grid.text_weight[[0, 3, 7, 14, 15]], [0.7, 0.9, 0.2, 0.2, 0.7])
    np.testing.assert_allclose(grid.speak_weight[[2, 3, 5, 14, 18, 19]], [0.05, 0.6, 0.6, 0.6, 0.6, 0.05])
    assert grid.spoken_weight.tolist() == [0.0] * 3 + [1.0] * 12 + [0.0] * 15


def test_interrupted_ego_cuts_even_after_its_text() -> None:
    grid = organizer().arrange(silence(30, replies=(reply(cut_s=10 * FRAME_S),)))
    assert grid.text[3:11].tolist() == [30, 31, 32, 33, W, W, W, CUT]
    assert (grid.speak[10:] == SILENCE).all()
    assert (grid.speak[9] == 1).all()
    assert (grid.spoken[10:] == grid.spoken[9]).all()


def test_tokens_that_a_cut_leaves_unwritten_are_dropped() -> None:
    grid = organizer().arrange(silence(30, replies=(reply(cut_s=5 * FRAME_S),)))
    assert grid.text[3:7].tolist() == [30, 31, CUT, W]
    assert (grid.speak == SILENCE).all()


def test_forced_text_is_not_learned() -> None:
    for conversation in (silence(30, mode="tts", replies=(reply(),)), silence(30, replies=(reply(forced=True),))):
        grid = organizer().arrange(conversation)
        assert not grid.text_weight[3:7].any()
        np.testing.assert_allclose(grid.text_weight[7:], 0.7)
        assert organizer().read(grid).replies[0].forced


def test_audible_tokens_never_pass_the_written_ones_nor_leap() -> None:
    grid = organizer().arrange(silence(30, replies=(reply(8, token_ends_s=np.zeros(8)),)))
    assert grid.spoken[3:12].tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 8]
    grid = organizer().arrange(silence(30, replies=(reply(8, token_ends_s=np.full(8, 0.7)),)))
    assert grid.spoken[12:17].tolist() == [0, 3, 6, 8, 8]


def test_words_that_come_too_fast_queue() -> None:
    words = tuple(Caption(end_s=0.16, tokens=np.array([30 + i, 40], np.int32)) for i in range(3))
    grid = organizer(asr_delay=1).arrange(silence(12, mode="asr", captions=words))
    assert grid.text[:10].tolist() == [W, W, W, 30, 40, 31, 40, 32, 40, W]
    assert [c.tokens.tolist() for c in organizer(asr_delay=1).read(grid).captions] == [[30, 40], [31, 40], [32, 40]]


def test_a_word_is_written_when_it_has_been_heard() -> None:
    ends = {0.16: 2, 0.1601: 3, 0.2399: 3, 3 * FRAME_S: 3}
    for end_s, frame in ends.items():
        grid = organizer().arrange(silence(6, mode="asr", captions=(Caption(end_s=end_s, tokens=np.array([30], np.int32)),)))
        assert np.flatnonzero(grid.text == 30).tolist() == [frame]


def test_readings_queue_behind_the_mode() -> None:
    readings = (Reading(start_s=0.0, tokens=np.array([30, 31], np.int32)), Reading(start_s=0.1, tokens=np.array([32], np.int32)))
    grid = organizer().arrange(silence(5, mode="tts", readings=readings))
    assert grid.read.tolist() == [LAYOUT.text.tts, 30, 31, 32, W]


def test_a_conversation_that_goes_on_has_no_mode_token() -> None:
    grid = organizer().arrange(silence(5, mode="asr", announced=False))
    assert grid.read.tolist() == [W] * 5
    assert organizer().read(grid, mode="asr").mode == "asr"


def test_the_same_sound_transcribed() -> None:
    words = (Caption(end_s=0.16, tokens=np.array([30], np.int32)),)
    conversation = silence(30, replies=(reply(),), captions=words)
    assert (organizer().arrange(conversation).text == 30).sum() == 1
    grid = organizer().arrange(conversation.transcription())
    assert grid.text[2] == 30
    assert (grid.speak == SILENCE).all()


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        ((reply(start_s=1.8),), "lengthen"),
        ((reply(start_s=-0.2),), "move it"),
        ((reply(), reply(start_s=0.6)), "over"),
        ((reply(codes=2), reply(start_s=7 * FRAME_S)), "over"),
        ((reply(cut_s=0.24),), "cut"),
        ((reply(cut_s=30 * FRAME_S),), "cut"),
        ((reply(speech_start_s=1.0),), "give one"),
        ((replace(reply(), tokens=np.array([3, 30, 31, 32], np.int32)),), "special"),
    ],
)
def test_replies_that_do_not_fit_are_refused(replies: tuple[Reply, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        organizer().arrange(silence(30, replies=replies))


def test_a_grid_of_another_organizer_is_refused() -> None:
    grid = organizer().arrange(silence(30, replies=(reply(),)))
    grid.speak[1] = 0
    with pytest.raises(InputError, match="speak at frame 1"):
        organizer().read(grid)
    grid = organizer().arrange(silence(30, replies=(reply(),)))
    grid.text[20] = LAYOUT.text.end
    with pytest.raises(InputError, match="text at frame 20"):
        organizer().read(grid)


def test_wrong_codebooks_are_refused() -> None:
    with pytest.raises(RoboEgoError, match="codebooks"):
        organizer().arrange(Conversation(heard=np.zeros((5, 4), np.int16)))


def called(frame: int, *tokens: int) -> Call:
    return Call(start_s=frame * FRAME_S, tokens=np.array(tokens, np.int32))


def test_a_call_is_written_while_ego_speaks() -> None:
    grid = organizer().arrange(silence(30, replies=(reply(),), calls=(called(7, 50, 51),)))
    assert grid.text[3:11].tolist() == [30, 31, 32, 33, LAYOUT.text.call, 50, 51, W]
    assert (grid.speak[5:15] == 1).all()
    assert grid.spoken[29] == 4
    np.testing.assert_allclose(grid.text_weight[[6, 7, 8, 9, 10]], [0.9, 0.9, 0.9, 0.9, 0.2])


@pytest.mark.parametrize(
    ("call", "says"),
    [(called(4, 50), "nothing"), (called(0, 50, 51), "nothing"), (called(29, 50), "frames 29 to 31"), (called(20, W), "special")],
)
def test_a_call_that_does_not_fit_is_refused(call: Call, says: str) -> None:
    with pytest.raises(InputError, match=says):
        organizer().arrange(silence(30, replies=(reply(),), calls=(call,)))
