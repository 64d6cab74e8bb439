import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roboego.data.talk import (
    NAMES,
    Answer,
    Exchange,
    for_voice,
    intents,
    is_right,
    sample_exchange,
    sample_sentence,
    sampling,
    split_of,
    vocabulary,
)
from roboego.data.talk.grammar import Pattern, Rng, tidy
from roboego.data.talk.intents import ALL, Context, Intent, Move
from roboego.data.talk.lexicon import COLORS, DAYS, LETTERS, NUMBERS, OPPOSITES_OF, SHAPES
from roboego.errors import InputError
from roboego.streams.alphabet import normalize, words

SPLITS = ("train", "validation", "test")


def exchanges(count: int, seed: int = 0, split: str = "train", **how: object) -> list[Exchange]:
    rng = np.random.default_rng(seed)
    return [sample_exchange(rng, split, **how) for _ in range(count)]  # type: ignore[arg-type]


def test_pattern_draws_what_it_describes() -> None:
    pattern = Pattern("(hi|hello) [there], {name}.")
    rng = np.random.default_rng(0)
    drawn = {pattern.sample(rng, {"name": ("anna", "tom")}) for _ in range(200)}
    assert drawn == {f"{hi}{there}, {name}." for hi in ("hi", "hello") for there in ("", " there") for name in ("anna", "tom")}
    assert pattern.forms() == 4
    assert pattern.words({"name": Pattern("{who} [smith]"), "who": "anna"}) == {"hi", "hello", "there", "anna", "smith"}


@pytest.mark.parametrize("source", ["(a|b", "a]", "(a]", "{a b}", "a}"])
def test_malformed_pattern_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Pattern(source)


def test_tidy_mends_spaces_and_commas() -> None:
    assert tidy(" , so ,, what is  , um, this ,?") == "so, what is, um, this?"


@pytest.mark.parametrize("intent", ALL, ids=intents())
def test_each_intent_has_many_forms(intent: object) -> None:
    assert intent.forms >= 20  # type: ignore[attr-defined]


@pytest.mark.parametrize("intent", intents())
def test_references_are_right_and_well_formed(intent: str) -> None:
    known = set(vocabulary())
    for turns in (1, 3):
        for exchange in exchanges(15, turns=turns, intent=intent):
            assert (exchange.intent, len(exchange.turns)) == (intent, turns)
            for turn in exchange.turns:
                assert is_right(turn.answer, turn.ego), turn
                assert not is_right(turn.answer, "")
                assert 1 <= len(words(turn.user)) <= 14
                assert 3 <= len(words(turn.ego)) <= 14
                for text in (turn.user, turn.ego):
                    assert normalize(text) == text
                    assert text[-1] in ".?"
                    assert set(words(text)) <= known


@pytest.mark.parametrize("intent", intents())
def test_test_split_has_several_sentences_of_each_intent(intent: str) -> None:
    rng = np.random.default_rng(0)
    drawn = {" ".join(words(sample_exchange(rng, "test", 1, intent=intent).turns[0].user)) for _ in range(20)}
    assert len(drawn) >= 8


def test_splits_are_disjoint_and_of_the_intended_size() -> None:
    sizes = np.array([[split_of(f"{a} {b} {c}") == s for s in SPLITS] for a in NUMBERS for b in COLORS for c in SHAPES]).mean(0)
    np.testing.assert_allclose(sizes, [0.94, 0.02, 0.04], atol=0.02)
    assert split_of("hello, ego.") == split_of("hello ego?")
    for split in SPLITS:
        for exchange in exchanges(8, split=split):
            assert {split_of(t.user) for t in exchange.turns} == {split}
        rng = np.random.default_rng(0)
        for side in ("user", "ego"):
            assert {split_of(sample_sentence(rng, split, side)) for _ in range(8)} == {split}  # type: ignore[arg-type]


def test_held_out_sentences_of_ego_are_not_trained_on() -> None:
    assert {split_of(t.ego) for e in exchanges(60) for t in e.turns} == {"train"}


def test_same_seed_gives_the_same_texts_whatever_the_hash_seed() -> None:
    assert exchanges(20, seed=5) == exchanges(20, seed=5)
    assert exchanges(20, seed=5) != exchanges(20, seed=6)
    program = (
        "import numpy as np; from roboego.data.talk import *; rng = np.random.default_rng(5);"
        "print([sample_exchange(rng, 'train') for _ in range(20)], sample_sentence(rng, 'test', 'ego'), vocabulary())"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert str(exchanges(20, seed=5)) in outputs.pop().decode()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), turns=st.integers(2, 5))
def test_ego_remembers_the_name_it_was_told(seed: int, turns: int) -> None:
    (exchange,) = exchanges(1, seed, turns=turns, intent="name_ask")
    told = [t for t in exchange.turns if t.intent in ("name_tell", "name_correct")]
    last = exchange.turns[-1]
    if told:
        assert last.answer == told[-1].answer
        (name,) = last.answer.all_of[0]
        assert name in words(last.ego)
        assert not is_right(last.answer, f"your name is {NAMES[NAMES.index(name) - 1]}.")
    else:
        assert not is_right(last.answer, "your name is anna.")


