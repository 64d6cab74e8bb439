"""Word errors between what should have been said or heard and what was."""
# N reference words, M hypothesis words

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from roboego.metrics.intervals import Interval, bootstrap_ratio
from roboego.metrics.spoken_form import spoken_words

Kind = Literal["match", "substitution", "deletion", "insertion"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One word of an alignment: `reference` is None for an insertion, `hypothesis` for a deletion."""

    kind: Kind
    reference: str | None
    hypothesis: str | None


@dataclass(frozen=True, kw_only=True)
class WordErrors:
    """Errors counted over one sentence or many; counts of several add up: `a + b`, `WordErrors.total(all)`.

    Attributes:
        words: words of the reference.
    """

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    words: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Word error rate: errors for each reference word (0.08 is 8%). Infinite if there are errors but no words."""
        if self.words == 0:
            return float("inf") if self.errors else 0.0
        return self.errors / self.words

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            substitutions=self.substitutions + other.substitutions,
            deletions=self.deletions + other.deletions,
            insertions=self.insertions + other.insertions,
            words=self.words + other.words,
        )

    @classmethod
    def total(cls, counts: Iterable["WordErrors"]) -> "WordErrors":
        return sum(counts, cls())


def word_errors(reference: str, hypothesis: str) -> WordErrors:
    """Errors of one sentence, both sides in spoken form (see `roboego.metrics.spoken_form`)."""
    return count(align(spoken_words(reference), spoken_words(hypothesis)))


def count(alignment: Iterable[Step]) -> WordErrors:
    kinds = Counter(step.kind for step in alignment)
    return WordErrors(
        substitutions=kinds["substitution"],
        deletions=kinds["deletion"],
        insertions=kinds["insertion"],
        words=kinds["match"] + kinds["substitution"] + kinds["deletion"],
    )


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[Step, ...]:
    """The alignment with the fewest errors (Levenshtein distance) and, of several such, one with the most matching words."""
    error = len(reference) + len(hypothesis) + 1  # outweighs all matches together
    rows = _costs(reference, hypothesis, error)
    steps: list[Step] = []
    i, j = len(reference), len(hypothesis)
    while i or j:
        if i and j and rows[i][j] == rows[i - 1][j - 1] + _pair_cost(reference[i - 1], hypothesis[j - 1], error):
            i, j = i - 1, j - 1
            kind: Kind = "match" if reference[i] == hypothesis[j] else "substitution"
            steps.append(Step(kind=kind, reference=reference[i], hypothesis=hypothesis[j]))
        elif i and rows[i][j] == rows[i - 1][j] + error:
            i -= 1
            steps.append(Step(kind="deletion", reference=reference[i], hypothesis=None))
        else:
            j -= 1
            steps.append(Step(kind="insertion", reference=None, hypothesis=hypothesis[j]))
    return tuple(reversed(steps))


def listing(alignment: Sequence[Step]) -> str:
    """Two lines, one word under the other, errors in capitals and gaps as asterisks:

    ```
    put the RED   cube **** here
    put the GREEN cube OVER here
    ```
    """
    columns = []
    for step in alignment:
        above, below = step.reference or "", step.hypothesis or ""
        width = max(len(above), len(below))
        if step.kind != "match":
            above, below = above.upper() or "*" * width, below.upper() or "*" * width
        columns.append((above.ljust(width), below.ljust(width)))
    return "\n".join(" ".join(column[side] for column in columns).rstrip() for side in (0, 1))


def rate_interval(sentences: Sequence[WordErrors], *, confidence: float = 0.95, resamples: int = 2_000, seed: int = 0) -> Interval:
    """Bootstrap interval of the word error rate over sentences: were other sentences drawn, how far would the rate move?

    Raises:
        InputError: no sentence, or one whose reference has no words.
    """
    errors, words = [float(s.errors) for s in sentences], [float(s.words) for s in sentences]
    return bootstrap_ratio(errors, words, confidence=confidence, resamples=resamples, seed=seed)


def _costs(reference: Sequence[str], hypothesis: Sequence[str], error: int) -> list[list[int]]:
    """[N + 1][M + 1]: lowest cost of aligning the first i reference with the first j hypothesis words."""
    rows = [[error * j for j in range(len(hypothesis) + 1)]]
    for i, expected in enumerate(reference, start=1):
        above, row = rows[-1], [error * i]
        for j, got in enumerate(hypothesis, start=1):
            row.append(min(above[j - 1] + _pair_cost(expected, got, error), above[j] + error, row[j - 1] + error))
        rows.append(row)
    return rows


def _pair_cost(reference: str, hypothesis: str, error: int) -> int:
    return -1 if reference == hypothesis else error


def error_rate(counts: Sequence[WordErrors]) -> dict[str, Any]:
    """Word error rate of several sentences with its 95% interval, for JSON."""
    total, interval = WordErrors.total(counts), rate_interval(counts)
    return {"wer": total.rate, "interval": [interval.low, interval.high], "sentences": len(counts), "words": total.words}


def points_between(before: Sequence[WordErrors], after: Sequence[WordErrors]) -> dict[str, Any]:
    """Points of word error rate that were gained from one to the other, sentence by sentence, with their 95% interval, for JSON."""
    more, words = [float(b.errors - a.errors) for a, b in zip(before, after, strict=True)], [float(a.words) for a in before]
    interval = bootstrap_ratio(more, words)
    return {"points": 100 * sum(more) / sum(words), "points_interval": [100 * interval.low, 100 * interval.high]}
