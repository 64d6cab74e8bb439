"""Spoken dialogues: exchanges laid out on a clock, with pauses, silences, interruptions, asides and calls, from both sides' voices."""
# N samples, T frames

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from roboego.data.acoustics.condition import Condition, apply
from roboego.data.acoustics.voice_change import SpeakerChange, as_speaker
from roboego.data.calling import course, told_after
from roboego.data.exercises import EGO_GAIN, at_level, reply_to_say
from roboego.data.manners import Manners
from roboego.data.talk.answer import Calling, Exchange, Turn
from roboego.data.talk.asides import backchannel, offer, open_ends
from roboego.data.voices.base import PacedVoice, Sound, Spoken, TimedWord, Voice
from roboego.data.word_times import with_word_times
from roboego.data.workshop import Workshop
from roboego.streams.alphabet import words
from roboego.streams.calls import announcement
from roboego.streams.conversation import Call, Caption, Conversation, Reading, Reply
from roboego.streams.grid import Tokens
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds, samples_to_frames, samples_to_seconds, seconds_to_frames, seconds_to_samples

SHORTEST_S = 1.2
"""An answer shorter than this is over before anybody says something to it."""
SLOW, LOUD = 0.7, 1.7
"""Speed and gain of an answer that is to be slower or louder than Ego usually speaks."""


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A sentence of the user's at a sample of the common clock."""

    spoken: Spoken
    start: int

    @property
    def end(self) -> int:
        """The sample after its last word."""
        return self.start + (self.spoken.words[-1].end if self.spoken.words else len(self.spoken.pcm))


def dialogue(
    exchange: Exchange,
    user: Voice,
    ego: PacedVoice,
    shop: Workshop,
    rng: np.random.Generator,
    *,
    spk_delay: int,
    condition: Condition,
    change: SpeakerChange | None = None,
    manners: Manners | None = None,
    asides: Sequence[str] = (),
    babble: Sequence[Sound] = (),
) -> Conversation:
    """An exchange as it might go: the user's track through `condition`, Ego's replies in time.

    What Ego may call it reads first, and answers nothing before.

    Args:
        spk_delay: frames from a reply's text to its speech, as the layout has it: what the user hears is what the user reacts to.
        asides: what the user may say to somebody else between two turns; without any, nobody else is spoken to.
        babble: as in `roboego.data.acoustics.condition.apply`.
    """
    scene = _Scene(user=user, ego=ego, shop=shop, rng=rng, m=manners or Manners(), spk_delay=spk_delay, change=change)
    scene.clock = seconds_to_samples(rng.uniform(*scene.m.lead_s))
    told = announcement(exchange.functions)
    if told:
        scene.begins(told)
    for i, turn in enumerate(exchange.turns):
        follows = exchange.turns[i + 1] if i + 1 < len(exchange.turns) else None
        if turn.read:
            scene.prompted(turn, follows)
            continue
        if told and i:
            scene.reminder(told)
        scene.prelude(turn, asides)
        scene.exchange(turn, follows)
    frames = samples_to_frames(scene.last + seconds_to_samples(rng.uniform(*scene.m.tail_s)))
    samples = frames * FRAME_SAMPLES
    track = _mixed([(p.start, p.spoken.pcm) for p in scene.placed], samples)
    heard = apply(condition, at_level(track, rng), rng, echo_of=_mixed(scene.playback, samples), babble=babble)
    return Conversation(
        heard=shop.heard(heard),
        mode="duplex",
        replies=tuple(scene.replies),
        captions=_captions(scene.placed, shop),
        calls=tuple(scene.calls),
        readings=tuple(scene.readings),
    )


