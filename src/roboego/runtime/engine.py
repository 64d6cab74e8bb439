"""The engine: all sessions' frames, one batched call every 80 ms."""
# B slots, K codebooks, D action dimensions, N samples a frame, M tokens of a picture, V their width

import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from roboego.errors import CheckpointError, InputError
from roboego.model.checkpoint import check_vision
from roboego.model.loaded import LoadedModel
from roboego.model.model import StepInput, StepOutput
from roboego.model.native.team import torch_on_one_thread
from roboego.model.rollout import greedy, step_settings
from roboego.model.sampling import Sampling, StepSettings, StreamSampling, fill_uniform
from roboego.model.state import ModelState
from roboego.perception.latest import Encoder, encoder
from roboego.runtime.codec_lane import CodecLane
from roboego.runtime.context_sight import POSITIONS, UNSURE, SightPolicy
from roboego.runtime.counters import Counters, Counts
from roboego.runtime.frame import SILENCE, EngineFull, Frame, Output, Prepared, SessionError, StepIn, Text
from roboego.runtime.session import Session, mode_token
from roboego.runtime.session_sight import SessionSight, check_sight
from roboego.runtime.slot_senses import SlotSenses
from roboego.runtime.slot_sight import SlotSight
from roboego.streams.conversation import Mode
from roboego.timebase import FRAME_SAMPLES

IDLE = Sampling(speak=StreamSampling())
"""Of slots without a session: no random numbers."""


