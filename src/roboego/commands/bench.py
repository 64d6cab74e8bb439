"""Measures how fast it runs here: a step of the model, the codec both ways, all together, against what memory bandwidth allows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least
from roboego.errors import InputError

if TYPE_CHECKING:
    import torch

    from roboego.codecs.base import Codec
    from roboego.model.config import ModelConfig


@dataclass(kw_only=True)
class Args:
    what: Annotated[Literal["step", "streams", "session", "codec", "load", "serve"], tyro.conf.Positional] = "step"
    """step: one batched step of a model of the recipe's shape, with random weights. streams: the same, its streams switched on one
    after another. session: one session of a model with all that it has, pictures and senses too, in real time. codec: whole sounds
    through nano's codec.
    load: roboego.load, in a process of its own. serve: a server, talked to by real clients (needs the extra serve)."""
    recipe: Literal["nano", "nano-whole", "bench-64m", "7b"] = "nano"
    """Shape of the model."""
    model: str = "nano"
    """What `session` and `load` open and `serve` serves: a name, a folder or a hub id."""
    slots: tuple[int, ...] = (1, 2, 4, 8)
    """Sessions in one step; several numbers give a curve."""
    frames: int = 200
    """Steps timed for each."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Floating point type of the model's weights; the codec's is float32."""
    threads: int = 2
    """Processor threads."""
    sessions: int = 8
    """Clients that talk to the server at once."""
    seconds: float = 60.0
    """How long each of them talks."""
    old: int = 0
    """Let one conversation go on for so many frames, more than its window holds, and time it when the window has filled and at the end;
    0: leave it out."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    import torch
    from rich.pretty import pprint

    from roboego.bench.timing import machine
    from roboego.bench.whole import codec_speed, load_seconds
    from roboego.loading import check_device
    from roboego.recipes.shapes import SHAPES

    check_at_least(1, threads=args.threads, frames=args.frames, slots=min(args.slots, default=0))
    check_at_least(0, old=args.old)
    check_at_least(1, sessions=args.sessions, seconds=args.seconds)
    if args.what == "codec" and args.dtype != "float32":
        raise InputError("--dtype is for models, the codec runs in float32: leave it out, or measure `roboego bench step`")
    if args.old:
        check_at_least(SHAPES[args.recipe]().backbone.window, old=args.old)
    check_device(args.device)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    device = torch.device(args.device)
    if args.what == "step":
        return _step(args, device)
    if args.what == "streams":
        return _streams(args, device)
    if args.what == "serve":
        from roboego.bench import serve

        found = serve.measure(args.model, sessions=args.sessions, seconds=args.seconds, threads=args.threads)
    elif args.what == "session":
        import roboego
        from roboego.bench import session

        found = session.timed(roboego.load(args.model, device=device), args.frames)
    elif args.what == "load":
        found = load_seconds(args.model, device=device, dtype=args.dtype)
    else:
        found = codec_speed(_embedded(device), device)
    pprint(found, expand_all=True)
    return found | {"machine": machine(device, dtype=args.dtype)}


def _step(args: Args, device: "torch.device") -> dict[str, Any]:
    import torch
    from rich.console import Console
    from rich.progress import Progress

    from roboego.bench.step import ages, curve
    from roboego.bench.timing import machine
    from roboego.model.model import RoboEgoModel
    from roboego.recipes.shapes import SHAPES

    with device:
        model = RoboEgoModel(SHAPES[args.recipe]()).to(device, getattr(torch, args.dtype)).eval().requires_grad_(False)
    codec = _codec_for(model.config, device)
    rows = curve(model, codec, args.slots, args.frames)
    _print(rows)
    found: dict[str, Any] = {"recipe": args.recipe, "parameters": sum(p.numel() for p in model.parameters())}
    found |= {"machine": machine(device, dtype=args.dtype, cuda_graph=device.type == "cuda"), **rows[0], "curve": rows}
    if args.old:
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as bar:
            row = bar.add_task("frames", total=args.old)
            found["ages"] = ages(model, codec, args.old, args.frames, lambda done: bar.update(row, advance=1))
        young, old = (found["ages"][age]["frame"] for age in ("young", "old"))
        print(f"frame {old} takes {found['ages']['ratio']:.2f} times what frame {young} takes")
    return found


def _streams(args: Args, device: "torch.device") -> dict[str, Any]:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from roboego.bench.streams import streams
    from roboego.bench.timing import machine
    from roboego.recipes.shapes import SHAPES

    rows = [row for slots in args.slots for row in streams(SHAPES[args.recipe](), slots, args.frames, device)]
    table = Table("streams", "slots", "step p50", "p99", "of 80 ms", title="milliseconds", title_justify="left", box=box.SIMPLE_HEAD)
    for r in rows:
        step = r["step"]
        table.add_row(r["added"], str(r["slots"]), f"{step['p50_ms']:.4g}", f"{step['p99_ms']:.4g}", f"{r['share']:.1%}")
    Console().print(table)
    return {"recipe": args.recipe, "streams": rows, "machine": machine(device)}


def _codec_for(config: "ModelConfig", device: "torch.device") -> "Codec":
    """The codec of a shape, with random weights: nano's, or Mimi."""
    import torch

    from roboego.codecs.mimi.codec import MimiCodec
    from roboego.codecs.mimi.config import MimiConfig
    from roboego.recipes import nano

    sound = config.layout.speak
    if sound.entries == nano.codec().entries:
        return _embedded(device)
    with device:
        return MimiCodec(MimiConfig(), sound.codebooks).to(device, torch.float32).eval()


def _embedded(device: "torch.device") -> "Codec":
    from roboego.codecs.embedded.codec import EmbeddedCodec
    from roboego.recipes import nano

    return EmbeddedCodec(nano.codec()).to(device).eval().requires_grad_(False)


def _print(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads = ("slots", "step p50", "p99", "codec p50", "p99", "total p50", "p99", "floor", "step / floor")
    table = Table(*heads, title="milliseconds", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for r in rows:
        parts = [f"{r[part][q]:.4g}" for part in ("step", "codec", "total") for q in ("p50_ms", "p99_ms")]
        table.add_row(str(r["slots"]), *parts, f"{r['floor_ms']:.4g}", f"{r['ratio']:.4g}")
    Console().print(table)
