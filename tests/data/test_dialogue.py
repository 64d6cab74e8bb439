"""From sentences to grids: exercises, dialogues, shards of both."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.files import rounded, save_codec
from roboego.data.acoustics.condition import Condition
from roboego.data.build import GridJob, make_grids, organizer
from roboego.data.build_dialogues import DialogueJob, make_dialogues
from roboego.data.dialogue import _answer, dialogue, silence, unbroken, with_pause
from roboego.data.exercises import reply_to_say, saying, token_ends, transcribing
from roboego.data.manners import CALM, LIVELY, Manners
from roboego.data.shards import ShardReader
from roboego.data.speech_bank import BankJob, SpeechBank, make_shard
from roboego.data.talk.answer import Answer, Exchange, Manner, Turn
from roboego.data.talk.asides import open_ends
from roboego.data.talk.declared import TIME, TIMER
from roboego.data.talk.intents.functions import NOT_DONE
from roboego.data.talk.sampling import sample_calling, sample_exchange, sample_sentence
from roboego.data.voices.base import Spoken, TimedWord
from roboego.data.voices.neural import HibariVoice
from roboego.data.workers import make_all
from roboego.data.workshop import Workshop
from roboego.errors import InputError
from roboego.recipes import nano
from roboego.streams.alphabet import words
from roboego.streams.conversation import Conversation
from roboego.streams.layout import StreamLayout
from roboego.streams.tokenizer import Tokenizer
from roboego.timebase import FRAME_RATE, frames_to_seconds, seconds_to_frames
from tests.data.small import SMALL_CODEC


@cache
def shop() -> Workshop:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    tokenizer = Tokenizer.train((sample_sentence(rng, "train") for _ in range(300)), vocab_size=300)
    return Workshop.of(rounded(EmbeddedCodec(SMALL_CODEC)), tokenizer)


@cache
def voice() -> HibariVoice:
    return HibariVoice()


@cache
def layout() -> StreamLayout:
    return replace(nano.layout_for(SMALL_CODEC), text=replace(nano.text_layout(), ids=len(shop().tokenizer)))


def say(text: str) -> Spoken:
    return voice().say(text, np.random.default_rng(0))


def written(grid_text: np.ndarray) -> str:
    return shop().tokenizer.decode([int(i) for i in grid_text if i >= nano.text_layout().first_word])


def test_a_sentence_to_say_is_forced_text_with_speech_after_it() -> None:
    spoken = say("the red cube is on the left.")
    grid = organizer(layout(), shop()).arrange(saying(spoken, shop(), np.random.default_rng(0)))
    assert written(grid.text) == spoken.text
    assert grid.read[0] == nano.text_layout().tts
    assert grid.spoken.max() == len(shop().tokenizer.encode(spoken.text))
    assert (grid.text_weight[grid.text >= nano.text_layout().first_word] == 0).all()
    speaking = np.flatnonzero((grid.speak != shop().silence).any(1))
    first_text = np.flatnonzero(grid.text)[0]
    assert speaking[0] - first_text - layout().spk_delay in (0, 1)


def test_a_sentence_heard_is_written_after_each_word() -> None:
    spoken = say("my name is anna.")
    grid = organizer(layout(), shop()).arrange(transcribing(spoken, shop(), Condition(), np.random.default_rng(0)))
    assert written(grid.text).split() == words(spoken.text)
    assert grid.read[0] == nano.text_layout().asr
    assert (grid.speak == shop().silence).all()


def test_slower_answers_last_longer_and_louder_ones_are_louder() -> None:
    def codes_and_level(manner: Manner) -> tuple[int, float]:
        turn = replace(sample_exchange(np.random.default_rng(0), "train").turns[0], ego="the red cube is on the left.", manner=manner)
        spoken = _answer(turn, voice(), np.random.default_rng(0))
        return len(spoken.pcm), float(np.abs(spoken.pcm).max())

    (length, level), (slow, _), (_, loud) = (codes_and_level(m) for m in ("plain", "slower", "louder"))
    assert slow > 1.25 * length
    assert loud > 1.5 * level


def test_tokens_become_audible_in_order_and_the_last_with_the_last_sound() -> None:
    spoken = say("yes, i can see it.")
    tokens = np.asarray(shop().tokenizer.encode(spoken.text), np.int32)
    ends = token_ends(tokens, spoken.words, len(spoken.pcm), shop().tokenizer)
    assert (np.diff(ends) >= 0).all()
    assert ends[-1] == pytest.approx(spoken.duration_s)
    with pytest.raises(ValueError, match="words have"):
        token_ends(tokens, spoken.words[1:], len(spoken.pcm), shop().tokenizer)


def talk(exchange: Exchange, seed: int, manners: Manners, spk_delay: int | None = None, asides: Sequence[str] = ()) -> Conversation:
    delay, rng = layout().spk_delay if spk_delay is None else spk_delay, np.random.default_rng(seed)
    return dialogue(exchange, voice(), voice(), shop(), rng, spk_delay=delay, condition=Condition(), manners=manners, asides=asides)


def heard_in(made: Conversation) -> list[str]:
    return " ".join(shop().tokenizer.decode([int(i) for i in c.tokens]) for c in made.captions).split()


def test_dialogues_alternate_and_ego_answers_after_the_user() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=3)
    made = talk(exchange, 1, CALM)
    grid = organizer(layout(), shop()).arrange(made)
    assert written(grid.text) == " ".join(t.ego for t in exchange.turns)
    assert heard_in(made) == [w for t in exchange.turns for w in words(t.user)]
    for reply, last_word in zip(made.replies, np.cumsum([len(words(t.user)) for t in exchange.turns]), strict=True):
        assert reply.start_s is not None
        assert 0.0 <= reply.start_s - made.captions[last_word - 1].end_s < 0.5


def test_an_interrupted_reply_is_cut() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=4)
    rude = replace(CALM, interruption=1.0)
    cut = []
    for seed in range(4):
        made = talk(exchange, seed, rude)
        cut += [r for r in made.replies if r.cut_s is not None]
        grid = organizer(layout(), shop()).arrange(made)
        assert (grid.text == nano.text_layout().cut).sum() == sum(r.cut_s is not None for r in made.replies)
    assert cut


@pytest.mark.parametrize(("late", "least_s", "most_s"), [(0.0, 0.3, 0.5), (1.0, 1.2, 1.4)])
def test_ego_may_have_to_hear_more_before_it_yields(late: float, least_s: float, most_s: float) -> None:
    exchange, rng = sample_exchange(np.random.default_rng(4), "train", turns=2), np.random.default_rng(0)
    manners = replace(CALM, interruption=1.0, yield_s=(0.3, 0.4), late=late, late_s=(1.2, 1.3))
    made = dialogue(exchange, Tone(3.0), Tone(6.0), shop(), rng, spk_delay=0, condition=Condition(), manners=manners)
    cut_s, begins = made.replies[0].cut_s, len(words(exchange.turns[0].user))
    assert cut_s is not None
    first_word_s = 3.0 / len(words(exchange.turns[1].user))
    assert least_s <= cut_s - (made.captions[begins].end_s - first_word_s) <= most_s


class Tone:
    """A voice whose sentences all last equally long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def say(self, text: str, rng: np.random.Generator, *, speed: float = 1.0) -> Spoken:
        pcm, said = 0.1 * rng.standard_normal(round(self.seconds * 24_000), dtype=np.float32), words(text)
        ends = np.linspace(0, len(pcm), len(said) + 1).astype(int).tolist()
        timed = tuple(TimedWord(text=w, start=start, end=end) for w, (start, end) in zip(said, pairwise(ends), strict=True))
        return Spoken(text=text, voice="tone", pcm=pcm, words=timed, phones=())