def test_setup_mostly_comes_before_the_question() -> None:
    for intent, setup in (("name_ask", "name_tell"), ("recall", "remember")):
        found = exchanges(40, turns=4, intent=intent)
        assert sum(any(t.intent == setup for t in e.turns) for e in found) > 30


@pytest.mark.parametrize("intent", ["again", "slower", "louder"])
def test_repetition_carries_the_answer_before(intent: str) -> None:
    for exchange in exchanges(20, turns=2, intent=intent):
        before, turn = exchange.turns
        assert turn.answer == before.answer or before.intent in ("again", "slower", "louder")
        assert turn.manner == {"again": "plain"}.get(intent, intent)
        assert words(turn.ego)[-1] == words(before.ego)[-1] or before.intent == intent


@pytest.mark.parametrize("intent", ["sum", "days", "opposite", "count"])
def test_wrong_last_words_are_rejected(intent: str) -> None:
    options = {"sum": NUMBERS, "count": NUMBERS, "days": DAYS, "opposite": tuple(OPPOSITES_OF)}[intent]
    checked = 0
    for exchange in exchanges(25, turns=1, intent=intent):
        (turn,) = exchange.turns
        *start, last = words(turn.ego)
        if last not in {w for group in turn.answer.all_of for a in group for w in a.split()}:
            continue  # the answer does not stand last
        wrong = {o for o in options if not any(o in a.split() for group in turn.answer.all_of for a in group)}
        checked += 1
        assert not any(is_right(turn.answer, " ".join([*start, o])) for o in wrong)
    assert checked >= 8


def test_spelling_and_repeating_are_judged_letter_by_letter_and_word_by_word() -> None:
    for exchange in exchanges(15, turns=1, intent="spell"):
        answer = exchange.turns[0].answer
        (letters,) = answer.all_of[0]
        assert is_right(answer, letters)
        assert not any(is_right(answer, f"{letters} {c}") or is_right(answer, f"{c} {letters}") for c in LETTERS)
        assert not is_right(answer, letters[:-2])
    for exchange in exchanges(15, turns=1, intent="repeat"):
        answer = exchange.turns[0].answer
        (echo,) = answer.all_of[0]
        assert is_right(answer, echo.upper() + "!")
        assert not is_right(answer, " ".join(echo.split()[1:]))


def test_is_right() -> None:
    assert is_right(Answer(all_of=(("five",),)), "It's 5!")
    assert is_right(Answer(all_of=(("not sure", "do not know"),)), "sorry, i do not know.")
    assert not is_right(Answer(all_of=(("five",),), none_of=("six",)), "five, no, six.")
    assert not is_right(Answer(all_of=(("art",),)), "the party")
    ordered = Answer(all_of=(("one",), ("two", "too")), in_order=True)
    assert is_right(ordered, "one and too")
    assert not is_right(ordered, "two, one")
    assert not is_right(Answer(all_of=(("five",),)), "пять five")


def test_sentences_cover_the_world() -> None:
    known = set(vocabulary())
    rng = np.random.default_rng(0)
    heard = {w for _ in range(300) for w in words(sample_sentence(rng, "train", "user"))}
    said = {w for _ in range(300) for w in words(sample_sentence(rng, "train", "ego"))}
    assert heard | said <= known
    assert {*COLORS, *SHAPES} <= heard & said
    assert {*NAMES, *NUMBERS, *DAYS, *LETTERS, "camera", "push", "label", "heavy", "stop"} <= known
    assert vocabulary() == tuple(sorted(known))


def test_impossible_requests_say_what_is_possible() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="1 to 5 turns"):
        sample_exchange(rng, "train", 6)
    with pytest.raises(InputError, match="greeting"):
        sample_exchange(rng, "train", intent="sing")


def test_an_exchange_that_leads_nowhere_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ego may be asked to say again what it can say again in held-out words alone: once in millions of exchanges."""
    draw, dead_ends = sampling._move, iter(range(3))

    def move(rng: Rng, intent: Intent, context: Context, split: sampling.Split) -> Move:
        if intent.name == "again" and next(dead_ends, None) is not None:
            raise sampling._DeadEnd
        return draw(rng, intent, context, split)

    monkeypatch.setattr(sampling, "_move", move)
    found = sample_exchange(np.random.default_rng(0), "train", 2, intent="again")
    assert next(dead_ends, None) is None
    assert [turn.intent for turn in found.turns][-1] == "again"
    assert len(found.turns) == 2


def test_a_split_without_exchanges_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "split_of", lambda sentence: "test")
    monkeypatch.setattr(sampling, "_TRIES", 10)
    with pytest.raises(RuntimeError, match="no exchange of this split"):
        sample_exchange(np.random.default_rng(0), "train")


@pytest.mark.parametrize(
    ("text", "voiced"),
    [
        ("ball is spelled b, a, l, l.", "ball is spelled b, eh, l, l."),
        ("a, n, n, a.", "eh, n, n, eh."),
        ("i see a ball and a cone.", "i see a ball and a cone."),
        ("am i a robot?", "am i a robot?"),
        ("b, o, x. a box.", "b, o, x. a box."),
        ("it says b. i'm a robot.", "it says b. i'm a robot."),
    ],
)
def test_a_voice_is_told_the_letter_a(text: str, voiced: str) -> None:
    assert for_voice(text) == voiced
    assert for_voice(text, "a") == text
