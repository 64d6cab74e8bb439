"""The model card: what a model is, how it was made, what was measured, and with which command."""

import math
from typing import Any

from roboego.data.manners import Manners
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano
from roboego.recipes.runs import Run
from roboego.timebase import FRAME_MS, FRAME_RATE, SAMPLE_RATE, frames_to_seconds

UNMEASURED = "not measured"
ACTED = (
    ("chat", "both", "done, and a question answered meanwhile"),
    ("stop", "rested", 'arm at rest within 400 ms of "stop"'),
    ("impossible", "both", "kept still and said so when it could not be done"),
)
"""Of the suite `action`: kinds of episode, and what of them the card tells."""


def text(run: Run, model: RoboEgoModel, step: int, figures: dict[str, Any], note: str = "", *, average: int = 1) -> str:
    """The card in Markdown. Figures that are missing are said to be missing.

    Args:
        note: what else is to be known of how it was made.
        average: how many checkpoints its weights are the mean of.
    """
    parts = (
        _head(run, model),
        _training(run, step, average),
        note.strip(),
        _figures(run, figures),
        _latency(run, model, figures),
        _limits(run, model),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(run: Run, model: RoboEgoModel) -> str:
    c, speak = model.config.backbone, model.config.layout.speak
    kilobits = speak.codebooks * math.log2(speak.entries) * FRAME_RATE / 1000
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    window = frames_to_seconds(c.window)
    design = "full-duplex model of the RoboEgo design ([arXiv 2506.01934](https://arxiv.org/abs/2506.01934))"
    if run.backbone is None:
        does, world = "hears, reads,\nwrites and speaks at once", "a small world of coloured things"
        if _sees_and_acts(model):
            does, world = "hears, sees,\nfeels, reads, writes, speaks and moves an arm at once", "a table with coloured things before it"
        about = f"""# nano

A small {design}: every 80 ms it {does}.
It talks in English about {world}, numbers, days, names and itself, with one voice of its own."""
        licence, opening = "Apache-2.0", '`roboego.load("nano")`, or talk to it with `roboego talk IN.wav --out DIR`'
    else:
        about = f"""# {run.name}

A {design} on {run.backbone.name}, whose layers
and vocabulary it has: every 80 ms it hears, reads, writes and speaks at once. What it hears and says it learned from nano's sentences
and voices."""
        licence, opening = (
            f"that of {run.backbone.name}",
            "`roboego.load(FOLDER)`, or talk to it with `roboego talk IN.wav --model FOLDER --out DIR`",
        )
    return f"""{about}

- {millions:.1f}M parameters: a backbone of {c.layers} layers of width {c.width} that sees {window:.0f} s, and light decoders
- sound: an embedded codec of {speak.codebooks} codebooks of {speak.entries} at {FRAME_RATE} frames a second ({kilobits:.1f} kbit/s)
- licence: {licence}; its training speech was synthesised with engines named in NOTICE
- open it with {opening}"""


def _sees_and_acts(model: RoboEgoModel) -> bool:
    return model.config.sees and model.config.layout.action_dims > 0


def _exchanges(run: Run) -> tuple[tuple[str, float], ...]:
    return (
        ("written exchanges", run.written),
        ("assembled exchanges", run.assembled),
        ("exchanges about pictures", run.seen + run.detailed + run.quizzed),
        ("exchanges in which the arm moves", run.acted + run.drilled),
    )


def _training(run: Run, step: int, average: int) -> str:
    rows, frames = run.stage.rows, run.stage.frames
    hours = step * rows * frames * FRAME_MS / 3_600_000
    shares = [*run.pools, *(pair for pair in _exchanges(run) if pair[1])]
    whole = sum(share for _, share in shares)
    how = "codec|sight|post|sft|whole" if run.backbone is None else "post|sft --backbone FOLDER"
    pools = ", ".join(f"{name.rstrip('-')} {share / whole:.0%}" for name, share in shares)
    weights = f", the mean of its last {average} checkpoints" if average > 1 else ""
    return f"""## How it was made

`roboego synth` makes all data, `roboego train {how}` trains (docs/training.md). This is `{run.name}` at step
{step} of {run.loop.steps}{weights}: {hours:.0f} hours of frames in its last stage ({pools})."""


def _figures(run: Run, found: dict[str, Any]) -> str:
    model = "nano" if run.backbone is None else "FOLDER"
    lines = ["## Figures", "", "On sentences that no training has seen; rates with 95% intervals.", ""]
    lines += ["| figure | measured | command |", "|---|---|---|"]
    talk = found.get("talk", {})
    heard = found.get("asr", {})
    rows = [
        ("words heard wrongly (WER), voices of training", _wer(heard.get("training")), "asr"),
        ("the same, a voice never heard in training", _wer(heard.get("unseen")), "asr"),
    ]
    rows += [(f"the same, {voice}", _wer(r), "asr") for voice, r in heard.get("voices", {}).items()]
    rows += [
        ("words of its speech that Whisper-tiny hears wrongly", _wer(found.get("tts", {}).get("model")), "tts"),
        ("the same of its teacher's voice", _wer(found.get("tts", {}).get("teacher")), "tts"),
        ("spoken questions answered rightly (its text)", _rate(talk.get("answered_right")), "talk"),
        ("from the user's last sound to its first, median", _seconds(talk.get("latency_s")), "talk"),
        ("took the floor before the user had ended", _rate(talk.get("took_floor_early")), "talk"),
        ("ten-second silences kept", _rate(talk.get("silences_kept")), "talk"),
    ]
    rows += [
        (f"points of Whisper-tiny WER lost in the codec, {_of(v)}", f"{r['points']:.1f}", "codec")
        for v, r in found.get("codec", {}).items()
    ]
    rows += _at_the_table(found)
    options = found.get("commands", {})
    lines += [f"| {name} | {value} | `roboego eval {model} {options.get(suite, f'--suite {suite}')}` |" for name, value, suite in rows]
    return "\n".join(lines)


def _at_the_table(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of what is seen, done and felt; none where nothing of it was measured."""
    rows = []
    if seen := found.get("vqa"):
        rows.append(("spoken questions about a picture answered rightly", _rate(seen["answered_right"]), "vqa"))
        rows += [(f"the same, {topic}", _rate(rate), "vqa") for topic, rate in seen["by_topic"].items()]
        rows.append(("the same without the picture", _rate(seen["without_picture"]["answered_right"]), "vqa"))
    if done := found.get("action"):
        verbs = done["do"]["by_verb"].items()
        rows += [(f"done when asked aloud: {verb.replace('_', ' ')}", _rate(rate), "action") for verb, rate in verbs]
        rows += [(name, _rate(done[kind][field]), "action") for kind, field, name in ACTED if kind in done]
    for condition, felt in (found.get("sense") or {}).items():
        if isinstance(felt, dict) and "answered_right" in felt:
            rows.append((f"what is felt, told rightly with {condition}", _rate(felt["answered_right"]), "sense"))
    for kind, met in (found.get("conflict") or {}).items():
        if isinstance(met, dict) and "safe" in met:
            rows.append((f"the safe course, {kind.replace('_', ' ')}", _rate(met["safe"]), "conflict"))
    return rows


def _latency(run: Run, model: RoboEgoModel, found: dict[str, Any]) -> str:
    layout = model.config.layout
    delay = layout.spk_delay * FRAME_MS
    codec = 1000 * nano.codec().delay_samples / SAMPLE_RATE
    reactions = [i for i, odds in enumerate(Manners().reaction_frames) if odds]
    median = found.get("talk", {}).get("latency_s", {}).get("median")
    measured = f"{median * 1000:.0f} ms in the median" if median is not None else UNMEASURED
    return f"""## Latency budget

From the user's last sound to Ego's first: capture {FRAME_MS:.0f} ms, decision (as learned: {reactions[0]} to {reactions[-1]} frames of
{FRAME_MS:.0f} ms), speech after text {delay:.0f} ms, acoustic delay {layout.speak.max_delay * FRAME_MS:.0f} ms, codec {codec:.0f} ms,
compute (see `roboego bench step`). Measured as a whole: {measured}."""


def _limits(run: Run, model: RoboEgoModel) -> str:
    if run.backbone is not None:
        return """## What it is not

It was taught to hear and to say a few hundred words and one kind of talk, by synthetic voices alone: accents and microphones that differ
much will be misheard, and what its decoder knew beyond that may be lost. It does not see or act. Its answers are for trying and testing
duplex systems, not for advice."""
    blind = "does not\nsee or act yet in this version"
    if _sees_and_acts(model):
        blind = "has\nseen pictures of one simulated table and moved one simulated arm"
    return f"""## What it is not

It knows a few hundred words and one kind of talk; what it hears beyond them it forces into them. It has no knowledge of the world, {blind},
and was trained on synthetic voices alone: accents and microphones that differ much will be misheard.
Its answers are for trying and testing duplex systems, not for advice."""


def _of(voice: str) -> str:
    return "all listeners' voices together" if voice == "listeners" else f"voice {voice}"


def _wer(found: dict[str, Any] | None) -> str:
    return (
        UNMEASURED
        if not found
        else f"{found['wer']:.1%} ({found['interval'][0]:.1%} to {found['interval'][1]:.1%}, {found['words']} words)"
    )


def _rate(found: dict[str, Any] | None) -> str:
    if not found or found["rate"] is None:
        return UNMEASURED
    return f"{found['rate']:.1%} ({found['interval'][0]:.1%} to {found['interval'][1]:.1%}, {found['of']} cases)"


def _seconds(found: dict[str, Any] | None) -> str:
    return UNMEASURED if not found or found["median"] is None else f"{found['median']:.2f} s (p90 {found['p90']:.2f} s)"
