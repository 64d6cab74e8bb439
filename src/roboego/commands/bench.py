"""Measures how fast a step runs here: the model, the codec both ways, all together, against what memory bandwidth allows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from roboego.commands.common import check_at_least


@dataclass(kw_only=True)
class Args:
    what: Annotated[Literal["step"], tyro.conf.Positional] = "step"
    """step: one batched step of a model of the recipe's shape, with random weights."""
    recipe: Literal["nano", "bench-64m", "7b"] = "nano"
    """Shape of the model."""
    slots: tuple[int, ...] = (1, 2, 4, 8)
    """Sessions in one step; several numbers give a curve."""
    frames: int = 200
    """Steps timed for each."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    threads: int = 2
    """Processor threads."""
    old: int = 50_000
    """Age, in frames, at which a slot is timed once more, beside one whose window has just filled."""
    json: Path | None = None
    """Write results here."""


def run(args: Args) -> dict[str, Any]:
    import platform

    import torch
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from roboego.bench.step import StepBench, curve, measure
    from roboego.codecs.embedded.codec import EmbeddedCodec
    from roboego.loading import check_device
    from roboego.model.model import RoboEgoModel
    from roboego.recipes import nano
    from roboego.recipes.shapes import SHAPES

    check_at_least(1, threads=args.threads, frames=args.frames, slots=min(args.slots, default=0))
    check_at_least(0, old=args.old)
    check_device(args.device)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    device, dtype = torch.device(args.device), getattr(torch, args.dtype)
    with device:
        model = RoboEgoModel(SHAPES[args.recipe]()).to(device, dtype).eval().requires_grad_(False)
        fits = model.config.layout.speak.entries == nano.codec().entries
        codec = EmbeddedCodec(nano.codec()).to(device).eval().requires_grad_(False) if fits else None
    rows = curve(model, codec, args.slots, args.frames)
    window = model.config.backbone.window
    young = measure(model, codec, StepBench(frames=args.frames, age=window))
    old = measure(model, codec, StepBench(frames=args.frames, age=args.old))
    heads = ("slots", "step p50", "p99", "codec p50", "p99", "total p50", "p99", "floor", "step / floor")
    table = Table(*heads, title="milliseconds", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for r in rows:
        parts = [f"{r[part][q]:.4g}" for part in ("step", "codec", "total") for q in ("p50_ms", "p99_ms")]
        table.add_row(str(r["slots"]), *parts, f"{r['floor_ms']:.4g}", f"{r['ratio']:.4g}")
    Console().print(table)
    return {
        "recipe": args.recipe,
        "parameters": sum(p.numel() for p in model.parameters()),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "device": args.device,
            "threads": args.threads,
            "dtype": args.dtype,
        },
        "curve": rows,
        "ages": {str(window): young, str(args.old): old, "ratio": old["total"]["p50_ms"] / young["total"]["p50_ms"]},
    }
