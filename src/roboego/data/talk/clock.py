"""Times of day and lengths of time, in words."""

from roboego.data.talk.answer import Answer
from roboego.streams.alphabet import number_words

HOURS, MINUTES = 24, 60


def by_the_clock(hour: int, minute: int) -> str:
    """A time as people tell it: "three o'clock", "quarter past three", "ten to four"; "three twelve" where it is no multiple of five.

    Args:
        hour: 0 to 23. minute: 0 to 59.
    """
    if minute % 5 or not minute:
        return by_numbers(hour, minute)
    if minute == 30:
        return f"half past {_hour(hour)}"
    far = minute if minute < 30 else MINUTES - minute
    return f"{'quarter' if far == 15 else number_words(far)} {'past' if minute < 30 else 'to'} {_hour(hour + (minute > 30))}"


def by_numbers(hour: int, minute: int) -> str:
    """A time by its numbers: "three ten", "three oh five", "three o'clock"."""
    if not minute:
        return f"{_hour(hour)} o'clock"
    return f"{_hour(hour)} {'oh ' if minute < 10 else ''}{number_words(minute)}"


def told_rightly(hour: int, minute: int) -> Answer:
    """What must be said of a time, in any of the ways in which people say it."""
    full = f"{number_words(hour)} {number_words(minute)}"
    ways = {by_the_clock(hour, minute), by_numbers(hour, minute), by_numbers(hour, minute).replace(" oh ", " zero ")}
    ways |= {full} if minute >= 10 else set()
    if minute in (15, 45):
        ways.add(by_the_clock(hour, minute).replace("quarter", "fifteen"))
    longer = [f"{way} {number_words(n)}" for way in sorted(ways) for n in range(1, 10) if minute >= 20 and not minute % 10]
    nearer = [f"twenty {by_the_clock(hour, minute)}"] if minute in (5, 55) else []
    return Answer(all_of=(tuple(sorted(ways)),), none_of=(*longer, *nearer))


def length(minutes: int = 0, seconds: int = 0) -> str:
    """A length of time: "one minute", "five minutes and thirty seconds"."""
    parts = [f"{number_words(n)} {unit}{'s' if n != 1 else ''}" for n, unit in ((minutes, "minute"), (seconds, "second")) if n]
    return " and ".join(parts)


def _hour(hour: int) -> str:
    """An hour by a clock of twelve."""
    return number_words((hour - 1) % 12 + 1)
