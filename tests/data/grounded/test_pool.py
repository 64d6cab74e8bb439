"""Exchanges about pictures: true of the picture that is in sight, and honest where there is none."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from roboego.data.grounded.exchanges import blind, grounded_exchange, sample_question
from roboego.data.grounded.pool import EMPHASIS, GroundedExchanges, along, telling
from roboego.data.grounded.view import View
from roboego.data.pictures import PictureBank, PictureJob, make_pictures
from roboego.data.talk.answer import Answer, Turn, is_right
from roboego.data.talk.sampling import split_of
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.recipes import nano
from roboego.sim.scene import Scene, sample_scene
from roboego.streams.organizers.base import pieces
from roboego.streams.tokenizer import Tokenizer

SILENCE = np.arange(8, dtype=np.int16)


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PictureBank:
    folder: Path = tmp_path_factory.mktemp("pictures")
    make_pictures(PictureJob(folder=folder, name="train", shard=0, count=6, size=96))
    return PictureBank(folder, "train")


def pool(pictures: PictureBank, seed: int = 0) -> GroundedExchanges:
    written = WrittenExchanges(layout=nano.layout(), tokenizer=tokenizer(), silence=SILENCE)
    return GroundedExchanges(layout=nano.layout(), tokenizer=tokenizer(), silence=SILENCE, seed=seed, pictures=pictures, manner=written)


def test_questions_belong_to_their_split_and_are_answered_rightly() -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for _ in range(10):
            turn = sample_question(rng, View(sample_scene(rng, 4)), split)
            assert turn is not None
            assert split_of(turn.user) == split
            assert is_right(turn.answer, turn.ego)


def test_an_exchange_has_as_many_questions_as_asked_for_and_other_talk_between() -> None:
    rng, view = np.random.default_rng(1), View(sample_scene(np.random.default_rng(2), 5))
    made = [grounded_exchange(rng, view, "train", 2) for _ in range(30)]
    kept = [e for e in made if e is not None]
    assert all(sum(t.intent.startswith("see_") for t in e.turns) == 2 for e in kept)
    assert any(len(e.turns) > 2 for e in kept)


def test_without_a_picture_ego_says_that_it_sees_nothing() -> None:
    rng = np.random.default_rng(3)
    exchange = grounded_exchange(rng, View(sample_scene(rng, 4)), "train", 2)
    assert exchange is not None
    told = blind(rng, exchange)
    assert [t.user for t in told.turns] == [t.user for t in exchange.turns]
    for turn in told.turns:
        if turn.intent.startswith("see_"):
            assert "see" in turn.ego
            assert is_right(turn.answer, turn.ego)


def test_what_is_told_of_pieces_stays_with_them_when_a_reply_is_broken_off() -> None:
    whole = np.array([0, 1, 1, 1, 0, 0, 1, 1], bool)
    assert along(whole, [(1, 2, 3), (4, 5)]) == [1, 2, 3, 4, 5]
    assert along(whole, [(1, 2, 3, 9, 9), (4, 5)]) == [1, 2, 3, 4, 5]
    assert along(np.array([1, 1, 1, 1, 1], bool), [(1, 2, 3), (4, 5)]) == [1, 2, 3, 4, 5]  # without a pause between them
    assert along(whole, [(1, 2), (4, 5)]) == [1, 2, 0, 4, 5]
    assert along(whole, [(1, 2, 3, 9, 9), (4, 5), (6,)]) == [0] * 5


def test_replies_aim_at_what_they_are_about(pictures: PictureBank) -> None:
    made = pool(pictures)
    for i in range(8):
        written, track = pieces(made[i].text, nano.layout().text), made.aims(i)
        assert not track[~written].any()
        assert len(track) == len(made[i])
    assert any(made.aims(i).any() for i in range(8))


def test_what_was_seen_counts_more_than_the_words_around_it(pictures: PictureBank) -> None:
    made = pool(pictures)
    for i in range(5):
        grid, written = made[i], pieces(made[i].text, nano.layout().text)
        tells = [piece for turn in made.turns(i) for piece in telling(turn, made.tokenizer)]
        assert grid.text_weight[written].tolist() == [EMPHASIS if piece else 1.0 for piece in tells]
        assert set(grid.text_weight[~written]) <= {0.0, 1.0}


def test_words_that_the_user_has_said_and_words_around_others_tell_nothing(pictures: PictureBank) -> None:
    tokenizer = pool(pictures).tokenizer
    turn = Turn(intent="see_color", user="is the ball red?", ego="no, the ball is blue.", answer=Answer(all_of=()))
    tokens, tells = tokenizer.encode(turn.ego), telling(turn, tokenizer)
    told = [tokenizer.decode([token]).strip() for token, one in zip(tokens, tells, strict=True) if one]
    assert "".join(told).replace(",", "").replace(".", "") == "noblue"


def test_a_grid_goes_with_the_picture_that_it_is_about(pictures: PictureBank) -> None:
    made = pool(pictures)
    numbers = set()
    for i in range(12):
        grid, looks = made[i], made.looks(i)
        assert len(looks) == len(grid)
        numbers |= set(looks.tolist())
        assert len(set(looks.tolist()) - {-1}) <= 1
        captions = made.captions[i]
        assert (captions.text != grid.text).any()
    assert numbers <= {-1, *made.shown}
    assert len(numbers) > 1
    again = pool(pictures)
    assert again[3] == made[3]
    assert (again.looks(3) == made.looks(3)).all()


def test_pictures_that_hide_things_are_not_asked_about(pictures: PictureBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.data.pictures.SEEN_PIXELS", 10_000)
    empty = [i for i in range(len(pictures)) if not pictures.things(i)]
    made = pool(pictures, seed=5)
    if empty:
        assert list(made.shown) == empty
        return
    with pytest.raises(InputError, match="roboego synth pictures"):
        _ = made.shown


def test_a_table_with_nothing_on_it_can_be_asked_about() -> None:
    rng = np.random.default_rng(4)
    assert any(grounded_exchange(rng, View(Scene()), "train") is not None for _ in range(20))


def test_a_black_picture_is_told_of(pictures: PictureBank) -> None:
    made = replace(pool(pictures), black=77)
    black = [i for i in range(150) if 77 in made.looks(i)]
    assert black
    for i in black:
        tokens = made[i].text[pieces(made[i].text, made.layout.text)]
        assert "my camera is black" in tokenizer().decode([int(t) for t in tokens])
