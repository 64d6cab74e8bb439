"""Dialogues of one's own: transcripts laid along each side, recordings cut into conversations, what is lost and what stays."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roboego.data.build import organizer
from roboego.data.importing.dialogues import ImportedDialogues, conversations, import_dialogues, talk_grid
from roboego.data.importing.sides import LEAD_S, Sides, read_sides
from roboego.data.shards import ShardReader
from roboego.data.voices.base import TimedWord
from roboego.errors import InputError
from roboego.streams.conversation import Conversation
from roboego.streams.grid import FrameGrid
from roboego.streams.organizers.base import pieces
from roboego.timebase import SAMPLE_RATE, seconds_to_samples
from tests.data.test_dialogue import layout, say, shop


def sides(seconds: float) -> Sides:
    """The user asks every ten seconds, and Ego answers a second after."""
    question, answer = say("what is my name?"), say("your name is anna.")
    user, ego = (np.zeros(int(seconds * 24_000), np.float32) for _ in range(2))
    words: dict[str, list[TimedWord]] = {"user": [], "ego": []}
    for start in range(1, int(seconds) - 8, 10):
        at = start * 24_000
        for name, track, spoken in (("user", user, question), ("ego", ego, answer)):
            track[at : at + len(spoken.pcm)] = spoken.pcm
            words[name] += [TimedWord(text=w.text.strip(".?"), start=at + w.start, end=at + w.end) for w in spoken.words]
            at += len(spoken.pcm) + 24_000
    return Sides(user=user, ego=ego, user_words=tuple(words["user"]), ego_words=tuple(words["ego"]))


def timed(*said: tuple[str, float, float]) -> tuple[TimedWord, ...]:
    """Words, and the seconds from and to which they are heard."""
    return tuple(TimedWord(text=w, start=seconds_to_samples(a), end=seconds_to_samples(b)) for w, a, b in said)


def noise(seconds: float, user: Sequence[TimedWord], ego: Sequence[TimedWord]) -> Sides:
    """Noise where words are."""
    rng = np.random.default_rng(0)
    tracks = [np.zeros(seconds_to_samples(seconds), np.float32) for _ in range(2)]
    for track, words in zip(tracks, (user, ego), strict=True):
        for w in words:
            track[w.start : w.end] = 0.3 * rng.standard_normal(len(track[w.start : w.end]))
    return Sides(user=tracks[0], ego=tracks[1], user_words=tuple(user), ego_words=tuple(ego))


def made_of(given: Sides) -> list[Conversation]:
    return [made for _, made in conversations(given, shop(), spk_delay=layout().spk_delay)]


def written(grid: FrameGrid) -> str:
    return shop().tokenizer.decode(grid.text[pieces(grid.text, layout().text)].tolist())


def test_a_dialogue_is_cut_in_quiet_places_and_each_part_is_a_grid() -> None:
    made = made_of(sides(130.0))
    assert len(made) == 3
    assert sum(len(c.replies) for c in made) == 13
    assert all(8 <= c.duration_s <= 60 for c in made)
    for conversation in made:
        grid = organizer(layout(), shop()).arrange(conversation)
        assert written(grid).split()[:4] == ["your", "name", "is", "anna."]
        first = conversation.replies[0]
        assert first.speech_start_s is not None
        start = int(np.flatnonzero(grid.text >= layout().text.first_word)[0])
        assert start == round(first.speech_start_s / 0.08) - layout().spk_delay


def test_what_does_not_fit_into_a_part_is_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.data.importing.dialogues.LONGEST_S", 12.0)

    # Both speak without a pause: it is cut in the middle of words.
    def talk(words: list[str]) -> tuple[TimedWord, ...]:
        return timed(*((words[i % len(words)], 0.37 * i, 0.37 * i + 0.36) for i in range(64)))

    given = noise(24.0, talk(["what", "is", "my", "name"]), talk(["your", "name", "is", "anna"]))
    made = made_of(given)
    assert [c.frames for c in made] == [150, 150]
    arrange = organizer(layout(), shop())
    for conversation in made:
        grid = talk_grid(conversation, arrange)
        assert len(conversation.replies) == 1
        assert len(written(grid).split()) > 20
        assert len(written(arrange.arrange(conversation.transcription())).split()) > 20
    # Ego's first word would have to be written before the first frame.
    assert written(talk_grid(made[0], arrange)).startswith("name is anna")


def test_speech_up_to_the_last_frame_is_laid_out() -> None:
    given = noise(10.0, timed(("what", 9.0, 9.4), ("is", 9.7, 9.98)), timed(("your", 4.0, 4.4), ("name", 9.92, 10.3)))
    (made,) = made_of(given)
    arrange = organizer(layout(), shop())
    assert written(talk_grid(made, arrange)).startswith("your.")
    # There is no time left to write down the last word.
    assert written(arrange.arrange(made.transcription())) == "what"


EGO = (("put", 2.0, 2.4), ("the", 2.4, 2.6), ("red", 2.6, 3.0), ("cube", 3.0, 3.6))


def test_a_reply_that_the_user_breaks_off_is_cut() -> None:
    (made,) = made_of(noise(10.0, timed(("no", 3.0, 3.4), ("wait", 3.5, 4.2), ("a", 4.2, 4.3), ("moment", 4.3, 4.9)), timed(*EGO)))
    (reply,) = made.replies
    assert reply.cut_s == pytest.approx(46 * 0.08)
    arrange = organizer(layout(), shop())
    grid = talk_grid(made, arrange)
    assert written(grid) == "put the red cube"
    (cut,) = np.flatnonzero(grid.text == layout().text.cut)
    assert cut == 46
    assert grid.text_weight[cut] == 1
    last = int(np.flatnonzero(pieces(grid.text, layout().text))[-1])
    # That the text stops before anybody has interrupted is not learned.
    assert not grid.text_weight[last + 1 : cut].any()
    assert grid.text_weight[: last + 1].all()
    assert (grid.speak[cut:] == shop().silence).all()


@pytest.mark.parametrize(
    ("user", "ego"),
    [
        ([("mm", 3.0, 3.2), ("hmm", 3.2, 3.5)], EGO),  # who goes on is Ego
        ([("yes", 3.5, 3.9), ("thank", 3.9, 4.3), ("you", 4.3, 4.6)], EGO),  # taken up a little early
        ([("no", 3.0, 3.4), ("wait", 3.5, 4.9)], (*EGO[:3], ("cube.", 3.0, 3.6))),  # the sentence has ended
        ([("no", 2.1, 2.5), ("wait", 2.6, 3.2), ("a", 3.2, 3.4), ("moment", 3.4, 4.9)], EGO),  # Ego speaks on
    ],
)
def test_other_overlaps_are_no_interruptions(user: list[tuple[str, float, float]], ego: Sequence[tuple[str, float, float]]) -> None:
    (made,) = made_of(noise(10.0, timed(*user), timed(*ego)))
    assert made.replies[0].cut_s is None
    assert written(talk_grid(made, organizer(layout(), shop()))) == "put the red cube."


class Hears:
    """Stands for the aligner: it hears one text in every sound, its words one after another."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def hear(self, pcm: np.ndarray) -> list[TimedWord]:
        assert len(pcm)
        edges = np.linspace(0, len(pcm), len(self.text.split()) + 1).astype(int).tolist()
        return [TimedWord(text=w, start=a, end=b) for w, a, b in zip(self.text.split(), edges[:-1], edges[1:], strict=True)]


