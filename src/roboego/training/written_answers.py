"""How a model without an ear yet is judged: by what it would answer to held-out exchanges that it reads."""
# T frames, N pieces, R replies

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roboego.actions.bins import ActionBins
from roboego.data.exchange_pool import ExchangePool
from roboego.data.grounded.pool import GroundedExchanges
from roboego.data.written import WrittenExchanges
from roboego.model.glance import Glances
from roboego.model.model import RoboEgoModel
from roboego.streams.pointer import is_piece
from roboego.training.lesson import Sights, collate, moved, seen_by
from roboego.training.loop import Metrics


class WrittenAnswers:
    """Shares of words, and of whole replies, that are the likeliest where words are due. There is more than one right reply to most."""

    def __init__(self, exchanges: WrittenExchanges, count: int) -> None:
        self.exchanges, self.count = exchanges, count

    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        found = [answered(model, self.exchanges, i) for i in range(self.count)]
        return _shares([words for words, _ in found], [right for _, replies in found for right in replies])


class SeenAnswers:
    """The same of exchanges about held-out pictures, and of each topic by itself.

    Args:
        exchanges: whose pictures are in sight in `sights`, by the same numbers.
    """

    def __init__(self, exchanges: GroundedExchanges, sights: Sights, count: int) -> None:
        self.exchanges, self.sights, self.count = exchanges, sights, count

    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        words: list[Tensor] = []
        by_topic: dict[str, list[bool]] = {}
        for i in range(self.count):
            looks_1T = self.exchanges.looks(i)[None]
            seen = seen_by(looks_1T, looks_1T, self.sights, model.config)
            right, replies = answered(model, self.exchanges, i, seen)
            words.append(right)
            for topic, one in zip(self.exchanges.topics(i), replies, strict=False):
                by_topic.setdefault(topic, []).append(one)
        topics = {topic: float(np.mean(rights)) for topic, rights in sorted(by_topic.items()) if topic.startswith("see_")}
        return _shares(words, [right for rights in by_topic.values() for right in rights]) | topics


Seen = tuple[Tensor, Tensor, Glances | None]
"""What a row sees, as of `roboego.training.lesson.seen_by`."""


def answered(model: RoboEgoModel, exchanges: ExchangePool, i: int, seen: Seen | None = None) -> tuple[Tensor, list[bool]]:
    """Of number `i`, which words [N] are the likeliest where words are due, and of which replies [R] all are."""
    text, grid, layout = exchanges.layout.text, exchanges[i], model.config.layout
    if layout.action_dims:  # nothing is done meanwhile
        rest = ActionBins(dims=layout.action_dims, bins=layout.action_bins).rest
        grid = replace(grid, act=np.tile(rest, (len(grid), 1)), act_weight=np.zeros(len(grid), np.float32))
    batch, _ = collate([grid])
    batch.caption = torch.from_numpy(exchanges.captions[i].text)[None].long()
    if seen is not None:
        batch.look, batch.seen, batch.glances = seen
    logits_TV = model.text_logits(model.hidden(moved(batch, model.device)))[0].float()
    logits_TV[:, text.wait] = -torch.inf
    right_T = logits_TV.argmax(-1).cpu() == batch.text[0]
    piece_T = is_piece(batch.text[0], text)
    reply_T = (piece_T & ~F.pad(piece_T[:-1], (1, 0))).cumsum(0)
    return right_T[piece_T], [bool(right_T[piece_T & (reply_T == n)].all()) for n in range(1, int(reply_T.max()) + 1)]


def _shares(words: list[Tensor], replies: list[bool]) -> Metrics:
    return {"words_right": float(torch.cat(words).float().mean()), "replies_right": float(np.mean(replies))}
