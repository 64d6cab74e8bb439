"""Questions about pictures of held-out tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pytest

from roboego.data.talk.sampling import split_of
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.table.ego import ModelEgo, play
from roboego.evaluation.table.vqa import Shown, Viewing, measure, spoken, tables, written
from roboego.metrics.turns import voiced_segments
from roboego.runtime.frame import SILENCE, Frame, StepIn
from tiny import seeing_loaded, tiny_tokenizer

FRAME = 1_920


@pytest.fixture(scope="module")
def shown() -> list[Shown]:
    return tables("espeak-en-us", 4, 32)


@dataclass
class Seer:
    """Answers rightly what is asked about the picture that it was shown; without one, says so."""

    slots: int = 2
    parts: Sequence[Viewing] = ()

    def begin(self, parts: Sequence[Viewing]) -> Self:
        self.parts, self._written = parts, [0] * len(parts)
        return self

    def give(self, given: Mapping[int, StepIn]) -> dict[int, Frame]:
        return {i: self._frame(i) for i in given}

    def _frame(self, i: int) -> Frame:
        part, text = self.parts[i], ""
        went, begun = part.user.went, self._written[i]
        if len(went) > begun and part.user.clock >= went[begun].end:
            self._written[i] += 1
            text = " sorry, i cannot see anything."
            if part.picture is not None:
                text = f" {part.shown.exchange.turns[begun].ego}" if part.picture is part.shown.picture else " i do not know."
        return Frame(
            index=0, speech=SILENCE, codes=np.zeros(0, np.int64), token=0, text=text, caption=0, heard="", action=None, spoken_upto=0,
            spoken_text="",
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: Any) -> None: ...


def test_tables_and_questions_are_held_out_and_repeat(shown: list[Shown]) -> None:
    assert [len(one.exchange.turns) for one in shown] == [3, 1]
    for one in shown:
        assert one.picture.shape == (32, 32, 3)
        assert one.picture.std() > 10
        assert all(split_of(turn.user) == "test" for turn in one.exchange.turns)
        assert all(voiced_segments(sound) for sound in one.sounds)
    topics = [turn.intent for one in shown for turn in one.exchange.turns]
    assert len(set(topics)) == 4
    again = tables("espeak-en-us", 4, 32)
    assert [one.exchange for one in again] == [one.exchange for one in shown]
    assert np.array_equal(again[1].picture, shown[1].picture)


def test_each_picture_is_shown_with_held_back_and_exchanged(shown: list[Shown]) -> None:
    viewings: list[Viewing] = []
    told = measure(Seer(), shown, look=viewings.append)
    assert (told["answered_right"]["rate"], told["answered_right"]["of"]) == (1.0, 4)
    assert all(rate["rate"] == 1.0 for rate in told["by_topic"].values())
    assert len(told["by_topic"]) == 4
    assert told["without_picture"]["answered_right"]["rate"] == 0.0
    assert told["without_picture"]["says_so"]["rate"] == 1.0
    assert told["picture_of_another_table"]["answered_right"]["rate"] == 0.0
    assert (told["wrong"], len(viewings)) == ([], 2)
    assert told["latency_s"] is None  # it says nothing aloud
    assert told["heard"]["answered_right"]["of"] == 0


def test_what_ego_says_is_heard_from_each_question_on(shown: list[Shown]) -> None:
    viewing = spoken(shown[0], None)
    list(play(Seer(), [viewing]))
    answers = list(viewing.spoken_answers())
    assert [turn for turn, _, _ in answers] == list(shown[0].exchange.turns)
    assert [question.user for _, _, question in answers] == [turn.user for turn in shown[0].exchange.turns]
    assert sum(len(sound) for _, sound, _ in answers) == len(viewing.talked.ego) - viewing.user.went[0].start


def test_written_questions_are_read_while_nobody_speaks(shown: list[Shown]) -> None:
    tokenizer = tiny_tokenizer()
    viewing = written(shown[1], shown[1].picture, tokenizer)
    question = shown[1].exchange.turns[0].user
    given = []
    for _ in range(16):
        given.append(viewing.give())
        viewing.take(Seer().begin([viewing])._frame(0))
    assert [step_in.read for step_in in given if step_in.read is not None] == [question]
    assert not any(np.any(step_in.listen) for step_in in given)
    assert given[0].look is shown[1].picture
    assert all(step_in.look is None for step_in in given[1:])
    assert len(viewing.user.turns[0]) == FRAME * len(tokenizer.encode(question))


@pytest.mark.parametrize("in_writing", [False, True])
def test_a_model_in_the_engine_is_shown_pictures(shown: list[Shown], in_writing: bool) -> None:
    loaded = seeing_loaded()
    assert loaded.tokenizer is not None
    viewing = written(shown[1], shown[1].picture, loaded.tokenizer) if in_writing else spoken(shown[1], shown[1].picture)
    list(play(ModelEgo(EnginePartner(loaded, slots=1)), [viewing], longest=30))
    assert len(viewing.talked.frames) == 30
    read = [frame for frame in viewing.talked.frames[1:] if frame.read is not None]
    assert bool(read) is in_writing
    assert len(viewing.questions) == 1