class Engine:
    """Runs a model for up to `slots` sessions at once. All memory is taken at the start.

    A tick encodes what the sessions hear, steps the model, and decodes what it says, and waits for the device once. The model's step is one
    batched call over all slots. So are a codec's two, unless its slots share a state, as Mimi's do: then they are stepped one by one.
    Slots whose session does not take part keep their state. Methods may be called from any thread; one runs at a time. Those of sessions
    may, too, and wait for no step but where they say so.

    Attributes:
        loaded, slots, device: as they were given.
        lock: re-entrant; held by whatever steps sessions, opens or closes them: for as long as a step takes.

    Args:
        loaded: the model with its codec; it is moved to `device`.
        slots: B.
        threads: CPU threads for the whole process; None leaves them as they are.
        device: where to run; None: where the model is.
        see: encodes pictures, for models that see; by default the model's own encoder, where it brought one.
        see_in_background: pictures are encoded in a thread of each session, off the step's path; if false, as part of the step, so that a
            run without a clock is reproducible.
        context_positions: tokens of pictures that go into contexts before a step, of all sessions together, see `ContextSight`.
    Raises:
        InputError: fewer than one slot, thread or position.
        CheckpointError: model, codec and picture encoder do not fit each other.
    """

    _state: ModelState
    _settings: StepSettings
    _encoder: CodecLane | None
    _decoder: CodecLane | None
    _uniform: Tensor

    def __init__(
        self,
        loaded: LoadedModel,
        slots: int = 1,
        threads: int | None = None,
        device: str | torch.device | None = None,
        *,
        see: Encoder | None = None,
        see_in_background: bool = True,
        context_positions: int = POSITIONS,
    ) -> None:
        if slots < 1 or (threads is not None and threads < 1):
            raise InputError(f"an engine needs at least one slot and one thread, not {slots} and {threads}")
        if context_positions < 1:
            raise InputError(f"context_positions must be at least 1, not {context_positions}")
        _check_fit(loaded)
        if threads is not None:
            torch.set_num_threads(threads)
        if device is not None:
            loaded.model.to(device)
            if isinstance(loaded.codec, nn.Module):
                loaded.codec.to(device)
            if loaded.vision is not None:
                loaded.vision.to(device)
        self.loaded, self.slots, self.device = loaded, slots, loaded.model.device
        if see is None and loaded.vision is not None:
            see = encoder(loaded.vision)
        self._see, self._see_in_background = see, see_in_background
        backbone = loaded.model.config.backbone
        self._positions = min(context_positions, backbone.window - backbone.kept_sinks)
        self._sessions: list[Session | None] = [None] * slots
        self._counters = Counters()
        self.lock = threading.RLock()
        self._allocate()
        self._warm_up()

    # -- sessions ----------------------------------------------------------------------------

    def check_sight(self, sight: SightPolicy) -> None:
        """Raises InputError if sessions cannot be opened with that `sight`."""
        check_sight(self.loaded, self._see, sight)

    def open(
        self,
        mode: Mode = "duplex",
        prompt: Text | None = None,
        sampling: Sampling | None = None,
        *,
        sight: SightPolicy = "stream",
        unsure: float = UNSURE,
        details: bool = True,
    ) -> Session:
        """Starts a session in a free slot.

        Args:
            mode: "asr" writes down what is heard, "tts" says given text, "duplex" converses.
            prompt: read before anything else, a token a frame.
            sampling: how to choose, and the seed; the model's own by default.
            sight: "stream" sees the latest picture's vector and details, as the model has them; "context" also takes each new picture's
                tokens into the context, where they are remembered and take up room; "auto" does so only with a picture that is in sight
                when the model is unsure of what it writes.
            unsure: of "auto": the probability of a piece of a word below which the model is.
            details: whether the latest picture's details are seen; without them, what they bring can be told.
        Raises:
            EngineFull: no slot is free.
            InputError: the model does not have this mode or sight, or cannot read the prompt.
        """
        with self.lock:
            mode_token(self.loaded, mode)
            background = self._see_in_background
            looking = SessionSight(self.loaded, self._see, background=background, policy=sight, unsure=unsure, details=details)
            slot = next((i for i, session in enumerate(self._sessions) if session is None), None)
            if slot is None:
                raise EngineFull(f"all {self.slots} slots are taken; close a session, or make an engine with more slots")
            session = Session(self, slot, mode, sampling or self.loaded.sampling, looking)
            if prompt is not None:
                session.read(prompt)
            self._reset(slot)
            self._sessions[slot] = session
            return session

    def release(self, session: Session) -> None:
        """Frees a session's slot. What `Session.close` does."""
        with self.lock:
            if session.is_open and self._sessions[session.slot] is session:
                self._sessions[session.slot] = None
                session.end()

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that are open."""
        return tuple(session for session in self._sessions if session is not None)

    def close(self) -> None:
        """Ends all sessions."""
        for session in self.sessions:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def counts(self) -> Counts:
        """Steps, late steps, overruns and times so far."""
        return self._counters.snapshot()

    # -- a tick ------------------------------------------------------------------------------

    def tick(self, given: Mapping[Session, StepIn]) -> dict[Session, Frame | SessionError]:
        """One frame of the given sessions; the others stay as they are.

        Returns:
            For each session its frame, or why it has none: after input that cannot be used (the cause is an InputError) it goes on as if
            nothing had happened, after anything else it is closed. Other sessions are not affected.
        Raises:
            Exception: whatever the step of all slots together broke down with. All sessions are closed then, and all slots free.
        """
        with self.lock:
            start_ns = time.perf_counter_ns()
            results: dict[Session, Frame | SessionError] = {}
            prepared: dict[Session, Prepared] = {}
            for session, step_in in given.items():
                try:
                    if session.engine is not self:
                        raise SessionError("the session belongs to another engine")
                    prepared[session] = session.prepare(step_in)
                except Exception as error:  # one session's failure is its own
                    results[session] = self._failed(session, error)
            if not prepared:
                return results
            try:
                host = self._step(prepared)
            except Exception:
                # It is half done: the state of no slot can be relied on, not even of those that sat it out.
                self._counters.failures += len(prepared)
                self.close()
                raise
            step_ms = (time.perf_counter_ns() - start_ns) / 1e6
            self._counters.add_step(step_ms)
            for session, ready in prepared.items():
                self._counters.overruns += ready.lost_frames
                try:
                    results[session] = frame = session.absorb(ready, self._output(session, host[session.slot]), step_ms)
                    self._counters.add_frame(frame)
                except Exception as error:
                    results[session] = self._failed(session, error)
            return results

    def _failed(self, session: Session, error: Exception) -> SessionError:
        self._counters.failures += 1
        if isinstance(error, SessionError):
            return error
        failure = SessionError(f"{error}")
        failure.__cause__ = error
        if not isinstance(error, InputError):
            failure = SessionError(f"the session was closed: {type(error).__name__}: {error}")
            failure.__cause__ = error
            session.close()
        return failure

    def _output(self, session: Session, row: NDArray[np.float32]) -> Output:
        layout = self.loaded.model.config.layout
        samples = FRAME_SAMPLES if self.loaded.codec is not None else 0
        numbers = row[samples:].astype(np.int64)
        codebooks = layout.speak.codebooks
        pcm = row[:samples].copy()
        if samples and session.frames < layout.speak.max_delay:
            pcm = SILENCE.copy()
        return Output(
            pcm=pcm,
            token=int(numbers[0]),
            spoken=int(numbers[1]),
            caption=int(numbers[2]),
            codes=numbers[3 : 3 + codebooks],
            action=numbers[3 + codebooks : 3 + codebooks + layout.action_dims],
            certainty=float(row[-1]) if self._settings.certainty else 1.0,
        )

    @torch.inference_mode()
    def _step(self, prepared: Mapping[Session, Prepared]) -> NDArray[np.float32]:
        """All slots: samples, text, spoken, caption, codes, action and, if asked for, certainty, side by side, a row each, on the host."""
        with torch_on_one_thread() if self.device.type == "cpu" else nullcontext():
            return self._batched(prepared)

    def _batched(self, prepared: Mapping[Session, Prepared]) -> NDArray[np.float32]:
        active = {session.slot for session in prepared}
        held = [session.slot for session in self.sessions if session.slot not in active]
        self._choose_settings()
        self._settings.certainty = any(session.sight.policy == "auto" for session in prepared)
        self._stage(prepared)
        listen = self._hear(held)
        numbers = self._numbers.to(self.device, non_blocking=True)
        if self._settings.uniform is not None:
            self._settings.uniform = self._uniform.to(self.device, non_blocking=True)
        step_in = StepInput(listen=listen, read=numbers[:, 0], forced_text=numbers[:, 1])
        self._sight.give(step_in)
        self._felt.give(step_in)
        if held:
            step_in.active = numbers[:, 2].bool()
        self._take_in(prepared)
        output, self._state = self.loaded.model.step(step_in, self._state, self._settings)
        return self._play(output, prepared, held).cpu().numpy()  # the one wait for the device

    def _stage(self, prepared: Mapping[Session, Prepared]) -> None:
        """Puts what the sessions are given where the device fetches it."""
        pcm, codes, numbers = self._pcm.numpy(), self._codes.numpy(), self._numbers.numpy()
        pcm.fill(0)
        codes[:] = self._silent_listening
        numbers[:] = self.loaded.model.config.layout.text.wait, -1, 0
        for session, given in prepared.items():
            slot = session.slot
            numbers[slot] = given.read, given.forced, 1
            if given.listen is not None:
                pcm[slot] = given.listen
            if given.codes is not None:
                codes[slot] = given.codes
            if given.look is not None:
                self._sight.show(slot, given.look)
            self._felt.feel(slot, given.feeling)
            fill_uniform(self._uniform[slot], self._blocks, self._samplings[slot], session.generator)

    def _hear(self, held: list[int]) -> Tensor:
        """Codes [B, K] of what is heard."""
        if self._encoder is None:
            return self._codes.to(self.device, non_blocking=True)
        codes_BK = self._encoder.step(self._pcm.to(self.device, non_blocking=True), held)
        return codes_BK[:, : self.loaded.model.config.layout.listen.codebooks]

    def _take_in(self, prepared: Mapping[Session, Prepared]) -> None:
        """The next tokens of pictures go into the contexts of those sessions that ask, first of the one that has waited longest."""
        contexts = [(session, context) for session in prepared if (context := session.sight.context) is not None]
        asking = sorted((asked_ns, i) for i, (_, context) in enumerate(contexts) if (asked_ns := context.asked_ns) is not None)
        if not asking:
            return
        start_ns, room, model = time.perf_counter_ns(), self._positions, self.loaded.model
        for _, i in asking:
            session, context = contexts[i]
            part_MV = context.part(room, session.frames).to(model.fusion.table)
            mask_B = torch.zeros(self.slots, dtype=torch.bool)
            mask_B[session.slot] = True
            self._state = model.see(part_MV.expand(self.slots, -1, -1), mask_B, self._state, chunk=self._positions)
            room -= len(part_MV)
            if not room:
                break
        self._counters.context_ms += (time.perf_counter_ns() - start_ns) / 1e6

    def _play(self, output: StepOutput, prepared: Mapping[Session, Prepared], held: list[int]) -> Tensor:
        """Sound and numbers of all slots. Whole numbers up to 2^24 are exact in float32."""
        numbers = torch.cat([torch.stack([output.text, output.spoken, output.caption], 1), output.speak, output.act], 1).float()
        if output.certainty is not None:
            numbers = torch.cat([numbers, output.certainty[:, None]], 1)
        if self._decoder is None:
            return numbers
        layout = self.loaded.model.config.layout.speak
        pcm_BN = self._decoder.step(torch.where(output.speak < layout.entries, output.speak, self._silence), held)
        # The sound begins with the first complete frame; the decoder must not have heard anything before.
        early = [session.slot for session in prepared if session.frames < layout.max_delay]
        if early:
            self._decoder.reset(early, self.slots, self.device)
        return torch.cat([pcm_BN.float(), numbers], 1)

    # -- memory ------------------------------------------------------------------------------

    @torch.inference_mode()
    def _allocate(self) -> None:
        model, codec, slots = self.loaded.model, self.loaded.codec, self.slots
        layout = model.config.layout
        pinned = self.device.type == "cuda"
        self._state = model.initial_state(slots)
        listener = codec.listener() if codec is not None else None
        self._encoder = CodecLane(listener.encode_step, listener.initial_encoder_state, slots) if listener is not None else None
        self._decoder = CodecLane(codec.decode_step, codec.initial_decoder_state, slots) if codec is not None else None
        self._silence = self.loaded.silence.to(self.device)
        still = self.loaded.silence.tolist()[: layout.listen.codebooks]
        self._silent_listening = still if len(still) == layout.listen.codebooks else [layout.listen.pad_id] * layout.listen.codebooks
        self._pcm = torch.zeros(slots, FRAME_SAMPLES, pin_memory=pinned)
        self._codes = torch.zeros(slots, layout.listen.codebooks, dtype=torch.int64, pin_memory=pinned)
        self._numbers = torch.zeros(slots, 3, dtype=torch.int64, pin_memory=pinned)
        self._uniform = torch.full((slots, model.uniform_width()), 0.5, pin_memory=pinned)
        self._blocks = model.uniform_blocks()
        self._sight = SlotSight(model, slots)
        self._felt = SlotSenses(model, slots)
        self._samplings: tuple[Sampling, ...] = ()
        self._choose_settings()

    def _choose_settings(self) -> None:
        """Takes over how the sessions sample now. They may choose at any time: a step goes by what it found at its beginning."""
        samplings = tuple(session.sampling if session is not None else IDLE for session in self._sessions)
        if samplings == self._samplings:
            return
        with torch.inference_mode():
            self._settings = step_settings(self.loaded.model, list(samplings))
        self._settings.uniform = None if all(greedy(sampling) for sampling in samplings) else self._uniform
        self._samplings = samplings

    @torch.inference_mode()
    def _reset(self, slot: int) -> None:
        """A slot as if nothing had ever happened in it."""
        mask_B = torch.zeros(self.slots, dtype=torch.bool, device=self.device)
        mask_B[slot] = True
        self._state.reset(mask_B)
        for lane in (self._encoder, self._decoder):
            if lane is not None:
                lane.reset([slot], self.slots, self.device)
        self._sight.forget(slot)
        self._felt.forget(slot)

    @torch.inference_mode()
    def _warm_up(self) -> None:
        """Two steps without sessions, and a look: libraries choose their kernels and take their memory before the clock runs."""
        model = self.loaded.model
        for _ in range(2):
            self._step({})
        self._sight.warm_up(model)
        if width := model.config.context_width:
            nothing, first = model.fusion.table.new_zeros(self.slots, self._positions, width), torch.arange(self.slots) == 0
            self._state = model.see(nothing, first, self._state, chunk=self._positions)


def _check_fit(loaded: LoadedModel) -> None:
    layout, codec = loaded.model.config.layout, loaded.codec
    if len(loaded.silence) != layout.speak.codebooks:
        raise CheckpointError(
            f"{loaded.name}: silence has {len(loaded.silence)} codes, the model speaks {layout.speak.codebooks} codebooks"
        )
    if loaded.vision is not None:
        check_vision(loaded.vision, loaded.model.config, loaded.name)
    if codec is None:
        return
    if codec.codebooks != layout.speak.codebooks or codec.codebooks < layout.listen.codebooks or codec.entries != layout.speak.entries:
        raise CheckpointError(
            f"{loaded.name}: the codec has {codec.codebooks} codebooks of {codec.entries}, the model speaks {layout.speak.codebooks} of "
            f"{layout.speak.entries} and hears {layout.listen.codebooks}; give the codec it was trained with"
        )