def test_who_barges_in_as_ego_ends_is_answered_when_its_voice_is_over() -> None:
    at_once = replace(CALM, interruption=1.0, reaction_frames=(1.0,), yield_s=(1.0, 1.5))
    exchange, uncut = sample_exchange(np.random.default_rng(4), "train", turns=4), 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        made = dialogue(exchange, Tone(0.6), Tone(2.0), shop(), rng, spk_delay=0, condition=Condition(), manners=at_once)
        for reply, answer in pairwise(made.replies):
            if reply.cut_s is None:
                assert reply.start_s is not None
                assert answer.start_s is not None
                assert round(reply.start_s * FRAME_RATE) + len(reply.codes) <= round(answer.start_s * FRAME_RATE)
                uncut += 1
    assert uncut


def test_ego_goes_on_through_backchannels() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=4)
    made = talk(exchange, 2, replace(CALM, backchannel=1.0))
    assert all(r.cut_s is None for r in made.replies)
    assert len(made.replies) == 4
    assert len(heard_in(made)) > sum(len(words(t.user)) for t in exchange.turns)


def test_words_to_somebody_else_and_sentences_that_trail_off_are_heard_and_not_answered() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=2)
    made = talk(exchange, 2, replace(CALM, aside=1.0, trailing=1.0), asides=["hey tom, come here."])
    assert len(made.replies) == 2
    heard = heard_in(made)
    assert heard[:4] == ["hey", "tom", "come", "here"]
    begun = heard[4 : heard.index("hey", 4)]
    assert begun[-len(words(exchange.turns[0].user)) :] == words(exchange.turns[0].user)
    assert open_ends(exchange.turns[0].user) == () or len(begun) > len(words(exchange.turns[0].user))


