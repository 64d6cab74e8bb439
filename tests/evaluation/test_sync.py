"""The suite `sync`: words written, told and heard, on one clock."""

import numpy as np
import pytest

from roboego.data.voices.base import TimedWord
from roboego.evaluation.sync import said_words, summary
from roboego.evaluation.talk import Talked
from roboego.runtime.frame import Frame, ReplyStarted


class Hears:
    """Stands for the aligner: every word takes half a second."""

    def align(self, pcm: np.ndarray, text: str) -> tuple[TimedWord, ...]:
        return tuple(TimedWord(text=w, start=12_000 * i, end=12_000 * (i + 1)) for i, w in enumerate(text.split()))


def frame(index: int, text: str = "", spoken: int = 0, *, starts: bool = False) -> Frame:
    return Frame(
        index=index, speech=np.zeros(1_920, np.float32), codes=np.zeros(0, np.int64), token=0, text=text, caption=0, heard="", action=None,
        spoken_upto=spoken, spoken_text="", events=(ReplyStarted(reply=0),) if starts else (),
    )  # fmt: skip


def test_each_word_is_written_heard_and_told() -> None:
    pieces = {2: " the", 3: " an", 4: "swer", 5: "."}
    spoken = {t: min(max(t - 8, 0) // 4, 4) for t in range(40)}
    frames = [frame(t, pieces.get(t, ""), spoken[t], starts=t == 2) for t in range(40)]
    talked = Talked(user=np.zeros(40 * 1_920, np.float32), ego=np.zeros(40 * 1_920, np.float32), frames=frames)
    the, answer = said_words(talked, Hears())  # type: ignore[arg-type]
    assert (the.word, answer.word) == ("the", "answer.")
    assert (the.written_s, answer.written_s) == pytest.approx((3 * 0.08, 4 * 0.08))
    assert (the.begun_s, answer.ended_s) == pytest.approx((2 * 0.08, 2 * 0.08 + 1.0))
    assert (the.told_s, answer.told_s) == pytest.approx((14 * 0.08, 26 * 0.08))
    told = summary([the, answer])
    assert (told["words"], told["never_told"], told["spoken_upto_after_end_s"]["of"]) == (2, 0, 2)


def test_a_conversation_without_a_reply_has_no_words() -> None:
    talked = Talked(user=np.zeros(3 * 1_920, np.float32), ego=np.zeros(3 * 1_920, np.float32), frames=[frame(t) for t in range(3)])
    assert said_words(talked, Hears()) == []  # type: ignore[arg-type]
