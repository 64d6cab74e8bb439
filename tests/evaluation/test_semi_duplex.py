"""The model behind a gate hears a turn when it is over, answers after that, and is broken off by voice."""

from collections.abc import Mapping

import numpy as np

from roboego.evaluation.semi_duplex import Gate, SemiDuplexTalks
from roboego.runtime.frame import Cut, Frame

FRAME = 1_920
VOICE = (0.2 * np.sin(np.arange(FRAME) / 20)).astype(np.float32)
STILL = np.zeros(FRAME, np.float32)


class Answers:
    """Stands for the engine: speaks for ten frames from the fourth still frame after voice; a step takes 8 ms."""

    def __init__(self) -> None:
        self.heard: list[bool] = []

    def step(self, heard: Mapping[int, np.ndarray]) -> dict[int, Frame]:
        ((i, sound),) = heard.items()
        self.heard.append(bool(sound.any()))
        last = max((t for t, voiced in enumerate(self.heard) if voiced), default=-100)
        since = len(self.heard) - 1 - last
        speaks = 4 <= since < 14
        return {
            i: Frame(
                index=len(self.heard) - 1, speech=VOICE if speaks else STILL, codes=np.zeros(0, np.int64), token=0,
                text=" yes" if since == 4 else "", caption=0, heard="", action=None, spoken_upto=0, spoken_text="", step_ms=8.0,
            )
        }  # fmt: skip


def test_a_turn_is_heard_when_it_is_over_and_then_answered() -> None:
    inner = Answers()
    talks = SemiDuplexTalks(inner, Gate(end_s=0.56), 1)  # type: ignore[arg-type]
    user = [STILL] * 5 + [VOICE] * 10 + [STILL] * 30
    made = [talks.step({0: sound})[0] for sound in user]
    assert sum(inner.heard) == 10
    said = [t for t, frame in enumerate(made) if not frame.is_silent]
    over = 5 + 10 + 7 - 1  # the frame in which the detector found the turn over
    takes = 3  # frames: 4 before the turn, 10 of it and 7 after, at 8 ms
    assert said == list(range(over + 1 + takes, over + 1 + takes + 10))
    assert [frame.text for frame in made if frame.text] == [" yes"]


def test_voice_breaks_a_reply_off() -> None:
    talks = SemiDuplexTalks(Answers(), Gate(end_s=0.56, barge_s=0.24), 1)  # type: ignore[arg-type]
    user = [VOICE] * 10 + [STILL] * 14 + [VOICE] * 10
    made = [talks.step({0: sound})[0] for sound in user]
    cut = [t for t, frame in enumerate(made) if any(isinstance(e, Cut) for e in frame.events)]
    assert cut == [26]
    assert all(frame.is_silent for frame in made[26:])