def test_ego_offers_help_once_after_a_long_silence() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=1)
    left = talk(exchange, 1, replace(CALM, left=1.0, unbroken_s=(20.0, 30.0)))
    answer, offered = left.replies
    assert answer.start_s is not None
    assert offered.start_s is not None
    assert 15.0 < offered.start_s - answer.start_s - answer.token_ends_s[-1] < 16.5
    assert frames_to_seconds(len(left.heard)) - offered.start_s - offered.token_ends_s[-1] > 20.0


def test_ego_offers_help_between_two_turns() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=2)
    assert len(talk(exchange, 1, replace(CALM, offer=1.0)).replies) == 3
    assert len(talk(exchange, 1, CALM).replies) == 2


def test_a_silence_that_goes_on_is_broken_once() -> None:
    def made(seed: int) -> Conversation:
        return unbroken(HibariVoice(), HibariVoice(), shop(), np.random.default_rng(seed), spk_delay=2, condition=Condition())

    for seed in range(3):
        conversation = made(seed)
        (offered,) = conversation.replies
        assert offered.start_s is not None
        assert 15.0 <= offered.start_s <= 16.1
        assert 4.0 <= frames_to_seconds(len(conversation.heard)) - 16.0 - offered.token_ends_s[-1] <= 41.0
        assert conversation.captions == ()
    assert len(made(0).heard) != len(made(1).heard)


def test_a_stop_comes_while_ego_speaks() -> None:
    exchange = sample_exchange(np.random.default_rng(1), "train", turns=2, intent="stop")
    counting = replace(exchange, turns=(replace(exchange.turns[0], ego="one, two, three, four, five, six, seven."), exchange.turns[1]))
    first, second = talk(counting, 1, CALM).replies
    assert first.cut_s is not None
    assert second.start_s is not None
    assert first.cut_s < second.start_s


def test_the_user_waits_for_speech_that_follows_its_text_later() -> None:
    exchange = sample_exchange(np.random.default_rng(4), "train", turns=3)
    soon, late = (talk(exchange, 1, CALM, delay) for delay in (2, 7))
    for i, (a, b) in enumerate(zip(soon.replies, late.replies, strict=True)):
        assert a.start_s is not None
        assert b.start_s is not None
        assert b.start_s - a.start_s == pytest.approx(frames_to_seconds(5 * i))


def called(intent: str, seed: int) -> Exchange:
    """An exchange in which Ego calls one of our own functions, and succeeds."""
    rng = np.random.default_rng(seed)
    while True:
        found = sample_exchange(rng, "train", turns=1, intent=intent, functions=(TIME, TIMER))
        if found.turns[0].answer != NOT_DONE:
            return replace(found, turns=found.turns[:1])


