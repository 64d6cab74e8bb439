"""Measures a model on held-out sentences: talk (questions, turn-taking, silence), duplex (who speaks when), asr, tts, codec; and at
held-out tables: vqa (what it sees), action (what it does), sense (what it feels), conflict (senses that disagree)."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import Sight, check_at_least, command_line, options_given
from roboego.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from roboego.evaluation.suites import Measuring

Suite = Literal[
    "talk", "duplex", "functions", "asr", "tts", "codec", "latency", "cascade", "sync", "organization", "retention", "full-duplex-bench",
    "vqa", "action", "sense", "conflict", "all",
]  # fmt: skip
NOT_OF_ALL = ("cascade", "full-duplex-bench", "vqa", "action", "sense", "conflict")
"""Suites that `all` leaves out: the first is not of the model, the second of recordings that must be there, the others of models that see,
act or feel."""


@dataclass(kw_only=True)
class Args:
    model: Annotated[str, tyro.conf.Positional] = "nano"
    """A name, a folder, a hub id; or a server's address, for the suites talk, duplex and full-duplex-bench:
    ws://HOST:PORT/v1/realtime (OpenAI Realtime) or ws://HOST:PORT/api/chat (Moshi)."""
    suite: Suite = "talk"
    """What to measure. talk: spoken questions of the Talk part, who takes the floor when, silence kept. duplex: pauses, corrections,
    interruptions, backchannels, words to somebody else, Ego's own echo, a long silence. asr, tts: word error rates, and for tts how
    good it sounds. codec: what Whisper-tiny understands before and after the codec. latency: replies and silence after interruptions,
    with several sessions at once. cascade: the latency of a row of libraries in its place (needs the extra hub). sync: text before
    speech, and `spoken_upto` beside what is heard. organization: how likely right replies are, how it answers, whether it says what it
    writes. retention: asr and tts beside those of the model --before. full-duplex-bench: that public set, in the folder --recordings.
    functions: the time and timers, with functions declared and without. vqa: spoken questions about pictures of tables; for models that
    see. action: requests spoken aloud to a simulated arm; for models that see and act. sense: questions about what the hand feels.
    conflict: senses that disagree. These four need the extra sim. all: every suite of conversation and speech but cascade and
    full-duplex-bench, and retention only if there is a model --before."""
    count: int = 200
    """Questions of the suites talk (and half as many silences), organization and vqa, sentences of the suite tts, of --recordings at
    most."""
    scenes: int = 40
    """Scenes of each kind of the suites duplex, action (where three times as many requests are simply to be met), sense and conflict;
    conversations of the suite organization."""
    sentences: int = 50
    """Sentences for each voice of the suites asr and codec."""
    voices: tuple[str, ...] | None = None
    """Who is transcribed and who asks, in turn. (default: the voices that train listening, five accents that do not, and nezumi, who is
    in no training data; only the first of these ask)"""
    conditions: tuple[str, ...] | None = None
    """Noises and rooms under which the suite asr has voices of training transcribed, beside clean ones; nothing after it for clean alone.
    (default: noise down to 0 dB, rooms, a telephone)"""
    surroundings: str = "clean"
    """Where the users of the suites talk, duplex and those at the table are: a noise such as street-10db or babble-20db, room-small,
    room-large, far, telephone, quiet, clipped."""
    policy: Literal["model", "expert"] = "model"
    """Who plays the suites action, sense and conflict: the model, or a script that knows all and moves by the simulator's experts, which
    tells how much can be reached. It needs no model."""
    written: bool = False
    """Give the questions of the suite vqa to the model to read, in place of speech."""
    sight: Sight | None = None
    """How pictures reach a model that sees: stream, context or auto. (default: the engine's own choice)"""
    details: bool = True
    """Let a model that sees glance at the patches of the latest picture; --no-details tells what that brings."""
    semi_duplex: bool = False
    """Let the model take turns as voice assistants do: behind a voice detector, for comparison. (talk, duplex, sync, organization,
    full-duplex-bench; of `all`, these alone)"""
    before: str | None = None
    """The model as it was before its last stage, for the suite retention: a name, a folder or a hub id."""
    recordings: Path | None = None
    """For the suite asr, a folder of sounds with texts, or of LibriSpeech, to transcribe instead of our own sentences; for the suite
    full-duplex-bench, the unpacked set."""
    folder: Path = Path("runs")
    """Where the held-out speech is kept once made."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    json: Path | None = None
    """Write results here."""
    report: Path | None = None
    """Write a page with pictures and sound into this folder."""


def run(args: Args) -> dict[str, Any]:
    from rich.console import Console
    from rich.pretty import pprint
    from rich.progress import track

    from roboego.evaluation.report import write_report
    from roboego.evaluation.servers import is_server
    from roboego.evaluation.suites import SUITES, TAKING_TURNS, TALKING
    from roboego.sound.files import check_folder_target

    console = Console(stderr=True)
    if args.report is not None:
        check_folder_target(args.report)
    left_out = NOT_OF_ALL if args.before is not None else (*NOT_OF_ALL, "retention")
    suites = tuple(name for name in SUITES if name not in left_out) if args.suite == "all" else (args.suite,)
    if is_server(args.model):
        suites = tuple(name for name in suites if name in TALKING)
        if not suites or args.semi_duplex:
            raise InputError(f"of a server only {', '.join(TALKING)} can be measured, as it is; for everything else name a model")
    _check_table(args)
    if args.semi_duplex:
        suites = tuple(name for name in suites if name in TAKING_TURNS)
        if not suites:
            raise InputError(f"--semi-duplex means nothing to the suite {args.suite}; it does to {', '.join(TAKING_TURNS)}")
    measuring = _prepared(args, suites, console)
    named = "the experts" if measuring.experts else args.model
    results: dict[str, Any] = {"model": named if measuring.loaded is None else measuring.loaded.name}
    options = options_given(args, "model", "suite")
    results["commands"] = {suite: shlex.join(["--suite", suite, *options]) for suite in suites}
    samples = []
    for suite in track(suites, description="suites", console=console):
        results[suite], kept = SUITES[suite](measuring)
        samples += kept
    pprint(results, console=Console(), expand_all=True, max_length=20)
    if args.report is not None:
        command = command_line("eval", args, positional="model")
        console.print(f"report: {write_report(args.report, results, samples, command=command)}")
    return results


def _prepared(args: Args, suites: tuple[str, ...], console: "Console") -> "Measuring":
    """All that the suites need: whatever one lacks is told before the first one runs, whose figures would be lost.

    Raises:
        InputError: an option, the model or a judge is not usable.
    """
    import roboego
    from roboego.data.acoustics.condition import preset
    from roboego.data.voices import ACCENTS, LISTENERS, UNSEEN, check_voices
    from roboego.evaluation import speech
    from roboego.evaluation.servers import is_server
    from roboego.evaluation.suites import Measuring
    from roboego.evaluation.surroundings import Surroundings

    check_at_least(1, count=args.count, scenes=args.scenes, sentences=args.sentences)
    voices = (*LISTENERS, *ACCENTS, UNSEEN) if args.voices is None else args.voices
    conditions = speech.CONDITIONS if args.conditions is None else args.conditions
    if not voices:
        raise InputError("--voices needs at least one voice")
    check_voices(*voices)
    for condition in conditions:
        preset(condition)
    Surroundings(name=args.surroundings)
    if "retention" in suites and args.before is None:
        raise InputError("the suite retention compares two models; name the earlier one: --before MODEL")
    _check_recordings(args, suites)
    experts = args.policy == "expert"
    measuring = Measuring(
        loaded=None if experts or is_server(args.model) else roboego.load(args.model, device=args.device),
        server=args.model if is_server(args.model) else None,
        voices=voices,
        conditions=conditions,
        questions=args.count,
        scenes=args.scenes,
        sentences=args.sentences,
        bank=args.folder / "speech",
        semi_duplex=args.semi_duplex,
        recordings=args.recordings,
        surroundings=args.surroundings,
        sight=args.sight,
        details=args.details,
        written=args.written,
        experts=experts,
        before=None if args.before is None else roboego.load(args.before, device=args.device),
    )
    if {"tts", "codec", "sync", "organization", "retention", "vqa"} & set(suites):
        measuring.judge  # noqa: B018
    if "tts" in suites:
        measuring.listener  # noqa: B018
    if {"asr", "tts", "codec", "organization", "retention"} & set(suites):
        for loaded in (measuring.loaded, measuring.before):
            if loaded is not None:
                speech.parts(loaded)
    if args.recordings is None:
        _make_speech(args, suites, voices, measuring.bank, console)
    return measuring


def _check_table(args: Args) -> None:
    """Raises an InputError if an option of the suites at the table is given to another one."""
    from roboego.evaluation.suites import AT_THE_TABLE, PLAYED_BY_EXPERTS

    if args.policy == "expert" and args.suite not in PLAYED_BY_EXPERTS:
        raise InputError(f"--policy expert plays the suites {', '.join(PLAYED_BY_EXPERTS)}; name one of them, or leave it out")
    if args.written and args.suite != "vqa":
        raise InputError("--written belongs to the suite vqa; name it, or leave --written out")
    if (args.sight is not None or not args.details) and args.suite not in AT_THE_TABLE:
        raise InputError(f"--sight and --no-details belong to the suites {', '.join(AT_THE_TABLE)}; name one of them, or leave it out")


def _check_recordings(args: Args, suites: tuple[str, ...]) -> None:
    """Raises an InputError unless `--recordings` is given where it is needed, and only where it means something."""
    if suites == ("full-duplex-bench",) and args.recordings is None:
        raise InputError("the suite full-duplex-bench plays a public set; name the folder it is unpacked in: --recordings FOLDER")
    if args.recordings is None:
        return
    if suites not in (("asr",), ("full-duplex-bench",)):
        raise InputError("--recordings belongs to the suites asr and full-duplex-bench; name one of them, or leave it out")
    if not args.recordings.is_dir():
        raise InputError(f"{args.recordings} is not a folder; name the one with the recordings")


def _make_speech(args: Args, suites: tuple[str, ...], voices: tuple[str, ...], bank: Path, console: "Console") -> None:
    """Makes the sentences that suites after `talk` hear, as far as they are not there yet."""
    from rich.progress import track

    from roboego.data.talk.sampling import Side
    from roboego.data.voices import EGO
    from roboego.evaluation import material

    wanted: list[tuple[str, int, Side]] = []
    if {"asr", "codec", "retention"} & set(suites):
        wanted += [(voice, args.sentences, "user") for voice in voices]
    if {"tts", "retention"} & set(suites):
        wanted.append((EGO, args.count, "ego"))
    if "codec" in suites:
        wanted.append((EGO, args.sentences, "ego"))
    for voice, count, side in track(wanted, description="speech", console=console) if wanted else ():
        material.sentences(bank, voice, count, side=side)
