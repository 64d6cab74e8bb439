"""Draws exchanges and sentences that belong to the training, validation or test split. Equal seeds give equal texts."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Literal, TypeVar

from roboego.data.talk import asides
from roboego.data.talk.answer import Exchange, Turn
from roboego.data.talk.declared import declared
from roboego.data.talk.dressing import EXTRAS, dress
from roboego.data.talk.grammar import Rng, chance, pick
from roboego.data.talk.intents import ALL, BY_NAME, Context, Intent, Move
from roboego.data.talk.intents.functions import timer_end
from roboego.data.talk.lexicon import NAMES
from roboego.data.talk.phrases import phrase_words
from roboego.data.talk.world import ASKING, SCENERY, TELLING
from roboego.errors import InputError
from roboego.streams.alphabet import words
from roboego.streams.calls import Function

Split = Literal["train", "validation", "test"]
Side = Literal["user", "ego"]

MAX_WORDS = 14
EGO_MIN_WORDS = 3
MAX_TURNS = 5
_TURN_WEIGHTS = (3.0, 2.5, 2.0, 1.5, 1.0)
_TRIES, _ANEW = 10_000, 20
_TALK = 0.5  # how many of the loose sentences come from the Talk part; the others are about the table
_OPENERS = ("greeting", "how_are_you", "hear")
_CLOSERS = ("goodbye", "thanks")
_FOLLOWING = ("again", "slower", "louder", "stop")
_CALLING = ("time", "timer")
_CALLS = 0.75  # how many of the exchanges with functions end with what they are for
_TIMER_ENDS = 0.6  # how many of the timers that are set end before the exchange does
_NAMED_EGO = {"ego", "robot", "friend"}

T = TypeVar("T")


def split_of(sentence: str) -> Split:
    """The split that a sentence belongs to, by a hash of its words: 4% test, 2% validation. Punctuation does not count."""
    digest = blake2b(" ".join(words(sentence)).encode(), digest_size=8).digest()
    percent = int.from_bytes(digest, "big") % 100
    return "test" if percent < 4 else "validation" if percent < 6 else "train"


def intents() -> tuple[str, ...]:
    """Names of all intents."""
    return tuple(BY_NAME)


def sample_exchange(
    rng: Rng, split: Split, turns: int | None = None, *, intent: str | None = None, functions: Sequence[Function] = ()
) -> Exchange:
    """One conversation, all of whose user sentences belong to the split.

    In the training split Ego's sentences belong to it too, so that held-out sentences of Ego's are never trained on.

    Args:
        turns: how many times the user speaks, 1 to 5; by default mostly few. A timer that ends takes another turn, in which Ego alone does.
        intent: what the user wants last; by default anything.
        functions: what Ego may call. Without any it calls nothing.
    Raises:
        InputError: `turns` or `intent` is not possible.
    """
    if turns is not None and not 1 <= turns <= MAX_TURNS:
        raise InputError(f"an exchange has 1 to {MAX_TURNS} turns, not {turns}")
    if intent is not None and intent not in BY_NAME:
        raise InputError(f"no intent {intent!r}: choose one of {', '.join(BY_NAME)}")
    count = turns or pick(rng, range(1, MAX_TURNS + 1), _TURN_WEIGHTS)
    for _ in range(_ANEW):
        with suppress(_DeadEnd):
            return _exchange(rng, _plan(rng, count, intent), split, tuple(functions))
    raise RuntimeError(f"no exchange of this split in {_ANEW} tries: the grammar has too few forms")


def sample_calling(rng: Rng, split: Split) -> Exchange:
    """One in which functions are declared. Most end with what a function is for, whether that is declared or not."""
    intent = pick(rng, _CALLING) if chance(rng, _CALLS) else None
    return sample_exchange(rng, split, intent=intent, functions=declared(rng))


def _exchange(rng: Rng, plan: Sequence[str], split: Split, functions: tuple[Function, ...]) -> Exchange:
    context, done, ending = Context(functions=functions), list[Turn](), list[str]()
    for i, name in enumerate(plan):
        move = _move(rng, BY_NAME[name], context, split)
        done.append(Turn(intent=name, user=move.user, ego=move.ego, answer=move.answer, manner=move.manner, call=move.call))
        context = replace(context, name=move.name or context.name, kept=move.kept or context.kept)
        if not move.passing:
            context = replace(context, last=move.base or move.ego, last_answer=move.answer)
        if move.ends is not None and chance(rng, _TIMER_ENDS):
            ending.append(move.ends)
        if ending and chance(rng, 0.5 if i + 1 < len(plan) else 1.0):
            done.append(_timer_ends(rng, ending.pop(), split))
            context = replace(context, last=done[-1].ego, last_answer=done[-1].answer)
    return Exchange(intent=plan[-1], turns=tuple(done), functions=functions)


def _timer_ends(rng: Rng, told: str, split: Split) -> Turn:
    read, ego, answer = _until(lambda: timer_end(rng, told), lambda end: split != "train" or split_of(end[1]) == "train")
    return Turn(intent="timer_ends", user="", ego=ego, answer=answer, read=read)


def sample_sentence(rng: Rng, split: Split, side: Side = "user") -> str:
    """One sentence of the split, from the Talk part or about the table, as the user or Ego would say it."""

    def draw() -> str:
        if chance(rng, _TALK):
            move = _any_move(rng)
            return move.user if side == "user" else move.ego
        if side == "user":
            options, kind, _ = pick(rng, ASKING, [weight for _, _, weight in ASKING])
            return dress(rng, pick(rng, options).sample(rng, SCENERY), kind)
        told, _ = pick(rng, TELLING, [weight for _, weight in TELLING])
        return pick(rng, told).sample(rng, SCENERY)

    return _until(draw, lambda text: _fits(text) and split_of(text) == split)


def sample_aside(rng: Rng, split: Split) -> str:
    """What a user says to somebody else in the room, of the split: by name, and often what Ego could answer."""

    def draw() -> str:
        return asides.to_another(rng, sample_sentence(rng, split))

    return _until(draw, lambda text: not _NAMED_EGO & set(words(text)) and _fits(text) and split_of(text) == split)


@cache
def vocabulary() -> tuple[str, ...]:
    """All words that the grammar can utter, on both sides, sorted."""
    found = phrase_words()
    for intent in ALL:
        for pattern in (*intent.ask, *intent.reply):
            found |= pattern.words(intent.slots)
    for pattern in (*EXTRAS, *asides.EXTRAS):
        found |= pattern.words({"name": NAMES})
    for options in (*(group[0] for group in ASKING), *(group[0] for group in TELLING)):
        for pattern in options:
            found |= pattern.words(SCENERY)
    return tuple(sorted(found))


def _plan(rng: Rng, count: int, last: str | None) -> list[str]:
    """What the turns are about, in order."""
    last = last or _last(rng, count)
    plan: list[str] = []
    for i in range(count - 1):
        if i == 0 and chance(rng, 0.35):
            plan.append(pick(rng, _OPENERS))
            continue
        plan.append(_middle(rng, (*plan, last)))
    needs = BY_NAME[last].needs
    if needs and count > 1 and needs not in plan and chance(rng, 0.9):
        plan[int(rng.integers(0, count - 1))] = needs
    return [*plan, last]


def _last(rng: Rng, count: int) -> str:
    options = [i for i in ALL if not (count == 1 and (i.name in _FOLLOWING or i.needs) and chance(rng, 0.85))]
    weights = [
        i.weight * (0.1 if count > 1 and i.name in _OPENERS else 2.0 if count > 2 and (i.needs or i.name in _CLOSERS) else 1.0)
        for i in options
    ]
    return pick(rng, options, weights).name


def _middle(rng: Rng, around: tuple[str, ...]) -> str:
    """An intent between others: things are told once, and asked for mostly after they were told."""
    before = around[:-1]

    def weight(intent: Intent) -> float:
        if intent.name in (*_OPENERS, "goodbye"):
            return 0.0 if before else 0.2
        if intent.name in ("remember", "name_tell") and intent.name in around:
            return 0.0
        if intent.needs:
            return intent.weight * (1.5 if intent.needs in before and intent.name not in around else 0.03)
        if intent.name in _FOLLOWING:
            return intent.weight * (1.0 if before else 0.05)
        return intent.weight

    return pick(rng, ALL, [weight(i) for i in ALL]).name


def _move(rng: Rng, intent: Intent, context: Context, split: Split) -> Move:
    def belongs(move: Move) -> bool:
        if not (_fits(move.user) and _fits(move.ego, EGO_MIN_WORDS) and split_of(move.user) == split):
            return False
        said = [move.ego] if move.call is None else [move.ego, move.call.moment, move.call.after]
        return split != "train" or all(split_of(text) == "train" for text in said if text)

    return _until(lambda: intent.move(rng, context), belongs)


def _any_move(rng: Rng) -> Move:
    """A turn in a made-up context."""
    context = Context()
    if chance(rng, 0.8):
        told, kept, said = (
            BY_NAME[name].move(rng, context) for name in ("name_tell", "remember", pick(rng, ("sum", "repeat", "count", "days")))
        )
        context = Context(name=told.name, kept=kept.kept, last=said.ego, last_answer=said.answer)
    return pick(rng, ALL, [i.weight for i in ALL]).move(rng, context)


def _fits(text: str, fewest: int = 1) -> bool:
    return fewest <= len(words(text)) <= MAX_WORDS


def _until(draw: Callable[[], T], good: Callable[[T], bool]) -> T:
    for _ in range(_TRIES):
        found = draw()
        if good(found):
            return found
    raise _DeadEnd(f"no sentence of this split in {_TRIES} tries: the grammar has too few forms")


class _DeadEnd(RuntimeError):
    """Nothing of the split can be said here: where Ego is to say its last answer again, say, and all the ways to do so are held out."""