@dataclass(kw_only=True)
class _Scene:
    """A dialogue as it is laid out on the clock, in samples.

    Attributes:
        clock: when the user may say the next thing; `last` is when the last sound so far has ended.
        placed: what the user says; replies: what Ego does; playback: the sound of it.
        calls, readings: what Ego calls and reads; reads_from: the first frame in which nothing is to be read yet.
        answers_from: the first frame in which Ego has read what it may call.
        barges: the user's next sentence interrupts the reply that is going on, which has to be cut then.
    """

    user: Voice
    ego: PacedVoice
    shop: Workshop
    rng: np.random.Generator
    m: Manners
    spk_delay: int
    change: SpeakerChange | None
    clock: int = 0
    last: int = 0
    placed: list[_Placed] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    playback: list[tuple[int, Sound]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    reads_from: int = 1
    answers_from: int = 0
    barges: bool = False

    def says(self, text: str) -> _Placed:
        """The user says something now."""
        return self._place(_say(text, self.user, self.shop, self.change, self.rng), self.clock)

    def begins(self, told: str) -> None:
        """Ego reads what it may call; the user waits for that, or does not."""
        self.answers_from = self.reads(told, 1)
        if self.rng.random() >= self.m.hasty:
            self.clock = max(self.clock, self.answers_from * FRAME_SAMPLES + self._time(self.m.gap_s))

    def prelude(self, turn: Turn, asides: Sequence[str]) -> None:
        """What the user may say before a turn that is not for Ego to answer. Who barges in comes to the point."""
        if self.barges:
            return
        if asides and self.rng.random() < self.m.aside:
            self.clock = self.says(str(self.rng.choice(asides))).end + self._time(self.m.gap_s)
        ends = open_ends(turn.user)
        if ends and self.rng.random() < self.m.trailing:
            begun = " ".join(turn.user.split()[: int(self.rng.choice(ends))]).rstrip(".,?")
            self.clock = self.says(begun).end + self._time(self.m.trailing_s)

    def exchange(self, turn: Turn, follows: Turn | None) -> None:
        """The user's turn and Ego's answer, and what happens while Ego speaks."""
        spoken = _say(turn.user, self.user, self.shop, self.change, self.rng)
        if self.rng.random() < self.m.pause:
            spoken = with_pause(spoken, self._time(self.m.pause_s), self.rng)
        asked = self._place(spoken, self.clock)
        reaction = int(self.rng.choice(len(self.m.reaction_frames), p=self.m.reaction_frames))
        first = max(samples_to_frames(asked.end) + reaction, self.answers_from)
        if self.barges:
            first = max(first, self._yield_to(asked) + 1)
        answer = _answer(turn, self.ego, self.rng)
        if turn.call is not None:
            answer, speech = self._called(turn.call, answer, first)
        else:
            speech = self._reply(answer, first)
        self._meanwhile(answer, speech, follows)

    def prompted(self, turn: Turn, follows: Turn | None) -> None:
        """Ego reads something while nobody speaks, and replies to it."""
        read = self.reads(turn.read, samples_to_frames(self.clock))
        answer = _answer(turn, self.ego, self.rng)
        self._meanwhile(answer, self._reply(answer, read + told_after(self.m, self.rng)), follows)

    def reminder(self, told: str) -> None:
        """Now and then Ego reads once more what it may call. Who barges in does not wait for it."""
        if not self.barges and self.rng.random() < self.m.reminded:
            self.clock = max(self.clock, self.reads(told, samples_to_frames(self.clock)) * FRAME_SAMPLES)

    def reads(self, text: str, frame: int) -> int:
        """Something to read comes in that frame; returns the frame after the one in which its last token is read."""
        tokens, start = self._tokens(text), max(frame, self.reads_from)
        self.readings.append(Reading(start_s=frames_to_seconds(start), tokens=tokens))
        self.reads_from = start + len(tokens)
        self.last = max(self.last, self.reads_from * FRAME_SAMPLES)
        return self.reads_from

    def _called(self, call: Calling, answer: Spoken, first_frame: int) -> tuple[Spoken, int]:
        """Ego begins to write a call in that frame, and answers. Returns what it says last, and the sample at which that is heard."""
        tokens, result = self._tokens(call.text), self._tokens(call.result)
        went = course(first_frame, len(tokens), len(result), self.m, self.rng, reads_from=self.reads_from)
        self.calls.append(Call(start_s=frames_to_seconds(went.start), tokens=tokens))
        self.reads(call.result, went.arrives)
        if call.at_once:
            speech = self._reply(answer, went.free)
            if not call.after:
                return answer, speech
            answer = self.ego.say(call.after, self.rng)
        elif call.moment and went.moment is not None:
            self._reply(self.ego.say(call.moment, self.rng), went.moment)
        return answer, self._reply(answer, max(went.told, self._silent_from()))

    def _silent_from(self) -> int:
        """The first frame in which nothing is left to be heard, or written, of the last reply."""
        if not self.replies:
            return 0
        said = self.replies[-1]
        assert said.start_s is not None  # `_reply` gives it
        return seconds_to_frames(said.start_s) + max(len(said.tokens) + 1, self.spk_delay + len(said.codes))

    def _tokens(self, text: str) -> Tokens:
        return np.asarray(self.shop.tokenizer.encode(text), np.int32)

    def _meanwhile(self, answer: Spoken, speech: int, follows: Turn | None) -> None:
        """While Ego speaks: the user barges in, says "uh huh", or listens and goes on when Ego has ended."""
        long_enough = answer.duration_s > SHORTEST_S
        stops = follows is not None and follows.intent == "stop"
        speaks = follows is not None and not follows.read
        if speaks and long_enough and (stops or self.rng.random() < self.m.interruption):
            self.barges = True
            self.clock = speech + seconds_to_samples(self.rng.uniform(0.5, answer.duration_s - 0.4))
            return
        end = speech + len(answer.pcm)
        if long_enough and self.rng.random() < self.m.backchannel:
            self.clock = speech + seconds_to_samples(self.rng.uniform(0.4, answer.duration_s - 0.3))
            end = max(end, self.says(backchannel(self.rng)).end)
        if self.rng.random() < (self.m.offer if follows is not None else self.m.left):
            end = self._offers(end)
            if follows is None:
                self.last = end + self._time(self.m.unbroken_s)
        self.clock = end + self._time(self.m.lull_s if self.rng.random() < self.m.lull else self.m.gap_s)

    def _offers(self, end: int) -> int:
        """Ego breaks a long silence; returns when it has."""
        offered = self.ego.say(offer(self.rng), self.rng)
        return self._reply(offered, samples_to_frames(end + self._time(self.m.offer_s))) + len(offered.pcm)

    def _reply(self, answer: Spoken, first_frame: int) -> int:
        """Ego begins to write in that frame; returns the sample at which it is heard."""
        late = int(self.rng.integers(FRAME_SAMPLES))
        self.replies.append(reply_to_say(answer, self.shop, start_s=frames_to_seconds(first_frame), late=late))
        speech = (first_frame + self.spk_delay) * FRAME_SAMPLES + late
        self.playback.append((speech, answer.pcm * EGO_GAIN))
        self.last = max(self.last, speech + len(answer.pcm))
        return speech

    def _yield_to(self, turn: _Placed) -> int:
        """Ego falls silent soon after the user's turn has begun, unless it has ended by then. Returns the frame."""
        self.barges = False
        bounds = self.m.late_s if self.rng.random() < self.m.late else self.m.yield_s
        cut = min(turn.start + self._time(bounds), turn.end + seconds_to_samples(self.m.yield_end_s))
        start, pcm = self.playback[-1]
        frame = samples_to_frames(cut)
        if frame * FRAME_SAMPLES < start + len(pcm):
            self.replies[-1] = replace(self.replies[-1], cut_s=frames_to_seconds(frame))
            self.playback[-1] = start, pcm[: frame * FRAME_SAMPLES - start]
        else:  # it had just ended: what may still ring on is left off, as the answer may begin at once
            said = self.replies[-1]
            self.replies[-1] = replace(said, codes=said.codes[: frame - start // FRAME_SAMPLES])
        return frame

    def _place(self, spoken: Spoken, start: int) -> _Placed:
        self.placed.append(_Placed(spoken=spoken, start=start))
        self.last = max(self.last, self.placed[-1].end)
        return self.placed[-1]

    def _time(self, bounds: tuple[float, float]) -> int:
        return seconds_to_samples(self.rng.uniform(*bounds))


def unbroken(
    user: Voice,
    ego: PacedVoice,
    shop: Workshop,
    rng: np.random.Generator,
    *,
    spk_delay: int,
    condition: Condition,
    manners: Manners | None = None,
    babble: Sequence[Sound] = (),
) -> Conversation:
    """A silence that the user never breaks: Ego asks once whether help is needed, and keeps quiet from then on."""
    scene = _Scene(user=user, ego=ego, shop=shop, rng=rng, m=manners or Manners(), spk_delay=spk_delay, change=None)
    end = scene._offers(0)
    samples = samples_to_frames(end + scene._time(scene.m.unbroken_s)) * FRAME_SAMPLES
    heard = apply(condition, np.zeros(samples, np.float32), rng, echo_of=_mixed(scene.playback, samples), babble=babble)
    return Conversation(heard=shop.heard(heard), mode="duplex", replies=tuple(scene.replies))


def silence(
    seconds: float, shop: Workshop, rng: np.random.Generator, *, condition: Condition, babble: Sequence[Sound] = ()
) -> Conversation:
    """Nobody speaks; Ego keeps quiet. (Not for as long as it takes until it offers help.)"""
    samples = samples_to_frames(seconds_to_samples(seconds)) * FRAME_SAMPLES
    return Conversation(heard=shop.heard(apply(condition, np.zeros(samples, np.float32), rng, babble=babble)), mode="duplex")


def with_pause(spoken: Spoken, samples: int, rng: np.random.Generator) -> Spoken:
    """The sentence with a pause after one of its words that cannot be its last. Where it has none, it stays as it is."""
    ends = open_ends(spoken.text)
    if not ends or len(spoken.words) != len(words(spoken.text)):
        return spoken
    i = int(rng.choice(ends))
    at = (spoken.words[i - 1].end + spoken.words[i].start) // 2
    fade = np.linspace(1, 0, 240, dtype=np.float32)
    before, after = spoken.pcm[:at].copy(), spoken.pcm[at:].copy()
    before[-240:] *= fade[-len(before[-240:]) :]
    after[:240] *= fade[::-1][: len(after[:240])]
    moved = tuple(w if j < i else TimedWord(text=w.text, start=w.start + samples, end=w.end + samples) for j, w in enumerate(spoken.words))
    return replace(spoken, pcm=np.concatenate([before, np.zeros(samples, np.float32), after]), words=moved, phones=())


def _say(text: str, voice: Voice, shop: Workshop, change: SpeakerChange | None, rng: np.random.Generator) -> Spoken:
    spoken = with_word_times(voice.say(text, rng), shop.aligner)
    return as_speaker(spoken, change) if change is not None else spoken


def _answer(turn: Turn, ego: PacedVoice, rng: np.random.Generator) -> Spoken:
    spoken = ego.say(turn.ego, rng, speed=SLOW if turn.manner == "slower" else 1.0)
    return replace(spoken, pcm=spoken.pcm * LOUD) if turn.manner == "louder" else spoken


def _mixed(parts: list[tuple[int, Sound]], samples: int) -> Sound:
    track = np.zeros(samples, np.float32)
    for start, pcm in parts:
        piece = pcm[: max(samples - start, 0)]
        track[start : start + len(piece)] += piece
    return track


def _captions(placed: list[_Placed], shop: Workshop) -> tuple[Caption, ...]:
    found = []
    for p in placed:
        for w in p.spoken.words:
            tokens = np.asarray(shop.tokenizer.encode(" ".join(words(w.text))), np.int32)
            found.append(Caption(start_s=samples_to_seconds(p.start + w.start), end_s=samples_to_seconds(p.start + w.end), tokens=tokens))
    return tuple(sorted(found, key=lambda c: c.end_s))