def frames_of(made: Conversation) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The first frame of each reading and each reply, and the one after its last token."""
    replies = [(seconds_to_frames(r.start_s or 0.0), len(r.tokens)) for r in made.replies]
    readings = [(seconds_to_frames(r.start_s), len(r.tokens)) for r in made.readings]
    return [(start, start + count) for start, count in readings], [(start, start + count) for start, count in replies]


@pytest.mark.parametrize("result_s", [(0.1, 0.5), (2.5, 3.0)])
def test_a_result_is_told_when_it_has_been_read(result_s: tuple[float, float]) -> None:
    for seed in range(4):
        exchange = called("time", seed)
        (turn,) = exchange.turns
        assert turn.call is not None
        made = talk(exchange, seed, replace(CALM, result_s=result_s))
        grid = organizer(layout(), shop()).arrange(made)
        assert organizer(layout(), shop()).read(grid).calls[0].tokens.tolist() == made.calls[0].tokens.tolist()
        (_, announced), (result, read) = frames_of(made)[0]
        waits, (told, _) = frames_of(made)[1][:-1], frames_of(made)[1][-1]
        (call,), asked = [seconds_to_frames(c.start_s) for c in made.calls], made.captions[-1].end_s
        assert announced <= seconds_to_frames(made.captions[0].start_s or 0.0)
        assert 0.0 <= frames_to_seconds(call) - asked < 0.5
        assert call + len(made.calls[0].tokens) + 2 <= result < read <= told
        assert shop().tokenizer.decode(made.readings[1].tokens) == turn.call.result
        # Ego says that it waits where the result is late, and only then.
        late = result_s[0] > 1.0
        assert [shop().tokenizer.decode(r.tokens) for r in made.replies] == [*([turn.call.moment] if late else []), turn.ego]
        assert late or told - read <= 3
        assert len(waits) == late


def test_a_timer_is_confirmed_before_its_result_comes_and_told_when_it_ends() -> None:
    exchange = called("timer", 0)
    ended = Turn(intent="timer_ends", user="", ego="your time is over.", answer=Answer(all_of=()), read="the timer has ended.")
    made = talk(replace(exchange, turns=(*exchange.turns, ended)), 3, replace(CALM, result_s=(2.5, 3.0)))
    readings, replies = frames_of(made)
    assert len(readings) == 3
    assert [shop().tokenizer.decode(r.tokens) for r in made.replies] == [exchange.turns[0].ego, "your time is over."]
    assert replies[0][0] < readings[1][0]
    assert readings[1][1] <= readings[2][0]
    assert 0 <= replies[1][0] - readings[2][1] <= 3
    assert made.captions[-1].end_s < made.calls[0].start_s


def test_a_timer_that_did_not_start_is_taken_back() -> None:
    exchange = called("timer", 0)
    assert exchange.turns[0].call is not None
    failing = replace(exchange.turns[0].call, result="error", after="sorry, that did not work.")
    made = talk(replace(exchange, turns=(replace(exchange.turns[0], call=failing),)), 3, CALM)
    organizer(layout(), shop()).arrange(made)
    readings, replies = frames_of(made)
    assert shop().tokenizer.decode(made.replies[1].tokens) == failing.after
    assert replies[1][0] >= max(readings[1][1], replies[0][0] + layout().spk_delay + len(made.replies[0].codes))


def test_ego_answers_nothing_before_it_has_read_what_it_may_call() -> None:
    exchange = replace(sample_exchange(np.random.default_rng(4), "train", turns=2), functions=(TIME, TIMER))
    made = talk(exchange, 1, replace(CALM, hasty=1.0, lead_s=(0.3, 0.3)))
    assert seconds_to_frames(made.captions[0].end_s) < frames_of(made)[0][0][1] <= frames_of(made)[1][0][0]
    reminded = talk(exchange, 1, replace(CALM, reminded=1.0))
    assert len(reminded.readings) == 2
    assert (reminded.readings[0].tokens == reminded.readings[1].tokens).all()
    assert len(reminded.replies) == 2


def test_calls_fit_whatever_happens_around_them() -> None:
    for seed in range(5):
        exchange = sample_calling(np.random.default_rng(seed), "train")
        for manners in (Manners(), replace(LIVELY, interruption=1.0, hasty=1.0, reminded=1.0)):
            made = talk(exchange, seed, manners)
            grid = organizer(layout(), shop()).arrange(made)
            assert (grid.text == nano.text_layout().call).sum() == len(made.calls) == sum(t.call is not None for t in exchange.turns)
            assert len(made.readings) >= 1 + len(made.calls) + sum(bool(t.read) for t in exchange.turns)


def test_silence_is_silent() -> None:
    grid = organizer(layout(), shop()).arrange(silence(3.0, shop(), np.random.default_rng(0), condition=Condition()))
    assert len(grid) == 38
    assert (grid.text == 0).all()
    assert (grid.speak == shop().silence).all()
    assert (grid.text_weight == 1).all()


def test_a_pause_comes_where_the_sentence_cannot_be_over_and_moves_what_follows() -> None:
    spoken = say("put the red cube on the box.")
    assert open_ends(spoken.text) == (2, 6)
    paused = with_pause(spoken, 4_800, np.random.default_rng(0))
    assert len(paused.pcm) == len(spoken.pcm) + 4_800
    assert paused.words[-1].end == spoken.words[-1].end + 4_800
    moved = [a.start != b.start for a, b in zip(spoken.words, paused.words, strict=True)]
    assert moved.index(True) in (2, 6)
    short = Spoken(text="yes", voice="x", pcm=np.zeros(10, np.float32), words=(TimedWord(text="yes", start=0, end=10),))
    assert with_pause(short, 100, np.random.default_rng(0)) is short


def test_replies_need_word_times() -> None:
    with pytest.raises(ValueError, match="words have 0 times"):
        reply_to_say(replace(say("hello there."), words=()), shop(), start_s=0.0)


def test_a_reply_that_begins_within_a_frame_is_heard_later_by_so_much() -> None:
    spoken = say("hello there.")
    at_once, late = (reply_to_say(spoken, shop(), start_s=0.0, late=samples) for samples in (0, 960))
    assert np.allclose(late.token_ends_s - at_once.token_ends_s, 0.04)
    assert len(late.codes) - len(at_once.codes) in (0, 1)
    assert (late.codes[: len(at_once.codes)] != at_once.codes).any()


def _source(rng: np.random.Generator) -> str:
    return sample_sentence(rng, "train")


def test_banks_and_shards_resume_and_repeat(tmp_path: Path) -> None:
    jobs = [BankJob(folder=tmp_path / "speech", name="user-heart", voice="heart", source=_source, shard=i, sentences=3) for i in range(2)]
    make_all(jobs, make_shard, workers=1)
    bank = SpeechBank(tmp_path / "speech", ("user-heart",))
    assert len(bank) == 6
    assert bank[0].words
    before = (tmp_path / "speech" / "user-heart-00001.pcm").read_bytes()
    (tmp_path / "speech" / "user-heart-00001.jsonl").unlink()
    make_all(jobs, make_shard, workers=1)
    assert (tmp_path / "speech" / "user-heart-00001.pcm").read_bytes() == before
    with pytest.raises(InputError, match="roboego synth speech"):
        SpeechBank(tmp_path, ("nobody",))

    save_codec(shop().codec, tmp_path / "tools" / "codec")  # type: ignore[arg-type]
    shop().tokenizer.save(tmp_path / "tools" / "tokenizer.json")
    common = {"tools": tmp_path / "tools", "bank": tmp_path / "speech", "name": "user-heart", "first": 0, "count": 6, "layout": layout()}
    grids = [GridJob(out=tmp_path / f"{kind}.grids", kind=kind, change=0.5, **common) for kind in ("asr", "tts")]
    make_all(grids, make_grids, workers=1)
    reader = ShardReader(tmp_path, codec_fingerprint=shop().codec.fingerprint)
    assert len(reader) == 12
    assert {str(reader.metadata(i)["mode"]) for i in range(12)} == {"asr", "tts"}
    again = make_grids(replace(grids[1], out=tmp_path / "more" / "tts.grids"))
    assert again.read_bytes() == (tmp_path / "tts.grids").read_bytes()

    job = DialogueJob(
        out=tmp_path / "d" / "x.grids", tools=tmp_path / "tools", layout=layout(), voice="heart-changed", count=2, manners=CALM
    )
    talk = ShardReader([make_dialogues(replace(job, transcript=tmp_path / "d" / "y.grids", silences=0.3))])
    heard = ShardReader([tmp_path / "d" / "y.grids"])
    assert len(talk) == len(heard) == 2
    for i in range(2):
        assert (talk[i].listen == heard[i].listen).all()
        assert (heard[i].read[1:] == 0).all()
        said = str(talk.metadata(i).get("user", "")).replace(" | ", " ")
        assert written(heard[i].text).split() == words(said)
    stopping = ShardReader([make_dialogues(replace(job, out=tmp_path / "d" / "s.grids", stopping=1.0))])
    assert {stopping.metadata(i)["intent"] for i in range(2)} == {"stop"}
    calling = ShardReader([make_dialogues(replace(job, out=tmp_path / "d" / "z.grids", calling=1.0))])
    assert all((calling[i].read[1:] >= nano.text_layout().first_word).any() for i in range(2))
