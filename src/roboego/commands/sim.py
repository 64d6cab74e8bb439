"""Asks for something at the simulated table, aloud, and shows what comes of it.

The table is drawn anew for each seed, with what is asked for on it. Writes four files: video.mp4 (what the camera shows, both voices),
timeline.png (all streams as lanes), conversation.wav (stereo: user left, Ego right) and events.jsonl (what happened, one event a line).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import Sight, WithModel, check_at_least, open_model, sampling_of

if TYPE_CHECKING:
    from roboego.commands.staged.acting import Step
    from roboego.evaluation.table.episode import Episode
    from roboego.model.sampling import Sampling
    from roboego.runtime.engine import Engine
    from roboego.runtime.session import Session


@dataclass(frozen=True, kw_only=True)
class Args(WithModel):
    request: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="REQUEST")]
    """What to ask for, in English: "put the red cube into the blue bowl"."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; it is made if there is none."""
    policy: Literal["model", "expert"] = "model"
    """Who moves the arm: the model, which has to see and to act; or the simulator's expert, to whom the model lends its voice."""
    voice: str = "heart-changed"
    """Who asks. (see `roboego eval --voices`)"""
    sight: Sight | None = None
    """How pictures reach a model that sees: stream, context or auto. (default: the engine's own choice)"""
    every: int = 2
    """Frames of 80 ms from one picture of the video to the next; drawing them takes most of the time."""


def run(args: Args) -> dict[str, Any]:
    from dataclasses import asdict

    from rich.console import Console
    from rich.text import Text

    from roboego.actions.bins import ActionBins
    from roboego.commands.exchange.summary import print_turns
    from roboego.commands.staged.acting import FILES, act
    from roboego.commands.staged.wanted import plan_for, understood
    from roboego.data.voices import check_voices
    from roboego.evaluation.table.abilities import action_bins, feel, picture_size
    from roboego.evaluation.table.episode import Episode
    from roboego.evaluation.table.outcome import outcome
    from roboego.sound.files import check_folder_target

    check_at_least(1, every=args.every)
    understood(args.request)
    check_voices(args.voice)
    check_folder_target(args.out)
    loaded = open_model(args)
    sampling = sampling_of(args, loaded)
    if args.policy == "expert":
        abilities: dict[str, Any] = {"bins": ActionBins()}
    else:
        abilities = {"bins": action_bins(loaded), "picture": picture_size(loaded), "feel": feel(loaded)}
    plan = plan_for(args.request, args.voice, args.seed or 0)
    episode = Episode(plan, **abilities)
    about = {"policy": args.policy, "model": loaded.name, "voice": args.voice, "seed": args.seed or 0}
    turns = act(episode, loaded, lambda engine: _opened(args, engine, sampling, episode), args.out, about, every=args.every)
    found = outcome(episode)
    console = Console(highlight=False)
    print_turns(console, {"turns": turns})
    console.print("not done" if found.done_s is None else f"done {found.done_s:.1f} s after the request", soft_wrap=True)
    console.print(Text("Written: ").append(", ".join(str(args.out / name) for name in FILES)), soft_wrap=True)
    return {
        **about,
        "request": plan.text,
        "task": None if plan.task is None else asdict(plan.task),
        "done": found.done,
        "done_s": found.done_s,
        "replies": [turn["text"] for turn in turns if turn["who"] == "ego"],
        "files": [str(args.out / name) for name in FILES],
    }


def _opened(args: Args, engine: "Engine", sampling: "Sampling", episode: "Episode") -> "tuple[Session, Step]":
    """Whoever moves the arm, in a session of its own."""
    from roboego.commands.staged.acting import by_expert, by_model
    from roboego.evaluation.table.ego import Script

    if args.policy == "expert":
        session = engine.open("tts", sampling=sampling)
        return session, by_expert(session, Script(episode))
    options: dict[str, Any] = {} if args.sight is None else {"sight": args.sight}
    session = engine.open(sampling=sampling, **options)
    return session, by_model(session)
