"""One direction of a codec for all slots of an engine, where slots may sit out a step."""
# B slots

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def tensors(state: Any) -> Iterator[Tensor]:
    """All tensors of a codec's state, in a fixed order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, list | tuple):
        for part in state:
            yield from tensors(part)
    elif dataclasses.is_dataclass(state):
        for field in dataclasses.fields(state):
            yield from tensors(getattr(state, field.name))


class CodecLane:
    """Steps `encode_step` or `decode_step` of all slots at once; slots that sit out keep their state.

    Where the slots of a state share something (as a ring's place for the next entry), each slot gets a state of its own and they are
    stepped one by one.

    Args:
        step: the codec's step.
        initial: makes the state of so many slots.
    """

    def __init__(self, step: Step, initial: Callable[[int], Any], slots: int) -> None:
        self._step = step
        self.is_batched = slots == 1 or all(len(t.shape) > 0 and len(t) == slots + 1 for t in tensors(initial(slots + 1)))
        self._states = [initial(slots)] if self.is_batched else [initial(1) for _ in range(slots)]

    def step(self, x_B: Tensor, held: Sequence[int] = ()) -> Tensor:
        """One frame of every slot but those that are held, whose output is arbitrary."""
        if not self.is_batched:
            return self._one_by_one(x_B, held)
        if not held:
            out_B, self._states[0] = self._step(x_B, self._states[0])
            return out_B
        rows = torch.tensor(held, device=x_B.device)
        kept = [t[rows] for t in tensors(self._states[0])]
        out_B, self._states[0] = self._step(x_B, self._states[0])
        for tensor, rows_kept in zip(tensors(self._states[0]), kept, strict=True):
            tensor[rows] = rows_kept
        return out_B

    def _one_by_one(self, x_B: Tensor, held: Sequence[int]) -> Tensor:
        outputs: list[Tensor | None] = [None] * len(x_B)
        for slot in range(len(x_B)):
            if slot not in held:
                out, self._states[slot] = self._step(x_B[slot : slot + 1], self._states[slot])
                outputs[slot] = out[0]
        like = next(out for out in outputs if out is not None)
        return torch.stack([torch.zeros_like(like) if out is None else out for out in outputs])

    def reset(self, slots: Sequence[int], count: int, device: torch.device) -> None:
        """Puts slots back to silence before their first frame; `count` is how many slots there are."""
        if not self.is_batched:
            for slot in slots:
                self._states[slot].reset(torch.ones(1, dtype=torch.bool, device=device))
            return
        mask_B = torch.zeros(count, dtype=torch.bool, device=device)
        mask_B[list(slots)] = True
        self._states[0].reset(mask_B)
