"""Low-rank adapters (LoRA, arXiv 2106.09685) on a backbone whose own weights stay as they are, by the library peft.

An adapted linear layer is the frozen one plus `alpha / rank * B A`, A and B being narrow and trained. Whole sequences and single steps both
go through it. Merged, the products are added to the weights, and what is left is a plain model.
"""

from dataclasses import dataclass

from torch import nn

from roboego.errors import InputError
from roboego.model.model import RoboEgoModel

TARGETS = ("attention.qkv", "attention.out", "mlp.gate_up", "mlp.down")
"""The linear layers of each layer of a backbone."""
PARTS = {"streams": ("fusion",), "heads": ("text_head", "caption_head", "spoken_head"), "acting": ("act_head",), "speech": ("speech",)}
"""Parts of a model beside its backbone. A text head that is tied to the text embeddings belongs to the streams."""


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """What a run trains when the backbone stays frozen.

    Attributes:
        rank: inner width of an adapter; 0: there are none, and nothing but `trained` learns.
        alpha: adapters count `alpha / rank` times.
        dropout: share of an adapter's inputs that are dropped in training.
        targets: which of `TARGETS` get adapters.
        trained: which of `PARTS` are trained in full; the others stay frozen.
    Raises:
        InputError: a value is out of range, or a target or part does not exist.
    """

    rank: int
    alpha: int = 16
    dropout: float = 0.0
    targets: tuple[str, ...] = TARGETS
    trained: tuple[str, ...] = tuple(PARTS)

    def __post_init__(self) -> None:
        if self.rank < 0 or self.alpha < 1 or not 0 <= self.dropout < 1:
            raise InputError(f"adapters need a rank of at least 0, an alpha of at least 1 and a dropout in [0, 1): change {self}")
        if not self.rank and not self.trained:
            raise InputError("without adapters and parts to train nothing is learned: give a rank or parts")
        if not self.targets or not set(self.targets) <= set(TARGETS):
            raise InputError(f"adapters stand on one or more of {', '.join(TARGETS)}, not on {self.targets}")
        if not set(self.trained) <= set(PARTS):
            raise InputError(f"the parts beside the backbone are {', '.join(PARTS)}, not {self.trained}")


def add_adapters(model: RoboEgoModel, config: AdapterConfig) -> None:
    """Puts adapters on the backbone, in place, and freezes all but them and `config.trained`. At first they change no output.

    Raises:
        InputError: peft is not installed, or the model has adapters already.
    """
    if adapted_layers(model):
        raise InputError("the model has adapters already; merge them first")
    model.requires_grad_(False)
    if config.rank:
        _inject(model, config)
    for part in config.trained:
        for name in PARTS[part]:
            module: nn.Module | None = getattr(model, name)
            if module is not None:
                module.requires_grad_(True)


def _inject(model: RoboEgoModel, config: AdapterConfig) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InputError("adapters need an extra: pip install 'roboego[train]'") from error
    lora = LoraConfig(r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=list(config.targets))
    inject_adapter_in_model(lora, model.backbone)


def merge_adapters(model: RoboEgoModel) -> None:
    """Adds the adapters' products to the weights that they stand on, in place: the model is a plain one again, all of it trainable.

    States for steps that were made before are void.
    """
    for name, layer in adapted_layers(model).items():
        layer.merge(safe_merge=True)  # type: ignore[operator]
        model.backbone.set_submodule(name, layer.get_base_layer())  # type: ignore[operator]
    if hasattr(model.backbone, "peft_config"):
        del model.backbone.peft_config
    model.requires_grad_(True)


def adapted_layers(model: RoboEgoModel) -> dict[str, nn.Module]:
    """Layers of the backbone that carry adapters, by name."""
    return {name: module for name, module in model.backbone.named_modules() if hasattr(module, "lora_A")}
