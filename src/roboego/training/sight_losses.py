"""Losses of the picture encoder's training, and how labels are spelled in them."""
# B pictures, N of each, C classes, L characters of a label

import torch.nn.functional as F
from torch import Tensor

from roboego.sim.things import LABEL_CHARACTERS

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def spelled(label: str) -> list[int]:
    """The numbers of a label's characters, filled up with 0."""
    return [CHARACTERS.index(c) + 1 for c in label] + [0] * (LABEL_CHARACTERS - len(label))


def classes(logits: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of [B, ..., C] logits; a truth [B, ...] of -1 does not count.

    Args:
        weights: how much each counts, of a shape that broadcasts with the truth's; None: all the same.
    """
    if weights is None:
        return F.cross_entropy(logits.flatten(0, -2).float(), truth.flatten(), ignore_index=-1)
    each = F.cross_entropy(logits.flatten(0, -2).float(), truth.flatten(), ignore_index=-1, reduction="none").view_as(truth)
    return (each * weights).sum() / ((truth >= 0) * weights).sum().clamp(min=1e-6)


def distance(found: Tensor, truth: Tensor) -> Tensor:
    """Of places [..., 2] or other numbers; a truth of NaN does not count."""
    there = ~truth[..., 0].isnan()
    if not there.any():
        return found.sum() * 0
    return F.smooth_l1_loss(found[there].float(), truth[there], beta=0.1)
