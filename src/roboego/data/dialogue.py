"""Spoken dialogues: exchanges laid out on a clock, with pauses, silences and interruptions, from both sides' voices."""
# N samples, T frames

from dataclasses import dataclass, replace

import numpy as np

from roboego.data.acoustics.condition import Condition, apply
from roboego.data.acoustics.voice_change import SpeakerChange, as_speaker
from roboego.data.exercises import EGO_GAIN, at_level, reply_to_say
from roboego.data.manners import Manners
from roboego.data.talk.answer import Exchange, Turn
from roboego.data.voices.base import PacedVoice, Sound, Spoken, TimedWord, Voice
from roboego.data.word_times import with_word_times
from roboego.data.workshop import Workshop
from roboego.streams.alphabet import words
from roboego.streams.conversation import Caption, Conversation, Reply
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds, samples_to_frames, samples_to_seconds, seconds_to_samples

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
) -> Conversation:
    """An exchange as it might go: the user's track through `condition`, Ego's replies in time.

    Args:
        spk_delay: frames from a reply's text to its speech, as the layout has it: what the user hears is what the user reacts to.
    """
    m = manners or Manners()
    clock = seconds_to_samples(rng.uniform(*m.lead_s))
    placed: list[_Placed] = []
    replies: list[Reply] = []
    playback: list[tuple[int, Sound]] = []
    for i, turn in enumerate(exchange.turns):
        spoken = _say(turn.user, user, shop, change, rng)
        if rng.random() < m.pause:
            spoken = with_pause(spoken, seconds_to_samples(rng.uniform(*m.pause_s)), rng)
        user_turn = _Placed(spoken=spoken, start=clock)
        placed.append(user_turn)
        reaction = int(rng.choice(len(m.reaction_frames), p=m.reaction_frames))
        first_frame = samples_to_frames(user_turn.end) + reaction
        answer = _answer(turn, ego, rng)
        reply = reply_to_say(answer, shop, start_s=frames_to_seconds(first_frame))
        speech = (first_frame + spk_delay) * FRAME_SAMPLES
        end = speech + len(answer.pcm)
        if i + 1 < len(exchange.turns) and rng.random() < m.interruption and answer.duration_s > 1.2:
            clock = speech + seconds_to_samples(rng.uniform(0.5, answer.duration_s - 0.4))
            cut = clock + seconds_to_samples(rng.uniform(*m.yield_s))
            if cut < end:
                reply = replace(reply, cut_s=frames_to_seconds(samples_to_frames(cut)))
                answer = replace(answer, pcm=answer.pcm[: samples_to_frames(cut) * FRAME_SAMPLES - speech])
        else:
            gap = m.lull_s if rng.random() < m.lull else m.gap_s
            clock = end + seconds_to_samples(rng.uniform(*gap))
        replies.append(reply)
        playback.append((speech, answer.pcm * EGO_GAIN))
        last = max(end, user_turn.end)
    frames = samples_to_frames(last + seconds_to_samples(rng.uniform(*m.tail_s)))
    track = _mixed([(p.start, p.spoken.pcm) for p in placed], frames * FRAME_SAMPLES)
    heard = apply(condition, at_level(track, rng), rng, echo_of=_mixed(playback, frames * FRAME_SAMPLES))
    return Conversation(heard=shop.heard(heard), mode="duplex", replies=tuple(replies), captions=_captions(placed, shop))


def silence(seconds: float, shop: Workshop, rng: np.random.Generator, *, condition: Condition) -> Conversation:
    """Nobody speaks; Ego keeps quiet."""
    samples = samples_to_frames(seconds_to_samples(seconds)) * FRAME_SAMPLES
    return Conversation(heard=shop.heard(apply(condition, np.zeros(samples, np.float32), rng)), mode="duplex")


def with_pause(spoken: Spoken, samples: int, rng: np.random.Generator) -> Spoken:
    """The sentence with a pause before one of its later words. Sentences of fewer than four words stay as they are."""
    if len(spoken.words) < 4:
        return spoken
    i = int(rng.integers(1, len(spoken.words) - 1))
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
