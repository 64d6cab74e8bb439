"""Exchanges in which Ego does what it is asked: words, motion, senses and pictures belong together."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from roboego.actions.bins import ActionBins
from roboego.data.episodes import EpisodeBank, EpisodeJob, make_episodes
from roboego.data.grounded.acting import ActingExchanges
from roboego.data.pictures import PictureBank
from roboego.data.written import WrittenExchanges
from roboego.recipes import nano
from roboego.streams.grid import FrameGrid
from roboego.streams.organizers.base import pieces
from roboego.streams.readings import NO_READING
from roboego.streams.tokenizer import Tokenizer

SILENCE = np.arange(8, dtype=np.int16)
COUNT = 24


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> ActingExchanges:
    folder: Path = tmp_path_factory.mktemp("episodes")
    make_episodes(EpisodeJob(folder=folder, name="train", shard=0, count=3, size=96, seed=2))
    written = WrittenExchanges(layout=nano.layout(), tokenizer=tokenizer(), silence=SILENCE)
    bank = EpisodeBank(folder, "train")
    shared = {"layout": nano.layout(), "tokenizer": tokenizer(), "silence": SILENCE}
    return ActingExchanges(**shared, episodes=bank, manner=written, first_picture=100, pictures=PictureBank(folder, "train"))


def test_what_is_gone_for_is_looked_at_until_the_arm_rests(pool: ActingExchanges) -> None:
    found = 0
    for i in range(COUNT):
        grid, track, moving = pool[i], pool.aims(i), np.flatnonzero(pool.course(i).moving)
        first = int(np.flatnonzero(pieces(grid.text, pool.layout.text))[0])
        assert len(track) == len(grid)
        assert not track[:first].any()
        assert not track[int(moving[-1]) + 1 if len(moving) else 0 :].any()
        things = len(pool.episode(i).scene.things)
        assert set(np.unique(track)) <= {0, *(1 << place for place in range(things))}
        found += bool(track.any())
    assert found > COUNT // 3
    assert not replace(pool, pictures=None).aims(0).any()


def test_the_arm_moves_when_ego_has_begun_to_answer_and_rests_before_and_after(pool: ActingExchanges) -> None:
    rest = ActionBins().rest
    for i in range(COUNT):
        grid = pool[i]
        assert grid.act.shape == (len(grid), 4)
        moving = (grid.act != rest).any(1)
        first = int(np.flatnonzero(pieces(grid.text, pool.layout.text))[0])
        assert not moving[:first].any()
        assert not moving[-1]
        assert (grid.act_weight[moving] == 1).all()
        assert grid.read[0] == nano.text_layout().duplex
        assert (grid.read[1:] == nano.text_layout().wait).all() or "the text says go" in said(grid, pool)


def said(grid: FrameGrid, pool: ActingExchanges) -> str:
    return tokenizer().decode([int(t) for t in grid.text[pieces(grid.text, pool.layout.text)]])


def test_who_is_told_to_stop_stops_whatever_a_text_says(pool: ActingExchanges) -> None:
    wait, rest, found = pool.layout.text.wait, ActionBins().rest, 0
    for i in range(120):
        grid = pool[i]
        if "the text says go" not in said(grid, pool):
            continue
        found += 1
        read = np.flatnonzero(grid.read[1:] != wait) + 1
        assert any(word in tokenizer().decode([int(t) for t in grid.read[read]]) for word in ("go", "on", "ahead", "stop"))
        replies = np.flatnonzero(pieces(grid.text, pool.layout.text))
        assert read[0] < replies[-1]
        assert not (grid.act != rest).any(1)[int(replies[-1]) :].any()
    assert found > 0


def test_some_are_stopped_on_the_way_and_some_are_asked_what_they_feel(pool: ActingExchanges) -> None:
    rest, heard, stopped = ActionBins().rest, set(), 0
    for i in range(60):
        grid, episode = pool[i], pool.episode(i)
        heard.add(said(grid, pool))
        stopped += (grid.act != rest).any(1).sum() < (episode.bins != rest).any(1).sum()
    assert stopped > 0
    assert any("stop" in text or "waiting" in text for text in heard)
    assert any("hand" in text or "hold" in text or "it" in text for text in heard)


def test_the_arm_goes_on_while_something_else_is_talked_about(pool: ActingExchanges) -> None:
    found = 0
    for i in range(120):
        moving, replies = pool.course(i).moving, np.flatnonzero(np.diff(pieces(pool[i].text, pool.layout.text).astype(int)) == 1)
        last = np.flatnonzero(moving)
        between = [at for at in replies[1:] if len(last) and at < last[-1] and moving[at : last[-1] + 1].all()]
        found += bool(between) and int(moving.sum()) == int(pool.episode(i).bins.shape[0])
    assert found > 3


def test_senses_and_pictures_are_those_of_the_frame_of_the_episode(pool: ActingExchanges) -> None:
    for i in range(COUNT):
        grid, episode = pool[i], pool.episode(i)
        looks, senses = pool.looks(i), pool.senses(i)
        assert len(looks) == len(grid)
        assert set(looks.tolist()) <= {100 + number for _, number in episode.looks}
        assert (np.diff(looks) >= 0).all()
        for name in ("body", "touch", "points"):
            assert len(senses[name]) == len(grid)
        moves = np.flatnonzero((grid.act != ActionBins().rest).any(1))
        if len(moves):
            frame = int(senses["body"].which[moves[0]])
            np.testing.assert_array_equal(grid.act[moves[0]], episode.bins[frame])


BLACK = 9_000


def with_black(pool: ActingExchanges) -> ActingExchanges:
    return replace(pool, black=BLACK)


def test_a_picture_that_freezes_halts_the_arm_and_is_told_of(pool: ActingExchanges) -> None:
    found = 0
    for i in range(200):
        went = pool.course(i)
        if went.freezes is None:
            continue
        found += 1
        looks, points, moving = pool.looks(i), pool.senses(i)["points"], np.flatnonzero(went.moving)
        assert "camera is frozen" in said(pool[i], pool)
        assert len(set(looks[went.freezes + 3 :].tolist())) == 1
        assert went.freezes + 5 < moving[-1] < went.freezes + 60
        assert points.stale[-1]
        assert not points.stale[: went.freezes].any()
        assert (went.grid.read[1:] == pool.layout.text.wait).all()
    assert found > 0


def test_before_a_black_picture_the_arm_keeps_still(pool: ActingExchanges) -> None:
    made, found = with_black(pool), 0
    for i in range(200):
        went = made.course(i)
        if went.camera == "live":
            continue
        found += 1
        assert "camera is black" in said(made[i], made)
        assert set(made.looks(i).tolist()) == {BLACK}
        assert not went.moving.any()
        assert (made.senses(i)["points"].which == NO_READING).all()
    assert found > 0
    assert all(pool.course(i).camera == "live" for i in range(60))


def test_what_is_felt_and_not_seen_is_told(pool: ActingExchanges) -> None:
    bank = pool.episodes
    episode = next(e for e in (bank[i] for i in range(len(bank))) if e.task.thing is not None)
    assert episode.task.thing is not None
    held, touch = np.full_like(episode.held, -1), np.zeros_like(episode.touch)
    held[-5:], touch[-5:] = episode.task.thing, 2.0
    made, found = replace(pool, episodes=[replace(episode, held=held, touch=touch)]), 0
    for i in range(20):
        went = made.course(i)
        if went.grip is None:
            continue
        found += 1
        assert "in my hand, but i see it on the table" in said(made[i], made)
        assert not went.moving.any()
        assert (made.senses(i)["touch"].values == 2.0).all()
    assert found > 0