def entry(speaker: str, start_s: float, end_s: float, text: str) -> dict[str, object]:
    return {"speaker": speaker, "start_s": start_s, "end_s": end_s, "text": text}


def recorded(path: Path, given: Sides, transcript: object = None) -> Path:
    soundfile.write(path, np.stack([given.user, given.ego], 1), 24_000)
    if transcript is not None:
        path.with_suffix(".json").write_text(json.dumps(transcript))
    return path


def read(path: Path, heard: str = "") -> Sides:
    return read_sides(path, Hears(heard))  # type: ignore[arg-type]


def test_transcripts_are_laid_along_each_side(tmp_path: Path) -> None:
    given = sides(12.0)
    (question, answer) = (words[0].start / SAMPLE_RATE for words in (given.user_words, given.ego_words))
    told = [entry("ego", answer, answer + 2.0, "What is anna?"), entry("user", question, question + 2.0, "What... is, my name?")]
    found = read(recorded(tmp_path / "x.wav", given, told), "what is my name")
    assert [w.text for w in found.user_words] == ["what.", "is,", "my", "name?"]
    begin = question + LEAD_S
    assert [w.start / SAMPLE_RATE for w in found.user_words] == pytest.approx([begin, begin + 0.5, begin + 1.0, begin + 1.5], abs=1e-3)
    assert [w.text for w in found.ego_words] == ["what", "is", "anna?"]
    assert found.ego_words[0].start / SAMPLE_RATE == pytest.approx(answer + LEAD_S, abs=1e-3)
    assert found.left_out == ()
    assert float(np.abs(found.ego).max()) == pytest.approx(0.495, abs=1e-3)


