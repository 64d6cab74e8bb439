"""Measures a model on held-out sentences: talk (questions, turn-taking, silence), duplex (who speaks when), asr, tts, codec."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least
from roboego.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

Suite = Literal["talk", "duplex", "asr", "tts", "codec", "all"]


@dataclass(kw_only=True)
class Args:
    model: Annotated[str, tyro.conf.Positional] = "nano"
    """A name, a folder or a hub id."""
    suite: Suite = "talk"
    """What to measure. talk: spoken questions of the Talk part, who takes the floor when, silence kept. duplex: pauses, interruptions,
    backchannels, words to somebody else, Ego's own echo. asr, tts: word error rates.
    codec: what Whisper-tiny understands before and after the codec."""
    count: int = 200
    """Questions of the suite talk (and half as many silences), sentences of the suite tts."""
    scenes: int = 40
    """Scenes of each kind of the suite duplex."""
    sentences: int = 50
    """Sentences for each voice of the suites asr and codec."""
    voices: tuple[str, ...] = ("kokoro", "joe", "espeak-en-us", "espeak-en-gb", "flite-kal16", "heart-changed", "nezumi")
    """Who is transcribed and who asks, in turn; nezumi, who is in no training data, asks only if nobody else is named."""
    folder: Path = Path("runs")
    """Where the held-out speech is kept once made."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console
    from rich.pretty import pprint
    from rich.progress import track

    import roboego
    from roboego.data.voices import EGO, UNSEEN, check_voices
    from roboego.evaluation import duplex, material, speech, talk
    from roboego.evaluation.judge import WhisperJudge

    console = Console(stderr=True)
    check_at_least(1, count=args.count, scenes=args.scenes, sentences=args.sentences)
    if not args.voices:
        raise InputError("--voices needs at least one voice")
    check_voices(*args.voices)
    loaded = roboego.load(args.model, device=args.device)
    bank = args.folder / "speech"
    results: dict[str, Any] = {"model": loaded.name}
    suites = ("talk", "duplex", "asr", "tts", "codec") if args.suite == "all" else (args.suite,)
    # Whatever a suite lacks is told before the first one runs: the figures of those that had finished would be lost.
    judge = cache(WhisperJudge)
    if {"tts", "codec"} & set(suites):
        judge()
    if {"asr", "tts", "codec"} & set(suites):
        speech.parts(loaded)
    _make_speech(args, suites, bank, console)
    voices = [v for v in args.voices if v != UNSEEN] or list(args.voices)
    for suite in track(suites, description="suites", console=console):
        if suite == "talk":
            spoken = [e for i, v in enumerate(voices) for e in material.exchanges(v, -(-args.count // len(voices)), seed=i)]
            questions = talk.ask(loaded, spoken)
            silences = talk.keeps_silent(loaded, material.silences(-(-args.count // 2)))
            results["talk"] = talk.summary(questions, silences) | {
                "voices": voices,
                "wrong": [q.__dict__ for q in questions if not q.right],
            }
        elif suite == "duplex":
            shares = [(kind, v, len(range(i, args.scenes, len(voices)))) for kind in duplex.KINDS for i, v in enumerate(voices)]
            plan = [scene for kind, v, count in shares for scene in duplex.scenes(kind, v, count)]
            results["duplex"] = duplex.summary([o for o, _ in duplex.play(loaded, plan)]) | {"voices": voices}
        elif suite == "asr":
            results["asr"] = speech.asr(loaded, bank, args.voices, args.sentences)
        elif suite == "tts":
            results["tts"] = speech.tts(loaded, bank, args.count, judge())
        else:
            results["codec"] = speech.codec_loss(loaded, bank, (EGO, *args.voices), args.sentences, judge())
    pprint(results, console=Console(), expand_all=True, max_length=20)
    return results


def _make_speech(args: Args, suites: tuple[str, ...], bank: Path, console: "Console") -> None:
    """Makes the sentences that suites after `talk` hear, as far as they are not there yet."""
    from rich.progress import track

    from roboego.data.talk.sampling import Side
    from roboego.data.voices import EGO
    from roboego.evaluation import material

    wanted: list[tuple[str, int, Side]] = []
    if {"asr", "codec"} & set(suites):
        wanted += [(voice, args.sentences, "user") for voice in args.voices]
    if "tts" in suites:
        wanted.append((EGO, args.count, "ego"))
    if "codec" in suites:
        wanted.append((EGO, args.sentences, "ego"))
    for voice, count, side in track(wanted, description="speech", console=console) if wanted else ():
        material.sentences(bank, voice, count, side=side)
