"""What commands have in common: options, and opening a model for them."""

import shlex
import warnings
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.errors import InputError

if TYPE_CHECKING:
    from roboego.model.loaded import LoadedModel
    from roboego.model.sampling import Sampling

MODEL = tyro.conf.arg(metavar="NAME|FOLDER|HUB-ID")
PATH = tyro.conf.arg(metavar="PATH")

Sight = Literal["stream", "context", "auto"]
"""How pictures reach a model, as of `roboego.runtime.engine.Engine.open`, whose module brings torch along; `--help` does without it."""
MOST_THREADS, LARGEST_SEED = 1_024, 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every command."""

    json: Annotated[Path | None, PATH] = None
    """Write the results to this file, as JSON."""


@dataclass(frozen=True, kw_only=True)
class WithModel(Common):
    """Options of commands that run a model."""

    model: Annotated[str, MODEL] = "nano"
    """Which model: one that the package carries, a folder, or an id on the Hugging Face hub."""
    device: Annotated[str, tyro.conf.arg(metavar="DEVICE")] = "cpu"
    """Where it runs: cpu, cuda, cuda:1 ..."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Floating point type of its weights."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Processor threads. (default: one for each core)"""
    seed: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Of everything that is chosen by chance. (default: the model's)"""


def open_model(args: WithModel) -> "LoadedModel":
    """The model, with its codec.

    Raises:
        CheckpointError: it cannot be opened.
        InputError: it cannot be run here, or its codec is not to be had.
    """
    import torch

    from roboego.loading import load

    if args.threads is not None:
        check_at_least(1, threads=args.threads)
        check_at_most(MOST_THREADS, threads=args.threads)
        torch.set_num_threads(args.threads)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        loaded = load(args.model, device=args.device, dtype=getattr(torch, args.dtype))
    if loaded.codec is None:
        # `load` warns why; a command cannot do without.
        raise InputError(f"{args.model} cannot hear or speak here: {notes[-1].message if notes else 'it has no codec'}")
    return loaded


def check_at_least(least: int, **options: int | float | None) -> None:
    """Raises InputError if an option that was given is less, or not a number."""
    for name, value in options.items():
        if value is not None and not least <= value < float("inf"):
            raise InputError(f"--{name.replace('_', '-')} must be at least {least}, not {value}")


def check_at_most(most: int, **options: int | None) -> None:
    """Raises InputError if an option that was given is more."""
    for name, value in options.items():
        if value is not None and value > most:
            raise InputError(f"--{name.replace('_', '-')} must be at most {most}, not {value}")


def sampling_of(args: WithModel, loaded: "LoadedModel") -> "Sampling":
    """The model's sampling, with the seed that was asked for."""
    from dataclasses import replace

    if args.seed is None:
        return loaded.sampling
    if args.seed < 0:
        raise InputError(f"--seed must not be negative, as {args.seed} is")
    check_at_most(LARGEST_SEED, seed=args.seed)
    return replace(loaded.sampling, seed=args.seed)


def command_line(command: str, args: Any, *, positional: str) -> str:
    """What was typed, or might have been: all that is asked for and is not so by default, but for where results go.

    Args:
        args: the command's arguments, a dataclass. positional: the one of them that is given without its name.
    """
    return shlex.join(["roboego", command, str(getattr(args, positional)), *options_given(args, positional)])


def options_given(args: Any, *left_out: str) -> list[str]:
    """The options of `command_line`, without some."""
    parts = []
    for field in fields(args):
        value = getattr(args, field.name)
        default = field.default if field.default is not MISSING else None
        if value == default or field.name in (*left_out, "json", "report"):
            continue
        name = field.name.replace("_", "-")
        if isinstance(value, bool):
            parts.append(f"--{name}" if value else f"--no-{name}")
        else:
            parts += [f"--{name}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return parts
