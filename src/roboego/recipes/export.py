"""A trained run becomes a model folder: weights, codec, tokenizer, sampling and a model card."""

from pathlib import Path
from typing import Any

import torch

from roboego.data.workshop import open_workshop
from roboego.model.checkpoint import save_model
from roboego.model.loaded import LoadedModel
from roboego.perception.files import load_vit
from roboego.recipes import card, nano
from roboego.recipes.nano_data import Places
from roboego.recipes.runs import Run
from roboego.recipes.start import open_run


def export(
    run: Run, places: Places, out: Path, figures: dict[str, Any], note: str = "", *, average: int = 1, vision: Path | None = None
) -> dict[str, Any]:
    """Writes what a run has learned so far as a folder that `roboego.load` opens, adapters merged.

    Args:
        figures: results of `roboego eval`, for the model card.
        note: a paragraph for it.
        average: how many of the newest checkpoints the weights are the mean of.
        vision: folder of the picture encoder of a model that sees; None: it is among the tools.
    Raises:
        InputError: the run has too few checkpoints.
        CheckpointError: the picture encoder of a model that sees is missing.
    """
    model, step = open_run(run.name, run.model, places.root, average=average)
    shop = open_workshop(places.tools, run.backbone)
    loaded = LoadedModel(
        name=out.name,
        model=model,
        codec=shop.codec,
        tokenizer=shop.tokenizer,
        silence=torch.from_numpy(shop.silence).long(),
        sampling=nano.sampling(),
        vision=load_vit(vision or places.tools / "vit") if run.model.sees else None,
        card=card.text(run, model, step, figures, note, average=average),
    )
    save_model(loaded, out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"run": run.name, "step": step, "folder": str(out), "bytes": size}
