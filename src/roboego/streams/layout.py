"""StreamLayout: the vocabularies, codebooks, special ids and delays that a model and its data share."""

from dataclasses import dataclass

from roboego.errors import InputError
from roboego.strict import check_at_least


@dataclass(frozen=True, kw_only=True)
class SoundLayout:
    """Codes of one direction of sound.

    Attributes:
        codebooks: K, codes a frame.
        entries: codes of each codebook, 0 .. entries - 1. `pad` follows them.
        delays: by how many frames each codebook is held back on its way into (listen) or out of (speak) the model. Empty: none is.
        ids: size of the embedding table of one codebook: at least entries + 1 (the pad); foreign layouts have more special ids.
        pad_id: the code that stands where there is none yet; by default `entries`. Ids from `entries` on are never sampled as sound.
    Raises:
        InputError: the numbers do not fit each other.
    """

    codebooks: int
    entries: int
    delays: tuple[int, ...] = ()
    ids: int = 0
    pad_id: int = -1

    def __post_init__(self) -> None:
        check_at_least(1, self, "codebooks", "entries")
        if not self.delays:
            object.__setattr__(self, "delays", (0,) * self.codebooks)
        if not self.ids:
            object.__setattr__(self, "ids", self.entries + 1)
        if self.pad_id < 0:
            object.__setattr__(self, "pad_id", self.entries)
        if len(self.delays) != self.codebooks or min(self.delays) < 0:
            raise InputError(f"delays must be {self.codebooks} non-negative numbers of frames, one a codebook, not {self.delays}")
        if not self.entries <= self.pad_id < self.ids:
            raise InputError(f"pad_id {self.pad_id} must be at least entries {self.entries} and below ids {self.ids}")

    @property
    def max_delay(self) -> int:
        """Frames by which a complete column of codes lags."""
        return max(self.delays)


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """Ids of the text and read streams.

    Attributes:
        ids: size of the vocabulary.
        wait: written when there is nothing to write; on the read stream, that there is nothing to read.
        cut: Ego was interrupted and drops the rest; None if the model has no such token.
        asr, tts, duplex: mode tokens, given on the read stream; None if the model has none.
        end: a reply is over, for the organizers that write it (word-aligned, time division); text-first replies end with a wait. None if
            the model has no such token.
        first_word: ids below it are special, ids from it on are pieces of words.
        words_end: ids from it on are special again, as in foreign vocabularies; 0: there are none.
    Raises:
        InputError: an id lies outside the vocabulary, or one id has two meanings.
    """

    ids: int
    wait: int = 0
    cut: int | None = 1
    asr: int | None = 2
    tts: int | None = 3
    duplex: int | None = 4
    end: int | None = 5
    first_word: int = 23
    words_end: int = 0

    def __post_init__(self) -> None:
        check_at_least(1, self, "ids")
        special = {name: getattr(self, name) for name in ("wait", "cut", "asr", "tts", "duplex", "end")}
        used = {name: token for name, token in special.items() if token is not None}
        for name, token in used.items():
            if not 0 <= token < self.ids:
                raise InputError(f"{name} must be one of the {self.ids} ids, which count from 0, not {token}")
        if len(set(used.values())) < len(used):
            raise InputError(f"special tokens must have an id each, not {used}")
        end = self.words_end or self.ids
        if not 0 <= self.first_word <= end <= self.ids:
            raise InputError(f"words must lie among the {self.ids} ids, not from {self.first_word} to {end}")

    @property
    def modes(self) -> tuple[int, ...]:
        """Tokens of the modes that the model has."""
        return tuple(token for token in (self.asr, self.tts, self.duplex) if token is not None)

    @property
    def recall(self) -> int | None:
        """Read in training alone, while a transcription is asked for afterwards: the second id after `end`; None if that is a word's,
        has another meaning or does not exist. (The first one after `end` is our tokenizer's <unk>, this its <reserved_0>.)"""
        return self._spare(2)

    @property
    def call(self) -> int | None:
        """Begins a call of a function in the text: the pieces that follow it without a gap are the call's, and are not said. The third id
        after `end` (our tokenizer's <reserved_1>); None as of `recall`."""
        return self._spare(3)

    def _spare(self, after_end: int) -> int | None:
        """A special id that has no other meaning."""
        if self.end is None:
            return None
        token = self.end + after_end
        word = self.first_word <= token < (self.words_end or self.ids)
        taken = token in (self.wait, self.cut, *self.modes)
        return None if word or taken or token >= self.ids else token


@dataclass(frozen=True, kw_only=True)
class StreamLayout:
    """What a frame is made of.

    Attributes:
        spk_delay: frames from a reply's first text token to the first frame of its speech.
        reads: whether there is a read stream.
        looks: whether there is a picture stream.
        action_dims, action_bins: the action stream; 0 dimensions: there is none.
        first_listen: whether step 0 is given the codes heard before it; a foreign model may start with pads instead. (A codebook with
            a delay is given them later, all the same.)
    Raises:
        InputError: a number is too small.
    """

    text: TextLayout
    speak: SoundLayout
    listen: SoundLayout
    spk_delay: int = 2
    reads: bool = True
    looks: bool = False
    action_dims: int = 0
    action_bins: int = 0
    first_listen: bool = True

    def __post_init__(self) -> None:
        check_at_least(0, self, "spk_delay", "action_dims", "action_bins")
        if self.action_dims:
            check_at_least(1, self, "action_bins")
