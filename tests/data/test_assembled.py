"""Words cut out of exercises, and exchanges put together from them: each word is heard and said where it belongs."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from roboego.data.assembled import AssembledExchanges, is_recorded, laid_out
from roboego.data.talk.answer import Exchange
from roboego.data.talk.declared import TIME, TIMER
from roboego.data.talk.sampling import sample_exchange, sample_sentence
from roboego.data.word_sounds import WordSounds, heard_words, said_words
from roboego.recipes import nano
from roboego.streams.alphabet import words
from roboego.streams.grid import FrameGrid, empty_grid
from roboego.streams.tokenizer import Tokenizer
from roboego.training.rows import UNKNOWN, Mixture, Pool

LAYOUT = nano.layout()
TEXT = LAYOUT.text
SILENCE = np.arange(8, dtype=np.int16)
DELAY = 4
FRAMES = 3


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)


def heard(sentence: str) -> FrameGrid:
    """A transcription: each word takes as many frames as it has pieces, and `FRAMES` more. Its last piece is what is heard in them."""
    pieces = [tokenizer().encode(word) for word in words(sentence)]
    grid = empty_grid(LAYOUT, 10 + sum(len(word) + FRAMES for word in pieces) + DELAY + 10)
    grid.read[0] = TEXT.asr or 0
    grid.listen[:] = SILENCE
    at = 10
    for word in pieces:
        grid.listen[at : at + len(word) + FRAMES] = word[-1]
        at += len(word) + FRAMES
        grid.text[at + DELAY : at + DELAY + len(word)] = word
    return grid


def said(sentence: str) -> FrameGrid:
    """A reply whose every piece takes `FRAMES` frames, in which its own number is said."""
    pieces = tokenizer().encode(sentence)
    grid = empty_grid(LAYOUT, 6 + FRAMES * len(pieces) + 6)
    grid.read[0] = TEXT.tts or 0
    grid.speak[:] = SILENCE
    grid.text[2 : 2 + len(pieces)] = pieces
    for i, piece in enumerate(pieces):
        at = 4 + FRAMES * i
        grid.speak[at : at + FRAMES] = piece
        grid.spoken[at + FRAMES - 1 :] = i + 1
    return grid


def test_a_heard_word_is_cut_between_the_ends_of_words() -> None:
    grid = heard("please say the word table to me")
    cuts = list(heard_words(grid, TEXT, DELAY, tokenizer().starts_word))
    assert [tokenizer().decode(cut.word).strip() for cut in cuts] == ["say", "the", "word", "table", "to", "me"]
    for cut in cuts:
        assert cut.stop - cut.start == len(cut.word) + FRAMES
        assert set(grid.listen[cut.start : cut.stop, 0].tolist()) == {cut.word[-1]}


def test_of_words_written_late_the_ends_are_not_known() -> None:
    grid = empty_grid(LAYOUT, 30)
    first, second, third = (tokenizer().encode(word) for word in ("one", "two", "three"))
    grid.text[10], grid.text[11], grid.text[20] = first[0], second[0], third[0]
    assert list(heard_words(grid, TEXT, DELAY, tokenizer().starts_word)) == []


def test_a_said_word_is_cut_with_its_punctuation() -> None:
    grid = said("yes, i can hear you.")
    cuts = list(said_words(grid, TEXT, tokenizer().starts_word))
    assert [tokenizer().decode(cut.word).strip() for cut in cuts] == ["yes,", "i", "can", "hear"]
    for cut in cuts:
        assert grid.speak[cut.start : cut.stop : FRAMES, 0].tolist() == list(cut.word)


def test_words_are_looked_for_nearby() -> None:
    grids = [heard("one two") for _ in range(100)]
    for i, grid in enumerate(grids):
        grid.listen[10:] = i
    sounds = WordSounds.heard(grids, TEXT, DELAY, tokenizer().starts_word)
    word = tuple(tokenizer().encode("two"))
    assert len(sounds) == 1
    assert word in sounds
    found = [int(sounds.draw(word, 0.5, np.random.default_rng(seed))[0, 0]) for seed in range(30)]
    assert 40 < min(found) < max(found) < 60
    with pytest.raises(KeyError):
        sounds.draw((1, 2), 0.5, np.random.default_rng(0))


@cache
def pool(seed: int = 0) -> AssembledExchanges:
    rng = np.random.default_rng(seed)
    asked, told = ([sample_sentence(rng, "train", side) for _ in range(300)] for side in ("user", "ego"))
    starts = tokenizer().starts_word
    listening: Sequence[FrameGrid] = [heard(sentence) for sentence in asked]
    return AssembledExchanges(
        layout=LAYOUT,
        tokenizer=tokenizer(),
        silence=SILENCE,
        heard=[WordSounds.heard(listening, TEXT, DELAY, starts)],
        said=[WordSounds.said([said(sentence) for sentence in told], TEXT, starts)],
        delay=DELAY,
        seed=seed,
    )


def test_the_same_exchanges_each_time() -> None:
    made = pool()
    grids = [made[i] for i in range(8)]
    assert all(made[i] == grid for i, grid in enumerate(grids))
    assert len({len(grid) for grid in grids}) > 1
    assert len(made.captions) == len(made)


def test_what_is_heard_stands_in_the_captions_and_what_is_said_in_the_text() -> None:
    made, known, spoken = pool(), 0, 0
    for i in range(20):
        grid, captions = made[i], made.captions[i].text
        assert grid.read[0] == TEXT.duplex
        for frame in np.flatnonzero(captions >= TEXT.first_word):
            # A word ends `DELAY` frames before its first piece is written; its sound is its last piece's number.
            piece = int(captions[frame])
            if grid.listen[frame - DELAY - 1, 0] == piece:
                known += 1
        for frame in np.flatnonzero((grid.speak != SILENCE).any(1)):
            assert grid.speak[frame, 0] in grid.text[: frame + 1]
            spoken += 1
        assert not grid.speak_weight.any()
        assert not grid.spoken_weight.any()
        free = grid.text_weight == 0
        assert set(np.unique(grid.text[free])) <= {TEXT.wait, TEXT.cut}
    assert known > 50
    assert spoken > 200


def test_who_is_interrupted_falls_silent_and_then_answers() -> None:
    found = 0
    for i in range(60):
        grid, captions = pool()[i], pool().captions[i].text
        for cut in np.flatnonzero(grid.text == TEXT.cut):
            found += 1
            heard = np.flatnonzero((grid.listen[:cut] != SILENCE).any(1))
            begun = int(heard[np.flatnonzero(np.diff(heard, prepend=-9) > 5)[-1]])
            assert cut - begun <= 11
            assert grid.text_weight[cut] == 0
            assert (grid.speak[begun - 6 : begun] != SILENCE).any()
            answer = cut + 1 + int(np.flatnonzero(grid.text[cut + 1 :] >= TEXT.first_word)[0])
            assert (grid.speak[cut:answer] == SILENCE).all()
            assert (captions[begun:answer] >= TEXT.first_word).any()
    assert found > 5


def test_no_reply_counts_more_pieces_than_it_has() -> None:
    for i in range(20):
        grid = pool()[i]
        written = grid.text >= TEXT.first_word
        starts = np.flatnonzero(written & ~np.pad(written[:-1], (1, 0)))
        for start, stop in zip(starts, [*starts[1:], len(grid)], strict=True):
            count = grid.spoken[start:stop]
            assert (np.diff(count) >= 0).all()
            assert count[-1] <= written[start:stop].sum()


def calling(intent: str, seed: int) -> Exchange:
    """An exchange with a call all of whose words have been recorded."""
    rng = np.random.default_rng(seed)
    while True:
        exchange = sample_exchange(rng, "train", 2, intent=intent, functions=(TIME, TIMER))
        if is_recorded(exchange, pool()):
            return exchange


def runs(track: np.ndarray) -> list[int]:
    """Frames in which something begins to be read, or written."""
    pieces = track >= TEXT.first_word
    return np.flatnonzero(pieces & ~np.pad(pieces[:-1], (1, 0))).tolist()


@pytest.mark.parametrize("intent", ["time", "timer"])
def test_calls_results_and_ends_of_timers_have_their_place(intent: str) -> None:
    for seed in range(6):
        exchange = calling(intent, seed)
        grid, captions = laid_out(exchange, pool(), np.random.default_rng(seed))
        calls, read = np.flatnonzero(grid.text == TEXT.call).tolist(), runs(grid.read)
        assert len(calls) == sum(turn.call is not None for turn in exchange.turns)
        assert len(read) == 1 + len(calls) + sum(bool(turn.read) for turn in exchange.turns)
        assert runs(captions)[0] > read[0]
        assert all(grid.text[call + 1] >= TEXT.first_word and grid.text_weight[call] == 1 for call in calls)
        last = exchange.turns[-1]
        if last.read:  # a timer's end, which nobody speaks before
            assert read[-1] > calls[-1]
            assert runs(grid.text)[-1] > read[-1]
        assert written_last(grid).endswith((last.call.after or last.ego) if last.call else last.ego)


def written_last(grid: FrameGrid) -> str:
    return tokenizer().decode([int(piece) for piece in grid.text if piece >= TEXT.first_word])


def test_rows_learn_to_hear_them() -> None:
    made = pool()
    row = Mixture([Pool(made, 1.0, made.captions)], TEXT).row(np.random.default_rng(0), 200)
    assert (row.captions != UNKNOWN).all()
    assert (row.given == row.captions).all()
