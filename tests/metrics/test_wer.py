"""Word errors: counts, alignments, listings and intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.metrics.spoken_form import spoken_words
from roboego.metrics.wer import WordErrors, align, count, listing, rate_interval, word_errors

words = st.lists(st.sampled_from(["red", "green", "cube", "ball", "the"]), max_size=8)


def levenshtein(a: list[str], b: list[str]) -> int:
    """The textbook recursion, as a check."""
    if not a or not b:
        return len(a) + len(b)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(diagonal + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def test_counts_by_kind() -> None:
    assert word_errors("put the red cube here", "put the green cube over") == WordErrors(substitutions=2, words=5)
    assert word_errors("put the red cube here", "put cube here now") == WordErrors(deletions=2, insertions=1, words=5)
    assert word_errors("What's 7 + 20?", "what is seven plus twenty").rate == 0


@given(words, words)
def test_fewest_errors_and_nothing_lost(reference: list[str], hypothesis: list[str]) -> None:
    steps = align(reference, hypothesis)
    assert [s.reference for s in steps if s.reference is not None] == reference
    assert [s.hypothesis for s in steps if s.hypothesis is not None] == hypothesis
    assert all((s.kind == "match") == (s.reference == s.hypothesis) for s in steps)
    errors = count(steps)
    assert errors.errors == levenshtein(reference, hypothesis)
    assert errors.words == len(reference)


@given(words, words)
def test_swapping_sides_swaps_deletions_and_insertions(reference: list[str], hypothesis: list[str]) -> None:
    there, back = count(align(reference, hypothesis)), count(align(hypothesis, reference))
    assert there.errors == back.errors
    assert there.deletions - there.insertions == back.insertions - back.deletions


def test_of_equal_alignments_one_with_most_matches() -> None:
    assert [s.kind for s in align(["a", "b"], ["b", "c"])] == ["deletion", "match", "insertion"]


def test_counts_add_up_over_sentences() -> None:
    counts = [word_errors("red cube", "red ball"), word_errors("the big box", "the box"), word_errors("stop", "stop now")]
    total = WordErrors.total(counts)
    assert total == WordErrors(substitutions=1, deletions=1, insertions=1, words=6)
    assert total.rate == 0.5
    assert WordErrors.total([]).rate == 0
    assert word_errors("", "hello").rate == float("inf")


def test_listing_shows_errors_word_under_word() -> None:
    steps = align(spoken_words("put the red cube here"), spoken_words("put the green cube over there here"))
    assert listing(steps) == "put the RED   cube **** ***** here\nput the GREEN cube OVER THERE here"


def test_interval_holds_the_rate_and_shrinks_with_sentences() -> None:
    few = [word_errors("red cube", "red ball"), word_errors("the big box", "the big box")] * 10
    interval, narrower = rate_interval(few), rate_interval(few * 10)
    rate = WordErrors.total(few).rate
    assert rate in interval
    assert rate in narrower
    assert narrower.high - narrower.low < interval.high - interval.low
    assert rate_interval(few) == interval
    with pytest.raises(InputError, match="positive"):
        rate_interval([word_errors("", "hello")])
