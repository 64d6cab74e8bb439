"""Exchanges without sound: the same each time, answered after they have been asked, only answers with weight."""

from dataclasses import replace
from functools import cache

import numpy as np

from roboego.data.exchange_pool import CALLING
from roboego.data.talk.declared import TIME, TIMER
from roboego.data.talk.sampling import sample_exchange
from roboego.data.written import WrittenExchanges, laid_out
from roboego.recipes import nano
from roboego.streams.grid import empty_grid
from roboego.streams.organizers.base import runs
from roboego.streams.tokenizer import Tokenizer
from roboego.training.rows import UNKNOWN, Mixture, Pool


@cache
def pool(seed: int = 0) -> WrittenExchanges:
    tokenizer = Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)
    return WrittenExchanges(layout=nano.layout(), tokenizer=tokenizer, silence=np.arange(8, dtype=np.int16), seed=seed)


def test_they_are_the_same_each_time() -> None:
    made, others = pool(), pool(1)
    first = [made[i] for i in range(6)]
    assert [made[i] == grid for i, grid in enumerate(first)] == [True] * 6
    assert [others[i] == grid for i, grid in enumerate(first)] != [True] * 6
    assert len(made.captions) == len(made) > 1_000


def test_words_are_given_then_answered() -> None:
    text = nano.text_layout()
    for i in range(20):
        grid, captions = pool()[i], pool().captions[i].text
        said, heard = np.flatnonzero(grid.text >= text.first_word), np.flatnonzero(captions >= text.first_word)
        assert heard[0] < said[0]
        assert grid.read[0] == text.duplex
        assert (grid.text_weight[said] == 1).all()
        between = grid.text_weight == 0
        assert (grid.text[between] == text.wait).all()
        assert between.sum() <= 5 * (np.diff(said) > 1).sum() + 5
        assert not grid.speak_weight.any()
        assert not grid.spoken_weight.any()
        assert (grid.listen == np.arange(8)).all()
        assert np.diff(grid.spoken).max() <= 1


def test_some_are_as_slow_as_speech() -> None:
    text = nano.text_layout()
    frames_a_piece = [len(pool()[i]) / (pool()[i].text >= text.first_word).sum() for i in range(40)]
    slow = sum(frames > 3.5 for frames in frames_a_piece)
    assert 10 < slow < 30


def test_without_gaps_more_is_read_in_as_many_frames() -> None:
    slow, close = replace(pool(), paced=0.0), replace(pool(), paced=0.0, close=1.0)
    assert sum(len(close[i]) for i in range(20)) < 0.8 * sum(len(slow[i]) for i in range(20))
    for i in range(20):
        assert [t for t in close[i].text if t != nano.text_layout().wait] == [t for t in slow[i].text if t != nano.text_layout().wait]


def test_borrowed_sound_changes_nothing_but_what_is_heard() -> None:
    silence = pool().silence
    sound = empty_grid(nano.layout(), 30)
    sound.speak[:], sound.listen[:] = silence, 7
    sound.speak[10:25] = 5
    made = replace(pool(), sounds=[sound])
    spoke = heard = 0
    for i in range(30):
        grid, silent = made[i], pool()[i]
        for name in ("text", "spoken", "read", "text_weight", "speak_weight"):
            assert np.array_equal(getattr(grid, name), getattr(silent, name))
        voiced = (grid.speak != silence).any(1)
        spoke, heard = spoke + voiced.any(), heard + (grid.listen == 7).all()
        if voiced.any():
            first = np.flatnonzero(grid.text >= nano.text_layout().first_word)[0]
            assert np.flatnonzero(voiced)[0] == first + nano.layout().spk_delay
            assert set(np.unique(grid.speak[voiced])) == {5}
    assert 14 < spoke < 30
    assert 8 < heard < 28


def test_rows_give_what_nobody_hears_and_do_not_ask_for_it() -> None:
    made = pool()
    row = Mixture([Pool(made, 1.0, made.captions, soundless=True)], nano.text_layout()).row(np.random.default_rng(0), 200)
    assert (row.captions == UNKNOWN).all()
    assert (row.given >= nano.text_layout().first_word).sum() > 5
    assert len(row.given) == len(row.grid) == 200


def test_what_may_be_called_is_read_before_and_results_are_told_after_they_were_read() -> None:
    text = nano.text_layout()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        exchange = sample_exchange(rng, "train", 1, intent="time", functions=(TIME, TIMER))
        grid, captions = laid_out(exchange, pool(), rng)
        (announced, result), ((call,), told) = spans(grid.read >= text.first_word), (np.flatnonzero(grid.text == text.call), grid.text)
        assert announced[0] == 1
        assert announced[1] <= np.flatnonzero(captions >= text.first_word)[0]
        *before, answer = spans(told >= text.first_word)
        assert before[0][0] == call + 1
        assert before[0][1] < result[0]
        assert grid.text_weight[call : answer[1]].all()
        assert result[1] <= answer[0]
        assert all(moment[0] < result[0] and moment[1] < answer[0] for moment in before[1:])


def spans(mask: np.ndarray) -> list[tuple[int, int]]:
    """First frame and the one after the last, of each stretch of true."""
    return list(runs(mask))


def test_some_of_a_pool_have_functions_and_none_where_nothing_can_be_called() -> None:
    text = nano.text_layout()

    def declaring(made: WrittenExchanges) -> int:
        return sum((made[i].read[1:] >= text.first_word).any() for i in range(100))

    assert 0.3 < declaring(pool()) / (100 * CALLING) < 2.5
    mute = replace(pool(), layout=replace(nano.layout(), text=replace(text, end=None)))
    assert mute.layout.text.call is None
    assert declaring(mute) == 0


def test_what_the_user_types_is_read_and_answered_when_it_has_been_read() -> None:
    typed, text = replace(pool(), typed=1.0), nano.text_layout()
    for i in range(20):
        grid, captions = typed[i], typed.captions[i].text
        assert not (captions >= text.first_word).any()
        read, said = np.flatnonzero(grid.read >= text.first_word), np.flatnonzero(grid.text >= text.first_word)
        assert read[0] < said[0]
        first = next(iter(runs(grid.read >= text.first_word)))[1]
        assert first <= said[0]
        assert (grid.text_weight == 1).all()
