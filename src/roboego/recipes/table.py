"""What a run sees, feels and does at the table: pictures, episodes, and pools of exchanges about them."""
# Q numbers of a reading

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import ActionBins
from roboego.data.assembled import AssembledExchanges
from roboego.data.episodes import EpisodeBank
from roboego.data.grounded.acting import ActingExchanges
from roboego.data.grounded.manner import Manner
from roboego.data.grounded.pool import GroundedExchanges
from roboego.data.grounded.spoken import SpokenAboutPictures, SpokenRequests
from roboego.data.pictures import PictureBank
from roboego.data.shards import ShardReader
from roboego.data.sights import SightBank
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.perception.files import load_vit
from roboego.recipes.runs import Run
from roboego.training.acting import HeldOutActions
from roboego.training.lesson import Lessons
from roboego.training.rows import Mixture, Pool
from roboego.training.written_answers import SeenAnswers

PICTURES, EPISODES, HELD_OUT = ("train", "labels"), "episodes-train", "validation"
HELD_OUT_EPISODES = "episodes-validation"
"""Banks of the folder of pictures."""
HELD_OUT_BATCHES = 8
"""By which acting is judged."""
SPOKEN_SEEN, SPOKEN_REQUESTS = ("seen-train-", "asr-seen-train-"), ("request-train-", "asr-request-train-")
"""How the names of shards begin that hold spoken dialogues at the table, and what the user says in them, transcribed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """What is on hand.

    Attributes:
        pictures: those that are asked about; episodes: what is done, if anything is.
        held_out: others, for validation; done: those of the episodes.
        sights: what the encoder makes of the pictures, and after them of the episodes'; black: the number of a black one.
    """

    pictures: PictureBank
    held_out: PictureBank
    sights: SightBank
    black: int
    episodes: EpisodeBank | None = None
    done: PictureBank | None = None

    def judge(self, written: WrittenExchanges, count: int) -> SeenAnswers:
        """How well so many exchanges about held-out pictures are answered in writing."""
        shared: dict[str, Any] = {name: getattr(written, name) for name in ("layout", "tokenizer", "silence", "seed")}
        exchanges = GroundedExchanges(**shared, split="validation", manner=written, pictures=self.held_out)
        return SeenAnswers(exchanges, SightBank(self.held_out), count)

    def pools(self, run: Run, manner: Manner) -> Iterator[Pool]:
        """Exchanges laid out in one of the two manners, each with half of the run's share, or what spoken ones leave of it; details,
        quizzes and drills in writing alone."""
        soundless = isinstance(manner, WrittenExchanges)
        half = 0.5 if soundless else 0.5 * (1 - run.spoken)
        shared: dict[str, Any] = {name: getattr(manner, name) for name in ("layout", "tokenizer", "silence", "seed")}
        if run.seen:
            asked = replace(manner, typed=run.typed) if isinstance(manner, WrittenExchanges) else manner
            seen = GroundedExchanges(**shared, manner=asked, pictures=self.pictures, black=self.black)
            yield Pool(seen, run.seen * half, seen.captions, soundless=soundless, looks=seen)
        for share, topic in ((run.detailed, "detail"), (run.quizzed, "quiz")) if soundless else ():
            if share:
                told = GroundedExchanges(**shared, manner=manner, pictures=self.pictures, black=self.black, topic=topic)
                yield Pool(told, share, told.captions, soundless=True, looks=told)
        if run.acted and self.episodes is not None:
            acted = self._acted(manner, self.episodes)
            yield Pool(acted, run.acted * half, acted.captions, soundless=soundless, looks=acted, feelings=acted)
        if run.drilled and self.episodes is not None and isinstance(manner, WrittenExchanges):
            drilled = self._acted(replace(manner, paced=0.0, close=1.0), self.episodes)
            yield Pool(drilled, run.drilled, drilled.captions, soundless=True, looks=drilled, feelings=drilled)

    def spoken_pools(self, run: Run, manner: AssembledExchanges, open_pool: Callable[[str], ShardReader]) -> Iterator[Pool]:
        """Dialogues that were spoken from beginning to end; what comes into them is put together from words.

        Args:
            open_pool: opens the shards whose names begin so.
        """
        if run.seen:
            pictures, transcripts = (open_pool(prefix) for prefix in SPOKEN_SEEN)
            seen = SpokenAboutPictures(dialogues=pictures, pictures=self.pictures, tokenizer=manner.tokenizer)
            yield Pool(seen, run.seen * run.spoken / 2, transcripts, looks=seen)
        if run.acted and self.episodes is not None:
            requests, transcripts = (open_pool(prefix) for prefix in SPOKEN_REQUESTS)
            spoken = SpokenRequests(dialogues=requests, transcripts=transcripts, firsts=self.episodes.firsts)
            acted = replace(self._acted(manner, self.episodes), requests=spoken)
            yield Pool(acted, run.acted * run.spoken / 2, acted.captions, looks=acted, feelings=acted)

    def _acted(self, manner: Manner, episodes: EpisodeBank) -> ActingExchanges:
        shared: dict[str, Any] = {name: getattr(manner, name) for name in ("layout", "tokenizer", "silence", "seed")}
        first, done = len(self.pictures), self.done
        return ActingExchanges(**shared, manner=manner, episodes=episodes, first_picture=first, black=self.black, pictures=done)

    @property
    def still(self) -> Mapping[str, NDArray[np.float32]]:
        """What is felt when an episode is over: readings of each sense, one an episode."""
        if self.episodes is None:
            return {}
        all_of = [self.episodes[i] for i in range(len(self.episodes))]
        return {
            "body": np.stack([e.body[-1] for e in all_of]),
            "touch": np.stack([e.touch[-1] for e in all_of]),
            "points": np.stack([e.points[-1] for e in all_of]).astype(np.float32),
        }


def held_out_acts(run: Run, pictures: Path, manner: WrittenExchanges) -> HeldOutActions:
    """How well the actions of held-out episodes are told.

    Raises:
        InputError: there are none, or they have not been seen yet.
    """
    shown = PictureBank(pictures, HELD_OUT_EPISODES)
    shared: dict[str, Any] = {name: getattr(manner, name) for name in ("layout", "tokenizer", "silence", "seed")}
    close = replace(manner, paced=0.0, close=1.0)
    acted = ActingExchanges(**shared, manner=close, episodes=EpisodeBank(pictures, HELD_OUT_EPISODES), pictures=shown)
    sights = SightBank(shown)
    rows = Mixture(
        [Pool(acted, 1.0, acted.captions, soundless=True, looks=acted, feelings=acted)],
        run.model.layout.text,
        pictures=len(sights.vectors),
        fresh_frames={sense.name: sense.fresh_frames for sense in run.model.senses},
        rest=ActionBins(dims=run.model.layout.action_dims, bins=run.model.layout.action_bins).rest,
    )
    return HeldOutActions(Lessons(rows, run.stage, run.model, sights=sights), HELD_OUT_BATCHES)


def open_table(run: Run, pictures: Path, tools: Path) -> Table | None:
    """What a run sees and does; None if it does neither.

    Raises:
        InputError: pictures or episodes are missing, have not been seen yet, or another encoder saw them.
        CheckpointError: there is no encoder.
    """
    if not (run.seen or run.acted):
        return None
    names = [*PICTURES, EPISODES] if run.acted else PICTURES
    sights, vit = SightBank(PictureBank(pictures, *names)), load_vit(tools / "vit")
    if sights.encoder != vit.fingerprint:
        raise InputError(f"the pictures were seen by the encoder {sights.encoder}, not {vit.fingerprint}; run roboego synth sights")
    episodes = EpisodeBank(pictures, EPISODES) if run.acted else None
    black = sights.add(vit, np.zeros((vit.config.image_size, vit.config.image_size, 3), np.uint8))
    seen, held_out = PictureBank(pictures, *PICTURES), PictureBank(pictures, HELD_OUT)
    done = PictureBank(pictures, EPISODES) if run.acted else None
    return Table(pictures=seen, held_out=held_out, sights=sights, black=black, episodes=episodes, done=done)
