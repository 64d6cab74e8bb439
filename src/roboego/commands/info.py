"""Shows what a model is made of: parameters, streams, sizes, its share of the latency budget, codec, and the figures of its card."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from roboego.commands.common import MODEL, Common

if TYPE_CHECKING:
    from roboego.model.loaded import LoadedModel


@dataclass(frozen=True, kw_only=True)
class Args(Common):
    model: Annotated[tyro.conf.Positional[str], MODEL] = "nano"
    """Which model: one that the package carries, a folder, or an id on the Hugging Face hub."""


def run(args: Args) -> dict[str, Any]:
    import warnings

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from roboego.loading import load

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        loaded = load(args.model)
    facts = {
        "model": loaded.name,
        "parameters": parameters(loaded),
        "sizes": sizes(loaded),
        "streams": streams(loaded),
        "latency_ms": latency_ms(loaded),
        "codec": codec(loaded),
        "versions": versions(),
        "figures": figures(loaded.card),
        "notes": [str(note.message) for note in notes],
    }
    table = Table(title=f"{loaded.name}", title_justify="left", title_style="bold", show_header=False, pad_edge=False, box=None)
    for section, entries in facts.items():
        if not isinstance(entries, dict):
            continue
        table.add_row(Text(section.removesuffix("_ms"), style="bold"), "")
        for name, value in entries.items():
            table.add_row(f"  {name}", Text(f"{shown(value)} ms" if section == "latency_ms" and value is not None else shown(value)))
    console = Console(highlight=False)
    console.print(table)
    for figure in facts["figures"]:
        console.print(Text("  " + "  |  ".join(figure)), soft_wrap=True)
    for note in facts["notes"]:
        console.print(Text(f"Note: {note}"), soft_wrap=True)
    return facts


def parameters(loaded: "LoadedModel") -> dict[str, int]:
    """How many, part by part; a table that two parts share is counted once, where it comes first."""
    from torch import nn

    modules: dict[str, nn.Module] = dict(loaded.model.named_children())
    if isinstance(loaded.codec, nn.Module):
        modules["codec"] = loaded.codec
    if loaded.vision is not None:
        modules["picture encoder"] = loaded.vision
    seen: set[int] = set()
    counts = {}
    for name, module in modules.items():
        new = {id(p): p.numel() for p in module.parameters() if id(p) not in seen}
        seen |= set(new)
        counts[name.replace("_", " ")] = sum(new.values())
    return counts | {"in all": sum(counts.values())}


def sizes(loaded: "LoadedModel") -> dict[str, str]:
    """Shape of the backbone, and the memory that a session needs."""
    from roboego.timebase import frames_to_seconds

    config = loaded.model.config.backbone
    parameter = next(loaded.model.parameters())
    weights = sum(p.numel() * p.element_size() for p in loaded.model.parameters())
    cache = 2 * config.layers * config.kv_heads * config.head_dim * config.window * parameter.element_size()
    return {
        "width": str(config.width),
        "layers": str(config.layers),
        "heads": f"{config.heads}, {config.kv_heads} for keys and values",
        "window": f"{config.window} frames ({frames_to_seconds(config.window):.0f} s)",
        "weights": f"{weights / 2**20:.1f} MiB in {str(parameter.dtype).removeprefix('torch.')}",
        "cache of a session": f"{cache / 2**20:.1f} MiB",
    }


def streams(loaded: "LoadedModel") -> dict[str, str]:
    """What goes in and out each frame."""
    layout = loaded.model.config.layout
    width = loaded.model.config.vision_width
    modes = [mode for mode in ("duplex", "asr", "tts") if getattr(layout.text, mode) is not None]
    return {
        "listen": f"{layout.listen.codebooks} codebooks of {layout.listen.entries}",
        "look": f"a vector of {width}" if width else "none",
        "read": "one token a frame" if layout.reads else "none",
        "text": f"{layout.text.ids} ids",
        "speak": f"{layout.speak.codebooks} codebooks of {layout.speak.entries}",
        "spoken_upto": "reported" if loaded.model.config.spoken_head else "not reported",
        "act": f"{layout.action_dims} dimensions of {layout.action_bins} bins" if layout.action_dims else "none",
        "modes": ", ".join(modes) if layout.reads else "duplex",
    }


def latency_ms(loaded: "LoadedModel") -> dict[str, float | None]:
    """From the user's last sound to Ego's first, without the frames in which it decides and without compute, which depend on the case."""
    from roboego.timebase import FRAME_MS, samples_to_seconds

    layout = loaded.model.config.layout
    parts = {
        "capture": FRAME_MS,
        "speech after text": layout.spk_delay * FRAME_MS,
        "acoustic delay": layout.speak.max_delay * FRAME_MS,
        "codec": None if loaded.codec is None else round(1_000 * samples_to_seconds(loaded.codec.delay_samples), 1),
    }
    return {**parts, "in all, before decision and compute": round(sum(part or 0 for part in parts.values()), 1)}


def codec(loaded: "LoadedModel") -> dict[str, Any]:
    from roboego.timebase import FRAME_RATE

    found = loaded.codec
    if found is None:
        return {"kind": "none"}
    bits = found.codebooks * (found.entries - 1).bit_length()
    return {
        "kind": type(found).__name__,
        "codes": f"{found.codebooks} x {found.entries}, {bits * FRAME_RATE / 1000:.2f} kbit/s",
        "fingerprint": found.fingerprint,
    }


def versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    return {"roboego": version("roboego"), "torch": version("torch"), "python": platform.python_version()}


def figures(card: str) -> list[list[str]]:
    """Rows of the tables in a model card, heads and rules left out."""
    lines = [line.strip() for line in card.splitlines()]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rules = {i for i, row in enumerate(rows) if all(cell and set(cell) <= set("-: ") for cell in row)}
    return [row for i, row in enumerate(rows) if i not in rules and i + 1 not in rules]


def shown(value: Any) -> str:
    """A number with thousands parted."""
    if value is None:
        return "not known"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
