"""A session: one conversation in one slot of an engine. What it is given is checked here, and what comes out is accounted for."""
# K codebooks

import threading
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.model.sampling import Sampling
from roboego.runtime.frame import (
    SILENCE,
    Codes,
    Event,
    Frame,
    Look,
    NotSeen,
    Output,
    Overrun,
    Prepared,
    SessionError,
    Sound,
    StepIn,
    Text,
)
from roboego.runtime.replies import Readings, Reply, ReplyTracker
from roboego.runtime.session_senses import SessionSenses
from roboego.runtime.session_sight import SessionSight
from roboego.streams.alphabet import normalize
from roboego.streams.conversation import MODES, Mode
from roboego.streams.tokenizer import Tokenizer
from roboego.timebase import FRAME_SAMPLES

if TYPE_CHECKING:
    from roboego.runtime.engine import Engine

MOST_QUEUED = 65_536
"""Tokens that may wait to be read, or to be said."""
PATIENCE_FRAMES = 25
"""Forced text waits for the current reply to be audible, unless for so many frames (2 s) no token of it became so."""


class Session:
    """One conversation. Made by `Engine.open`; use it in a `with` statement, or call `close`.

    It may be used from any thread, and none waits for the engine's step: what is asked for meanwhile counts from the next step on. Only
    `step` and `close` do wait.

    Attributes:
        engine, slot: where it lives.
        mode: what Ego was asked to do.
        sampling: how it chooses.
        sight: how it sees.
        frames: frames so far.
    """

    def __init__(self, engine: "Engine", slot: int, mode: Mode, sampling: Sampling, sight: SessionSight) -> None:
        self.engine, self.slot, self.mode, self.sampling, self.sight = engine, slot, mode, sampling, sight
        self.senses = SessionSenses(engine.loaded.name, engine.loaded.model.config.senses)
        self._loaded: LoadedModel = engine.loaded
        self.layout = self._loaded.model.config.layout
        self.generator = torch.Generator().manual_seed(sampling.seed)
        self.frames = 0
        self.is_open = True
        self._lock = threading.RLock()  # held while a step is prepared and accounted for, and not while the model makes it
        self._sound_ended = False
        speaks = mode != "asr" and self._loaded.model.config.spoken_head
        self._replies = ReplyTracker(self.layout.text, self._loaded.tokenizer, speaks=speaks, delay=self.layout.speak.max_delay)
        self._heard: deque[str] = deque(maxlen=MOST_QUEUED)
        self._reading = Readings(self._loaded.tokenizer)
        self._read: deque[int] = deque()
        self._say: deque[int] = deque()
        self._saying = False
        self._cutting = False
        token = mode_token(self._loaded, mode)
        if token is not None:
            self._read.append(token)

    # -- what a user calls -------------------------------------------------------------------

    def step(
        self,
        listen: ArrayLike | torch.Tensor | None = None,
        *,
        codes: ArrayLike | torch.Tensor | None = None,
        look: Look | None = None,
        sense: Mapping[str, ArrayLike] | None = None,
        read: Text | None = None,
        say: Text | None = None,
    ) -> Frame:
        """One frame of 80 ms: hears, looks, reads; then writes, speaks and acts. See `StepIn` and `Frame`.

        Raises:
            InputError: something given cannot be used. Nothing has happened: the session goes on with the next call.
            SessionError: the session has been closed, or broke down.
        """
        result = self.engine.tick({self: StepIn(listen=listen, codes=codes, look=look, sense=sense, read=read, say=say)})[self]
        if isinstance(result, Frame):
            return result
        raise result.__cause__ if isinstance(result.__cause__, InputError) else result

    def read(self, text: Text) -> None:
        """Queues text to be read, one token a frame.

        Raises:
            InputError: the model reads nothing, the text has other letters than the model knows, or too much waits.
        """
        self._queue(self._read, self._to_read(text))

    def say(self, text: Text) -> None:
        """Queues text that Ego writes and says, one token a frame, whatever the model would. It joins forced text that is still being
        written; else it waits until the current reply is audible.

        Raises:
            InputError: as of `read`, or the session only writes down what it hears.
        """
        self._queue(self._say, self._to_say(text))

    def cut(self) -> None:
        """Breaks off the current reply with the next step, and drops forced text that waits.

        Raises:
            InputError: the model has no `<cut>`.
            SessionError: the session is closed.
        """
        with self._lock:
            self._check_open()
            if self.layout.text.cut is None:
                raise InputError(f"{self._loaded.name} cannot be cut off: it has no token for it")
            self._say.clear()
            self._cutting = True

    def choose(self, sampling: Sampling) -> None:
        """Samples in another way from the next step on; the seed stays what it was.

        Raises:
            SessionError: the session is closed.
        """
        with self._lock:
            self._check_open()
            self.sampling = sampling

    def use_senses(self, *names: str) -> None:
        """Feels with these senses alone from the next step on; the others are missing, whatever is given.

        Raises:
            InputError: the model has no such sense.
            SessionError: the session is closed.
        """
        with self._lock:
            self._check_open()
            self.senses.use(names)

    def check_senses(self, given: Mapping[str, ArrayLike]) -> Mapping[str, NDArray[np.float32]]:
        """Readings of senses in the shapes that the model takes, for a later step.

        Raises:
            InputError: the model has no such sense, or takes other readings.
        """
        return self.senses.checked(given)

    def check_sees(self) -> None:
        """Raises InputError if pictures cannot be given: the model does not see, or the engine has no encoder for them."""
        self.sight.check()

    def close(self) -> None:
        """Frees the slot. May be called again."""
        self.engine.release(self)

    @property
    def transcript(self) -> tuple[Reply, ...]:
        """Ego's replies (in mode "asr": what it wrote down), up to the last thousand, each with its tokens' frames."""
        with self._lock:
            return tuple(self._replies.replies)

    @property
    def history(self) -> tuple[str, ...]:
        """What Ego has said: of replies that were cut, or are still being said, as much as was audible."""
        with self._lock:
            return tuple(reply.said for reply in self._replies.replies)

    @property
    def heard(self) -> str:
        """What was heard, up to the last thousands of words; "" from a model without captions."""
        with self._lock:
            return "".join(self._heard).strip()

    @property
    def is_idle(self) -> bool:
        """Ego neither writes nor has anything left to say, and no forced text waits."""
        with self._lock:
            return self._replies.is_idle and not self._say and not self._saying

    @property
    def to_read(self) -> int:
        """Tokens that wait to be read."""
        return len(self._read)

    @property
    def to_say(self) -> int:
        """Forced tokens that wait to be written."""
        return len(self._say)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- what the engine calls ---------------------------------------------------------------

    def prepare(self, given: StepIn) -> Prepared:
        """Checks what is given; only if all of it can be used, it is queued and the frame's tokens are taken.

        Raises:
            InputError: something cannot be used; the session is as it was.
            SessionError: the session is closed.
        """
        with self._lock:
            return self._prepared(given)

    def _prepared(self, given: StepIn) -> Prepared:
        self._check_open()
        listen, codes = self._sound(given), self._codes(given)
        felt = self.senses.checked(given.sense)
        read = self._to_read(given.read) if given.read is not None else []
        say = self._to_say(given.say) if given.say is not None else []
        self._check_room(self._read, read)
        self._check_room(self._say, say)
        look, not_seen = self.sight.look(given.look, self.frames), self.sight.not_seen()
        self._read.extend(read)
        self._say.extend(say)
        self._sound_ended |= given.listen is not None and np.shape(given.listen) != (FRAME_SAMPLES,)
        wait = self.layout.text.wait
        token = self._read.popleft() if self._read else wait
        return Prepared(
            listen=listen,
            codes=codes,
            look=look,
            not_seen=not_seen,
            feeling=self.senses.feel(felt),
            read=token,
            forced=self._forced(),
            lost_frames=given.lost_frames,
        )

    def absorb(self, given: Prepared, output: Output, step_ms: float) -> Frame:
        """Accounts for what the step put out."""
        with self._lock:
            return self._absorbed(given, output, step_ms)

    def _absorbed(self, given: Prepared, output: Output, step_ms: float) -> Frame:
        index, replies = self.frames, self._replies
        self.frames += 1
        text, events = replies.follow(index, output.token, output.spoken)
        current = replies.current
        heard = replies.reads_on(output.caption)
        if heard:
            self._heard.append(heard)
        fell_back = self._falls_back(given, output)
        losses: list[Event] = [Overrun(given.lost_frames)] if given.lost_frames else []
        if given.not_seen:
            losses.append(NotSeen(given.not_seen))
        losses += given.feeling.lost
        return Frame(
            index=index,
            speech=output.pcm,
            codes=output.codes,
            token=output.token,
            text=text,
            caption=output.caption,
            heard=heard,
            action=output.action if self.layout.action_dims else None,
            spoken_upto=current.spoken if current else 0,
            spoken_text=current.spoken_text if current else "",
            events=(*losses, *events),
            step_ms=step_ms,
            forced=given.forced >= 0,
            read=None if given.read == self.layout.text.wait else given.read,
            read_text=self._reading.next(given.read) if replies.is_piece(given.read) else "",
            context_lag=None if self.sight.context is None else self.sight.context.take_lag(),
            fell_back=fell_back,
        )

    def _falls_back(self, given: Prepared, output: Output) -> bool:
        """Whether the model chose a piece of a reply of which it is unsure, and the latest picture now goes into its context."""
        context = self.sight.context
        if context is None or given.forced >= 0 or self.mode == "asr":
            return False
        written = self._replies.is_writing and self._replies.is_piece(output.token)
        return written and context.doubt(output.certainty, self.frames)

    def end(self) -> None:
        """The slot has been taken away."""
        with self._lock:
            self.is_open = False
        self.sight.close()

    # -- checks ------------------------------------------------------------------------------

    def _sound(self, given: StepIn) -> Sound | None:
        if self._loaded.codec is None:
            if given.listen is not None:
                raise InputError(f"{self._loaded.name} has no codec here: give `codes` instead of `listen`, or load it with its codec")
            return None
        if given.listen is None:
            return SILENCE
        if self._sound_ended:
            raise InputError(
                f"the sound ended with a frame of less than {FRAME_SAMPLES} samples; give None from there on, or whole frames before"
            )
        return frame_of_sound(given.listen)

    def _codes(self, given: StepIn) -> Codes | None:
        sound = self.layout.listen
        if given.codes is None:
            return None
        if self._loaded.codec is not None:
            raise InputError(f"{self._loaded.name} listens to sound: give `listen` instead of `codes`")
        codes = np.asarray(given.codes)
        if codes.shape != (sound.codebooks,) or codes.dtype.kind not in "iu":
            raise InputError(f"codes must be {sound.codebooks} integers, one a codebook, not {codes.dtype} of shape {codes.shape}")
        if codes.min() < 0 or codes.max() >= sound.ids:
            raise InputError(f"codes must be from 0 to {sound.ids - 1}, not {codes.tolist()}")
        return codes.astype(np.int64)

    def _to_read(self, text: Text) -> list[int]:
        if not self.layout.reads:
            raise InputError(f"{self._loaded.name} has no read stream: it takes neither prompts nor typed text")
        return self._tokens(text)

    def _to_say(self, text: Text) -> list[int]:
        if self.mode == "asr":
            raise InputError('a session in mode "asr" only writes down what it hears; open one in mode "tts" or "duplex" to have text said')
        return self._tokens(text)

    def _tokens(self, text: Text) -> list[int]:
        tokenizer = self._loaded.tokenizer
        if isinstance(text, str):
            if tokenizer is None:
                raise InputError(f"{self._loaded.name} was loaded without its tokenizer: give token ids, or load it with tokenizer.json")
            text = tokenizer.encode(normalize(text) if isinstance(tokenizer, Tokenizer) else text)
        tokens = [int(token) for token in text]
        if not tokens:
            raise InputError("there are no words in the text")
        if min(tokens) < 0 or max(tokens) >= self.layout.text.ids:
            raise InputError(f"tokens must be from 0 to {self.layout.text.ids - 1}")
        return tokens

    def _queue(self, queue: deque[int], tokens: list[int]) -> None:
        with self._lock:
            self._check_open()
            self._check_room(queue, tokens)
            queue.extend(tokens)

    def _check_open(self) -> None:
        if not self.is_open:
            raise SessionError("the session has been closed; open another with Engine.open")

    @staticmethod
    def _check_room(queue: deque[int], tokens: list[int]) -> None:
        if tokens and len(queue) + len(tokens) > MOST_QUEUED:
            raise InputError(f"{len(queue)} tokens still wait, and {len(tokens)} more would be over {MOST_QUEUED}; give the rest later")

    # -- forced text -------------------------------------------------------------------------

    def _forced(self) -> int:
        """The token that this frame must write; -1 if the model is free."""
        text = self.layout.text
        free = text.wait if self.mode == "tts" else -1
        if self._cutting:
            assert text.cut is not None  # `cut` checked it
            self._cutting = self._saying = False
            return text.cut
        if self._saying:
            if self._say:
                return self._say.popleft()
            # A wait ends the reply: the model must not write on.
            self._saying = False
            return text.wait
        if not self._say or (self.mode == "tts" and self.frames == 0) or self._replies.is_writing:
            return free
        if not self._replies.is_idle and self.frames - self._replies.progress <= PATIENCE_FRAMES:
            return free
        self._saying = True
        return self._say.popleft()


