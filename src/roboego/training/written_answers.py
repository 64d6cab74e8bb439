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
from roboego.data.talk.answer import is_right
from roboego.data.written import WrittenExchanges
from roboego.model.model import Batch, RoboEgoModel
from roboego.streams.pointer import is_piece
from roboego.training.lesson import Sights, collate, moved, seen_by
from roboego.training.loop import Metrics

LONGEST = 96
"""Pieces of a reply at most."""


class WrittenAnswers:
    """Shares of words, and of whole replies, that are the likeliest where words are due. There is more than one right reply to most."""

    def __init__(self, exchanges: WrittenExchanges, count: int) -> None:
        self.exchanges, self.count = exchanges, count

    @torch.no_grad()
    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        found = [self._right(model, i) for i in range(self.count)]
        words, replies = torch.cat([words for words, _ in found]), [right for _, replies in found for right in replies]
        return {"words_right": float(words.float().mean()), "replies_right": float(np.mean(replies))}

    def _right(self, model: RoboEgoModel, i: int) -> tuple[Tensor, list[bool]]:
        """Of number `i`, which words [N] are the likeliest where words are due, and of which replies [R] all are."""
        batch, text = read_by(model, self.exchanges, i), model.config.layout.text
        logits_TV = model.text_logits(model.hidden(batch))[0].float()
        logits_TV[:, text.wait] = -torch.inf
        right_T, piece_T = logits_TV.argmax(-1) == batch.text[0], is_piece(batch.text[0], text)
        reply_T = _begins(piece_T).cumsum(0)
        replies = [bool(right_T[piece_T & (reply_T == n)].all()) for n in range(1, int(reply_T.max()) + 1)]
        return right_T[piece_T], replies


class SeenAnswers:
    """Shares of the questions about held-out pictures that are answered rightly when the model writes on by itself, and of each topic.

    A reply begins where it is due: when to answer is for the ear to tell.

    Args:
        exchanges: whose pictures are in sight in `sights`, by the same numbers.
        count: of exchanges.
    """

    def __init__(self, exchanges: GroundedExchanges, sights: Sights, count: int) -> None:
        self.exchanges, self.sights, self.count = exchanges, sights, count

    @torch.no_grad()
    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        by_topic: dict[str, list[bool]] = {}
        for i in range(self.count):
            batch = self._seen(model, i)
            starts = _begins(is_piece(batch.text[0], model.config.layout.text)).nonzero().flatten().tolist()
            for turn, start in zip(self.exchanges.turns(i), starts, strict=False):
                if turn.intent.startswith("see_"):
                    said = self.exchanges.tokenizer.decode(written_on(model, batch, start))
                    by_topic.setdefault(turn.intent, []).append(is_right(turn.answer, said))
        topics = {topic: float(np.mean(rights)) for topic, rights in sorted(by_topic.items())}
        return {"answered_right": float(np.mean([right for rights in by_topic.values() for right in rights]))} | topics

    def _seen(self, model: RoboEgoModel, i: int) -> Batch:
        """Number `i` as the model reads it while it sees the picture."""
        looks_1T, batch = self.exchanges.looks(i)[None], read_by(model, self.exchanges, i)
        sight = seen_by(looks_1T, looks_1T, self.sights, model.config)
        batch.look, batch.seen, batch.glances = (moved(part, model.device) for part in sight)
        return batch


def read_by(model: RoboEgoModel, exchanges: ExchangePool, i: int) -> Batch:
    """Exchange number `i` as a model reads it, whose arm keeps still meanwhile if it has one."""
    grid, layout = exchanges[i], model.config.layout
    if layout.action_dims:
        rest = ActionBins(dims=layout.action_dims, bins=layout.action_bins).rest
        grid = replace(grid, act=np.tile(rest, (len(grid), 1)), act_weight=np.zeros(len(grid), np.float32))
    batch, _ = collate([grid])
    batch.caption = torch.from_numpy(exchanges.captions[i].text)[None].long()
    return moved(batch, model.device)  # type: ignore[no-any-return]


def written_on(model: RoboEgoModel, batch: Batch, start: int) -> list[int]:
    """What the model writes in a row from frame `start` on, until it would rather wait: the likeliest pieces, at most `LONGEST`."""
    text_1T, layout, pieces = batch.text.clone(), model.config.layout.text, list[int]()
    for frame in range(start, min(start + LONGEST, text_1T.shape[1])):
        logits_V = model.text_logits(model.hidden(replace(batch, text=text_1T))[0, frame]).float()
        if frame == start:
            logits_V[layout.wait] = -torch.inf
        piece = logits_V.argmax()
        if not is_piece(piece, layout):
            break
        text_1T[0, frame] = piece
        pieces.append(int(piece))
    return pieces


def _begins(piece_T: Tensor) -> Tensor:
    """[T] where a reply begins, from where pieces of words are."""
    return piece_T & ~F.pad(piece_T[:-1], (1, 0))
