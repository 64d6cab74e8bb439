"""How a model without an ear yet is judged: by what it would answer to held-out exchanges that it reads."""
# T frames, N pieces

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roboego.data.written import WrittenExchanges
from roboego.model.model import RoboEgoModel
from roboego.streams.pointer import is_piece
from roboego.training.lesson import collate, moved
from roboego.training.loop import Metrics


class WrittenAnswers:
    """Shares of words, and of whole replies, that are the likeliest where words are due. There is more than one right reply to most."""

    def __init__(self, exchanges: WrittenExchanges, count: int) -> None:
        self.exchanges, self.count = exchanges, count

    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        text = self.exchanges.layout.text
        words: list[Tensor] = []
        replies: list[bool] = []
        for i in range(self.count):
            batch, _ = collate([self.exchanges[i]])
            batch.caption = torch.from_numpy(self.exchanges.captions[i].text)[None].long()
            logits_TV = model.text_logits(model.hidden(moved(batch, model.device)))[0].float()
            logits_TV[:, text.wait] = -torch.inf
            right_T = logits_TV.argmax(-1).cpu() == batch.text[0]
            piece_T = is_piece(batch.text[0], text)
            reply_T = (piece_T & ~F.pad(piece_T[:-1], (1, 0))).cumsum(0)
            words.append(right_T[piece_T])
            replies += [bool(right_T[piece_T & (reply_T == n)].all()) for n in range(1, int(reply_T.max()) + 1)]
        return {"words_right": float(torch.cat(words).float().mean()), "replies_right": float(np.mean(replies))}
