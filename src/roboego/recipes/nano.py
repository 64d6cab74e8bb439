"""nano: the embedded model. Everything about it, from the text of its tokenizer to its second stage, as functions."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from roboego.actions.bins import ActionBins
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.data.episodes import POINTS, POINTS_FRESH
from roboego.data.talk.sampling import sample_sentence
from roboego.model.config import BackboneConfig, GlanceConfig, ModelConfig, SenseConfig, SpeechDecoderConfig
from roboego.model.sampling import Sampling, StreamSampling
from roboego.perception.vit import ViTConfig
from roboego.recipes.runs import Run
from roboego.sim.scene import MOST_THINGS
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout
from roboego.streams.tokenizer import ASR, CUT, DUPLEX, END, SPECIALS, TTS, WAIT, Tokenizer
from roboego.training.acting import ACTS_ALONE
from roboego.training.disturbance import Disturbance
from roboego.training.lesson import StageConfig
from roboego.training.loop import LoopConfig

VOCABULARY = 1_000
WINDOW_FRAMES = 1_500


def tokenizer_text(sentences: int = 60_000, seed: int = 0) -> Iterator[str]:
    """Training sentences of both sides, from which the pieces are learned."""
    rng = np.random.default_rng(seed)
    for i in range(sentences):
        yield sample_sentence(rng, "train", "ego" if i % 2 else "user")


def tokenizer() -> Tokenizer:
    return Tokenizer.train(tokenizer_text(), vocab_size=VOCABULARY)


def text_layout() -> TextLayout:
    ids = {name: SPECIALS.index(name) for name in (WAIT, CUT, ASR, TTS, DUPLEX, END)}
    return TextLayout(
        ids=VOCABULARY, wait=ids[WAIT], cut=ids[CUT], asr=ids[ASR], tts=ids[TTS], duplex=ids[DUPLEX], end=ids[END], first_word=len(SPECIALS)
    )


def codec() -> EmbeddedCodecConfig:
    return EmbeddedCodecConfig()


def vit() -> ViTConfig:
    """The picture encoder. Its pictures are large enough for printed letters, and convolutions find those sooner than patches alone do."""
    return ViTConfig(image_size=272, layers=4, hidden=512, stem=(32, 64, 96), latents=MOST_THINGS, spare=6)


def layout_for(codec: EmbeddedCodecConfig) -> StreamLayout:
    """nano's streams with a codec's codebooks."""
    sound = SoundLayout(codebooks=codec.codebooks, entries=codec.entries)
    return StreamLayout(text=text_layout(), speak=sound, listen=sound, spk_delay=2)


def layout() -> StreamLayout:
    return layout_for(codec())


def model() -> ModelConfig:
    return ModelConfig(
        layout=layout(),
        backbone=BackboneConfig(width=320, layers=8, heads=5, kv_heads=1, head_dim=64, hidden=896, window=WINDOW_FRAMES),
        speech=SpeechDecoderConfig(width=192, layers=2, heads=3, hidden=512),
        caption_head=True,
    )


def whole_model() -> ModelConfig:
    """The same with all streams: it sees, feels and acts.

    A picture's vector is fused into each step, each step glances at a token of each thing, and these may go into the context.
    """
    eye, talks, arm = vit(), model(), ActionBins()
    glance = GlanceConfig(tokens=eye.tokens, token_width=eye.width, heads=4, head_dim=32, after=(4, 6))
    layout = replace(talks.layout, looks=True, action_dims=arm.dims, action_bins=arm.bins)
    return replace(talks, layout=layout, vision_width=eye.width, context_width=eye.width, glance=glance, senses=senses())


def senses() -> tuple[SenseConfig, ...]:
    """What the robot feels of itself (`roboego.sim.body.BODY`), what its pads feel, and the points that its camera measures.

    Speeds and motor forces are left out: they tell what it did a moment ago, which a model repeats instead of looking where it is.
    """
    place, speed, finger, force, grip = 5.0, 0.0, 30.0, 0.0, 0.2
    body = (*[place] * 3, *[speed] * 3, finger, *[force] * 3, grip)
    return (
        SenseConfig(name="body", size=len(body), scales=body, hidden=128),
        SenseConfig(name="touch", size=2, scales=(grip,), hidden=32),
        SenseConfig(name="points", size=3, points=POINTS, scales=(place,), hidden=128, fresh_frames=POINTS_FRESH),
    )


def tiny() -> ModelConfig:
    """The same streams in a model small enough for tests."""
    small = replace(model().backbone, width=32, layers=2, heads=4, head_dim=8, hidden=64, window=200)
    return replace(model(), backbone=small, speech=SpeechDecoderConfig(width=16, layers=1, heads=2, hidden=32))


def sampling() -> Sampling:
    """How nano samples unless a session asks for something else: its text greedily, its speech a little freely, what it does as it comes.

    The likeliest of many bins is often to keep still, when the others share what is left: taken each time, the arm never gets there.
    """
    return Sampling(
        speak=StreamSampling(temperature=0.5, top_k=25),
        act=StreamSampling(temperature=1.0),
        wait_or_write=True,
        overdue=0.8,
        reply_overdue=0.5,
        cut_overdue=0.95,
    )


def language() -> Run:
    """Before the stages: the backbone as a language model of nano's world, in place of the pretrained one of a large model.

    It reads exchanges of which there is no sound, and learns what to answer.
    """
    return Run(
        name="nano-language",
        model=model(),
        stage=StageConfig(rows=8, frames=192, text=6.0, phones=1.0, first_codebook=2.0, codebooks=1.5, finer=0.75, onset=5.0, chosen=0.3),
        loop=LoopConfig(
            steps=2_000,
            learning_rate=1e-3,
            warmup=200,
            decay=0.35,
            weight_decay=0.05,
            optimizer="muon",
            validate_every=1_000,
            checkpoint_every=200,
            log_every=20,
        ),
        pools=(),
        written=1.0,
        validation=None,
    )


def post_training() -> Run:
    """Stage 1: transcribing (words follow listening) and saying (words lead speech), row by row mixed.

    Its rate does not fall: stage 2 goes on from it.
    """
    first = language()
    return replace(
        first,
        name="nano-post",
        start=first.name,
        first_sound=True,
        stage=replace(first.stage, disturbance=Disturbance(alike=0.1)),
        loop=replace(first.loop, steps=5_000, decay=0.0),
        written=0.1,
        pools=(
            ("asr-user-train", 0.3),
            ("asr-jumbled-train", 0.2),
            ("asr-ego-train", 0.1),
            ("tts-ego-train", 0.1),
            ("tts-user-train", 0.05),
            ("tts-jumbled-train", 0.25),
        ),
        validation=("asr-user-validation", "tts-ego-validation"),
    )


def sft() -> Run:
    """Stage 2: dialogues, with part of stage 1 kept in so that it is not forgotten.

    Rows last a minute. In half of one the silence after an offer of help is never seen to its end, and nano offered again every 16 s.
    """
    first = post_training()
    return replace(
        first,
        name="nano-sft",
        start=first.name,
        first_sound=False,
        stage=replace(first.stage, rows=4, frames=768, captions=3.0, recalls=0.3, overhears=0.4),
        loop=replace(first.loop, steps=16_000, decay=0.4),
        pools=(
            ("dialogue-train", 0.46),
            ("silence-", 0.03),
            ("asr-dialogue-train", 0.05),
            ("asr-user-train", 0.12),
            ("asr-jumbled-train", 0.07),
            ("asr-ego-train", 0.03),
            ("tts-ego-train", 0.09),
            ("tts-user-train", 0.03),
            ("tts-jumbled-train", 0.12),
        ),
        written=0.12,
        assembled=0.48,
        transcripts=(("dialogue-train", "asr-dialogue-train"), ("silence-", "")),
    )


def seeing() -> Run:
    """Before stage 2 goes on with all streams: what nano sees, feels and does, in writing.

    There is no sound in it, so a step costs less, and holds many more questions. A quarter of it is what nano hears and says already, so
    that it is not forgotten.
    """
    talks = sft()
    return replace(
        talks,
        name="nano-seeing",
        model=whole_model(),
        start=talks.name,
        stage=replace(
            talks.stage,
            rows=12,
            frames=256,
            phones=0.0,
            first_codebook=1.0,
            codebooks=0.5,
            chosen=0.05,
            aims=1.0,
            disturbance=replace(talks.stage.disturbance, acts=1.0),
        ),
        loop=replace(talks.loop, steps=6_000, warmup=100, decay=0.3),
        pools=(("dialogue-train", 0.1), ("asr-user-train", 0.08), ("tts-ego-train", 0.07)),
        transcripts=(("dialogue-train", "asr-dialogue-train"),),
        validation=None,
        written=0.06,
        paced=0.1,
        close=0.8,
        assembled=0.0,
        seen=0.5,
        detailed=0.05,
        quizzed=0.3,
        acted=0.24,
    )


def whole() -> Run:
    """Stage 2 goes on with what nano sees, feels and does. That was learned in writing, without an ear, so the one of this stage is new."""
    talks, sees = sft(), seeing()
    return replace(
        talks,
        name="nano-whole",
        model=sees.model,
        start=sees.name,
        stage=replace(talks.stage, ear_alone=500, act=2.0, aims=1.0, disturbance=sees.stage.disturbance),
        loop=replace(talks.loop, steps=13_000),
        written=0.06,
        typed=0.3,
        assembled=0.2,
        detailed=0.03,
        quizzed=0.15,
        seen=0.5,
        acted=0.3,
        drilled=0.6,
        spoken=0.6,
    )


def acting() -> Run:
    """Last, the action decoder alone goes on, from requests that are hardly anything but motion: the rest of nano stays as it is."""
    all_of = whole()
    return replace(
        all_of,
        name="nano-acting",
        start=all_of.name,
        adapters=ACTS_ALONE,
        stage=replace(all_of.stage, rows=8, frames=384, phones=0.0, aims=0.0, chosen=0.0),
        loop=replace(all_of.loop, learning_rate=2e-3, steps=4_000, warmup=50, decay=0.6, validate_every=500),
        pools=(("dialogue-train", 0.02), ("asr-user-train", 0.02), ("tts-ego-train", 0.02)),
        transcripts=(("dialogue-train", "asr-dialogue-train"),),
        validation=None,
        written=0.0,
        assembled=0.02,
        detailed=0.0,
        quizzed=0.0,
        seen=0.02,
        acted=0.5,
        drilled=0.5,
    )
