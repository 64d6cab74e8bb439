"""Spoken dialogues at the table: what is said, seen and done belongs together, from the shards that a command makes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roboego.actions.bins import ActionBins
from roboego.codecs.embedded.files import save_codec
from roboego.data.build_dialogues import DialogueJob, make_dialogues
from roboego.data.episodes import EpisodeBank, EpisodeJob, make_episodes
from roboego.data.grounded.acting import ActingExchanges
from roboego.data.grounded.spoken import SpokenAboutPictures, SpokenRequests
from roboego.data.grounded.subjects import Episodes, Pictures, Subject
from roboego.data.manners import CALM
from roboego.data.pictures import PictureBank, PictureJob, make_pictures
from roboego.data.shards import ShardReader
from roboego.data.talk.answer import is_right
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.streams.organizers.base import pieces
from tests.data.test_dialogue import layout, shop

TEXT = layout().text


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("table")
    for shard in (0, 1):
        make_pictures(PictureJob(folder=made, name="train", shard=shard, count=4, size=96))
        make_episodes(EpisodeJob(folder=made, name="episodes-train", shard=shard, count=2, size=96, seed=2))
    save_codec(shop().codec, made / "tools" / "codec")  # type: ignore[arg-type]
    shop().tokenizer.save(made / "tools" / "tokenizer.json")
    return made


def spoken(root: Path, name: str, subject: Subject, count: int) -> tuple[ShardReader, ShardReader]:
    out, transcript = root / f"{name}.grids", root / f"asr-{name}.grids"
    make_dialogues(
        DialogueJob(
            out=out,
            transcript=transcript,
            tools=root / "tools",
            layout=layout(),
            voice="espeak-en-us",
            count=count,
            manners=CALM,
            subject=subject,
        )
    )
    return ShardReader([out]), ShardReader([transcript])


def test_what_is_said_of_a_picture_is_told_by_the_picture_that_is_in_sight(root: Path) -> None:
    dialogues, transcripts = spoken(root, "seen", Pictures(folder=root, shard="train-00001"), 6)
    bank = PictureBank(root, "train")
    pool = SpokenAboutPictures(dialogues=dialogues, pictures=bank, tokenizer=shop().tokenizer)
    assert len(pool) == 6
    aimed = 0
    for i in range(6):
        grid, looks, aims = pool[i], pool.looks(i), pool.aims(i)
        assert len(grid) == len(looks) == len(aims) == len(transcripts[i])
        assert set(looks.tolist()) <= {-1, *range(bank.counts[0], len(bank))}
        written = pieces(grid.text, TEXT)
        assert not aims[~written].any()
        aimed += bool(aims.any())
        assert grid.text_weight.max() >= dialogues[i].text_weight.max()
        said = shop().tokenizer.decode([int(t) for t in grid.text[written]])
        assert said.split() == " ".join(turn.ego for turn in pool.turns(i)).split()
        heard = shop().tokenizer.decode([int(t) for t in transcripts[i].text if t >= TEXT.first_word])
        assert pool.turns(i)[0].user.split()[0].strip(",.?") == heard.split()[0]
    assert aimed
    with pytest.raises(InputError, match="train-00001, which is gone"):
        replace(pool, pictures=PictureBank(root, "train-00000")).looks(int(np.argmax([pool.looks(i)[0] >= 0 for i in range(6)])))


def test_a_spoken_request_is_met_by_what_is_done_in_its_episode(root: Path) -> None:
    dialogues, transcripts = spoken(root, "request", Episodes(folder=root, shard="episodes-train-00001"), 2)
    bank = EpisodeBank(root, "episodes-train")
    requests = SpokenRequests(dialogues=dialogues, transcripts=transcripts, firsts=bank.firsts)
    assert [requests.episode(i) for i in range(2)] == [2, 3]
    manner = WrittenExchanges(layout=layout(), tokenizer=shop().tokenizer, silence=shop().silence)
    shared = {"layout": layout(), "tokenizer": shop().tokenizer, "silence": shop().silence}
    pool = ActingExchanges(**shared, manner=manner, episodes=bank, requests=requests)
    for i in range(8):
        grid, episode = pool[i], pool.episode(i)
        said = pool.said(i)
        assert said is not None
        assert any(episode.scene is bank[k].scene for k in (2, 3))
        moving = np.flatnonzero((grid.act != ActionBins().rest).any(1))
        first = int(np.flatnonzero(pieces(grid.text, TEXT))[0])
        assert (grid.listen[:first] == said[0].listen[:first]).all()
        assert not len(moving) or moving[0] >= first


def test_answers_stay_right_when_they_are_spoken(root: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(8):
        exchange, kept = Pictures(folder=root, shard="train-00000").drawn(i, rng, "train")
        assert all(is_right(turn.answer, turn.ego) for turn in exchange.turns)
        assert [turn["user"] for turn in kept["turns"]] == [turn.user for turn in exchange.turns]
        assert kept["picture"] is None or 0 <= kept["picture"] < len(PictureBank(root, "train-00000"))