def mode_token(loaded: LoadedModel, mode: str) -> int | None:
    """What the read stream begins with.

    Raises:
        InputError: there is no such mode, or the model was not trained for it.
    """
    layout = loaded.model.config.layout
    if mode not in MODES:
        raise InputError(f"unknown mode {mode!r}: choose one of {', '.join(MODES)}")
    token: int | None = getattr(layout.text, mode) if layout.reads else None
    if token is None and mode != "duplex":
        raise InputError(f"{loaded.name} has no mode {mode!r}; open it in mode 'duplex'")
    return token


def frame_of_sound(listen: ArrayLike | torch.Tensor) -> Sound:
    """Checks up to a frame of sound and fills it up with silence -> [1920]; samples beyond full scale are clipped.

    Raises:
        InputError: it is no single channel of floating point samples, too long or empty, or has NaN or infinite samples.
    """
    pcm = np.asarray(listen.detach().cpu() if isinstance(listen, torch.Tensor) else listen)
    if pcm.ndim != 1 or not 0 < len(pcm) <= FRAME_SAMPLES:
        raise InputError(f"a frame of sound is {FRAME_SAMPLES} samples of one channel (fewer only at the end), not {list(pcm.shape)}")
    if pcm.dtype.kind != "f":
        raise InputError(f"sound must be floating point in [-1, 1], not {pcm.dtype}; divide integers by their full scale")
    if not np.isfinite(pcm).all():
        raise InputError("sound has NaN or infinite samples; replace them with zeros")
    frame = np.zeros(FRAME_SAMPLES, np.float32)
    frame[: len(pcm)] = np.clip(pcm, -1, 1)
    return frame
