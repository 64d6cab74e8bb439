"""The Talk part of nano's world as text: what people ask and what Ego answers, with a judge of what is right."""

from roboego.data.talk.answer import Answer, Calling, Exchange, Manner, Turn, is_right
from roboego.data.talk.lexicon import NAMES
from roboego.data.talk.sampling import Side, Split, intents, sample_calling, sample_exchange, sample_sentence, split_of, vocabulary
from roboego.data.talk.voicing import for_voice

__all__ = [
    "NAMES",
    "Answer",
    "Calling",
    "Exchange",
    "Manner",
    "Side",
    "Split",
    "Turn",
    "for_voice",
    "intents",
    "is_right",
    "sample_calling",
    "sample_exchange",
    "sample_sentence",
    "split_of",
    "vocabulary",
]
