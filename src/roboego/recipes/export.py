"""A trained run becomes a model folder: weights, codec, tokenizer, sampling and a model card."""

from pathlib import Path
from typing import Any

import torch

from roboego.data.build import open_workshop
from roboego.errors import InputError
from roboego.model.checkpoint import save_model
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.recipes import card, nano
from roboego.recipes.nano_data import Places
from roboego.recipes.runs import Run
from roboego.training.checkpoint import latest, load_state


def export(run: Run, places: Places, out: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """Writes the newest checkpoint of a run as a folder that `roboego.load` opens.

    Args:
        figures: results of `roboego eval`, for the model card.
    Raises:
        InputError: the run has no checkpoint.
    """
    newest = latest(places.root / run.name)
    if newest is None:
        raise InputError(f"{run.name} has no checkpoint in {places.root / run.name}; train it first")
    state = load_state(newest)
    shop = open_workshop(places.tools)
    model = RoboEgoModel(run.model)
    model.load_state_dict(state["module"])
    loaded = LoadedModel(
        name=out.name,
        model=model,
        codec=shop.codec,
        tokenizer=shop.tokenizer,
        silence=torch.from_numpy(shop.silence).long(),
        sampling=nano.sampling(),
        card=card.text(run, model, int(state["step"]), figures),
    )
    save_model(loaded, out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"run": run.name, "step": int(state["step"]), "folder": str(out), "bytes": size}
