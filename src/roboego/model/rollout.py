"""Free-running a model over given inputs, all slots together, as fast as possible: what validation and evaluation use."""
# B slots, T frames, K codebooks

from dataclasses import dataclass

import torch
from torch import Tensor

from roboego.model.model import RoboEgoModel, StepInput
from roboego.model.sampling import Sampling, StepSettings, StreamSettings, fill_uniform


@dataclass
class Rollout:
    """What the model put out: text, spoken, caption [B, T], speak [B, T, K] (aligned, `max_delay` frames late), act [B, T, D]."""

    text: Tensor
    speak: Tensor
    act: Tensor
    spoken: Tensor
    caption: Tensor


def step_settings(model: RoboEgoModel, samplings: list[Sampling]) -> StepSettings:
    """The samplings of all slots as tensors, without random numbers."""
    layout, device = model.config.layout, model.device

    def each(values: list[float]) -> Tensor | None:
        return torch.tensor(values, device=device) if any(values) else None

    return StepSettings(
        text=StreamSettings.of([s.text for s in samplings], layout.text.ids, device),
        speak=StreamSettings.of([s.speak for s in samplings], layout.speak.entries, device, codebooks=True),
        act=StreamSettings.of([s.act for s in samplings], max(layout.action_bins, 1), device),
        wait_or_write=each([s.wait_or_write for s in samplings]),
        overdue=each([s.overdue for s in samplings]),
        reply_overdue=each([s.reply_overdue for s in samplings]),
        cut_overdue=each([s.cut_overdue for s in samplings]),
    )


def greedy(sampling: Sampling) -> bool:
    return sampling.text.temperature == sampling.speak.temperature == sampling.act.temperature == 0


@torch.no_grad()
def roll_out(
    model: RoboEgoModel, listen_BTK: Tensor, read_BT: Tensor, forced_BT: Tensor | None = None, sampling: Sampling | None = None
) -> Rollout:
    """Runs T frames from a fresh state.

    Args:
        forced_BT: text to write whatever the model would; -1 leaves it the choice (the default everywhere).
        sampling: of every slot; slot b draws from seed + b.
    """
    sampling = sampling or Sampling()
    slots, frames = read_BT.shape
    settings = step_settings(model, [sampling] * slots)
    generators = [torch.Generator().manual_seed(sampling.seed + b) for b in range(slots)]
    free = torch.full((slots,), -1, device=model.device)
    state = model.initial_state(slots)
    outputs = []
    uniform = torch.full((slots, model.uniform_width()), 0.5)
    for t in range(frames):
        if not greedy(sampling):
            for row, generator in zip(uniform, generators, strict=True):
                fill_uniform(row, model.uniform_blocks(), sampling, generator)
            settings.uniform = uniform.to(model.device)
        forced = free if forced_BT is None else forced_BT[:, t]
        output, state = model.step(StepInput(listen_BTK[:, t], read_BT[:, t], forced), state, settings)
        outputs.append(output)
    return Rollout(*(torch.stack([getattr(o, name) for o in outputs], 1) for name in ("text", "speak", "act", "spoken", "caption")))