def test_an_entry_that_cannot_be_used_is_left_out_alone(tmp_path: Path) -> None:
    given = noise(20.0, timed(("a", 1.0, 12.0)), timed(("b", 4.0, 5.0)))
    told = [
        entry("user", 1.0, 4.0, "what is my name"),
        entry("user", 4.0, 9.0, "something else altogether is said"),
        entry("user", 9.0, 9.5, "Mm-hmm."),
        entry("user", 9.6, 9.9, "..."),
        entry("user", 10.0, 11.0, "It is 1000"),
        entry("user", 11.5, 11.0, "backwards"),
        entry("user", 15.0, 16.0, "silence"),
        entry("user", 70.0, 71.0, "after the end"),
        entry("ego", 4.0, 5.0, "your name is..."),
    ]
    found = read(recorded(tmp_path / "x.wav", given, told), "what is my name")
    assert [w.text for w in found.user_words] == ["what", "is", "my", "name", "mm", "hmm."]
    assert found.user_words[-1].end / SAMPLE_RATE == pytest.approx(9.5 + LEAD_S, abs=1e-3)
    # Whoever breaks off has not ended a sentence.
    assert [w.text for w in found.ego_words] == ["your", "name", "is"]
    reasons = ("1 of the 5 words", "no words", "not between 0 and 999", "ends before it starts", "nothing is heard", "nothing is heard")
    assert all(reason in told for reason, told in zip(reasons, found.left_out, strict=True)), found.left_out
    assert found.left_out[0].startswith("'something else altogether is said' of user at 4.0 s: ")


@pytest.mark.parametrize(
    ("transcript", "message"),
    [
        ([entry("nobody", 0, 1, "x")], "another speaker"),
        ([entry("user", 0, float("inf"), "x")], "no number"),
        ([{"speaker": "user"}], "no transcript"),
        ({"user": "x"}, "no transcript"),
        (3, "no transcript"),
    ],
)
def test_a_transcript_of_another_form_is_refused(tmp_path: Path, transcript: object, message: str) -> None:
    path = recorded(tmp_path / "x.wav", noise(3.0, timed(("a", 1.0, 2.0)), timed(("b", 1.0, 2.0))), transcript)
    with pytest.raises(InputError, match=message):
        read(path)


def imported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ImportedDialogues:
    monkeypatch.setattr("roboego.data.importing.dialogues.open_workshop", lambda tools: shop())
    monkeypatch.setattr("roboego.data.importing.dialogues.Aligner", lambda: Hears("your name"))
    return import_dialogues(folder, folder / "grids", tools=folder, layout=layout(), name="calls")


def test_a_conversation_that_cannot_be_laid_out_is_lost_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.data.importing.dialogues.LONGEST_S", 10.0)
    given = noise(20.0, (), timed(("your", 3.0, 3.5), ("name", 3.5, 4.0), ("your", 13.0, 13.5), ("name", 13.5, 14.0)))
    recorded(tmp_path / "a.wav", given, [entry("ego", at, at + 1.0, "your name") for at in (3.0, 8.0, 13.0)])
    recorded(tmp_path / "b.wav", given, [entry("nobody", 0, 1, "x")])
    whole = conversations

    def crowded(*args: object, **how: object) -> object:
        """The first reply of the first conversation is said twice at once."""
        for i, (start_s, made) in enumerate(whole(*args, **how)):  # type: ignore[arg-type]
            yield start_s, made if i else replace(made, replies=(made.replies[0], *made.replies))

    monkeypatch.setattr("roboego.data.importing.dialogues.conversations", crowded)
    told = imported(tmp_path, monkeypatch)
    assert told.conversations == 1
    ((path, reason),) = told.lost
    assert path.endswith("a.wav")
    assert reason.startswith("the conversation from 0.0 s on: ")
    assert [Path(path).name for path, _ in told.skipped] == ["b.wav"]
    assert [reason for _, reason in told.entries] == ["'your name' of ego at 8.0 s: nothing is heard there"]
    assert [Path(path).name for path, _ in told.left_out] == ["b.wav", "a.wav", "a.wav"]
    talks, transcripts = (ShardReader([tmp_path / "grids" / f"{kind}dialogue-train-calls-00000.grids"]) for kind in ("", "asr-"))
    assert len(talks) == len(transcripts) == 1
    assert written(talks[0]) == "your name."
