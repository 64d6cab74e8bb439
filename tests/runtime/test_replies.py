"""Following replies: when they begin and end, what of them is audible, and how tokens read."""

from hypothesis import given
from hypothesis import strategies as st

from roboego.runtime.frame import CallWritten, Cut, Event, ReplySpoken, ReplyStarted, ReplyTextDone
from roboego.runtime.replies import KEPT_REPLIES, ReplyTracker
from roboego.streams.layout import TextLayout
from tiny import tiny_tokenizer

LAYOUT = TextLayout(ids=60)
WAIT, CUT, CALL = LAYOUT.wait, 1, LAYOUT.call


def follow(steps: list[tuple[int, int]], *, speaks: bool = True, delay: int = 0) -> tuple[ReplyTracker, list[tuple[int, Event]]]:
    tracker = ReplyTracker(LAYOUT, None, speaks=speaks, delay=delay)
    events: list[tuple[int, Event]] = []
    for frame, (token, spoken) in enumerate(steps):
        events += [(frame, event) for event in tracker.follow(frame, token, spoken)[1]]
    return tracker, events


def test_a_reply_from_its_first_token_to_its_last_sound() -> None:
    steps = [(WAIT, 0), (40, 0), (41, 0), (42, 1), (WAIT, 1), (WAIT, 2), (WAIT, 3), (WAIT, 3)]
    tracker, events = follow(steps)
    assert events == [(1, ReplyStarted(0)), (4, ReplyTextDone(0, 3)), (6, ReplySpoken(0))]
    (reply,) = tracker.replies
    assert (reply.start, reply.tokens, reply.spoken_frames, reply.done, reply.cut) == (1, [40, 41, 42], [3, 5, 6], 6, None)
    assert tracker.is_idle


def test_a_cut_after_the_text_had_ended() -> None:
    tracker, events = follow([(40, 0), (41, 1), (WAIT, 1), (CUT, 1), (WAIT, 1)])
    assert events[-1] == (3, Cut(0, 1))
    assert tracker.is_idle


def test_a_cut_when_all_was_said_or_nothing_was_begun_is_none() -> None:
    assert follow([(CUT, 0), (WAIT, 0)])[1] == []
    assert follow([(40, 1), (WAIT, 1), (CUT, 1)])[1] == [(0, ReplyStarted(0)), (1, ReplyTextDone(0, 1)), (1, ReplySpoken(0))]


def test_a_reply_that_overtakes_another_cuts_it() -> None:
    tracker, events = follow([(40, 0), (41, 1), (WAIT, 1), (50, 0), (WAIT, 1)])
    assert events[2:] == [(3, Cut(0, 1)), (3, ReplyStarted(1)), (4, ReplyTextDone(1, 1)), (4, ReplySpoken(1))]
    assert [reply.cut for reply in tracker.replies] == [3, None]


def test_a_cut_right_after_a_token_ends_text_and_reply() -> None:
    assert follow([(40, 0), (41, 0), (CUT, 0)])[1] == [(0, ReplyStarted(0)), (2, ReplyTextDone(0, 2)), (2, Cut(0, 0))]


@given(st.lists(st.tuples(st.sampled_from([WAIT, WAIT, CUT, 40, 41, 42]), st.integers(0, 2)), max_size=60), st.integers(0, 3))
def test_whatever_comes_the_account_is_consistent(given_steps: list[tuple[int, int]], delay: int) -> None:
    """`spoken` as the model counts it: never falling within a reply, never more than is written."""
    steps, count, written, last = [], 0, 0, WAIT
    for token, more in given_steps:
        if token >= LAYOUT.first_word and last < LAYOUT.first_word:
            count = written = 0
        written += token >= LAYOUT.first_word
        count = min(count + more, written)
        last = token
        steps.append((token, count))
    tracker, events = follow(steps, delay=delay)
    started = [event.reply for _, event in events if isinstance(event, ReplyStarted)]
    assert started == list(range(len(tracker.replies)))
    for reply in tracker.replies:
        own = [event for _, event in events if getattr(event, "reply", None) == reply.index]
        kinds = [type(event) for event in own]
        assert kinds.count(ReplyTextDone) == (reply.text_done is not None)
        assert kinds.count(ReplySpoken) + kinds.count(Cut) == reply.is_over
        assert reply.spoken <= len(reply.tokens)
        assert reply.spoken_frames == sorted(reply.spoken_frames)
        assert all(spoken >= written for spoken, written in zip(reply.spoken_frames, reply.token_frames, strict=False))
    assert [t for reply in tracker.replies for t in reply.tokens] == [t for t, _ in steps if t >= LAYOUT.first_word]


def test_old_replies_are_forgotten() -> None:
    tracker, _ = follow([(40, 1), (WAIT, 1)] * (KEPT_REPLIES + 5))
    assert len(tracker.replies) == KEPT_REPLIES
    assert tracker.replies[0].index == 5


def test_tokens_read_on_from_each_other() -> None:
    tokenizer = tiny_tokenizer()
    text = "the red cup, please put the ball into the bowl."
    tracker = ReplyTracker(TextLayout(ids=100, first_word=len(tokenizer.specials)), tokenizer, speaks=True)
    assert "".join(tracker.follow(t, token, 0)[0] for t, token in enumerate(tokenizer.encode(text))).strip() == text
    # An id that the tokenizer does not have reads as nothing.
    assert tracker.follow(99, 99_999, 0)[0] == ""


def test_characters_of_several_tokens_are_shown_with_the_last() -> None:
    class Bytes:
        """A tokenizer of bytes, as foreign models have for rare characters."""

        def encode(self, text: str) -> list[int]:
            return [40 + byte for byte in text.encode()]

        def decode(self, ids: list[int]) -> str:
            return bytes(i - 40 for i in ids).decode(errors="replace")

    text, tokenizer = "aé漢 b🙂c", Bytes()
    tracker = ReplyTracker(TextLayout(ids=300), tokenizer, speaks=True)
    pieces = [tracker.follow(t, token, 0)[0] for t, token in enumerate(tokenizer.encode(text))]
    assert "".join(pieces) == text
    assert pieces[:6] == ["a", "", "é", "", "", "漢"]


def test_a_call_is_no_part_of_the_reply() -> None:
    tracker, events = follow(
        [(40, 0), (41, 1), (CALL, 1), (50, 1), (51, 2), (WAIT, 2), (CALL, 2), (WAIT, 2), (CALL, 2), (52, 2), (CALL, 2)]
    )
    assert [(t, event) for t, event in events if isinstance(event, CallWritten)] == [(5, CallWritten(0, "")), (10, CallWritten(1, ""))]
    assert [reply.tokens for reply in tracker.replies] == [[40, 41]]
    assert tracker.replies[0].spoken_frames == [1, 4]
    assert (tracker.replies[0].text_done, tracker.replies[0].done, tracker.replies[0].cut) == (2, 4, None)
