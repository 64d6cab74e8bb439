"""Live sessions: an engine that ticks by the clock in a thread of its own, fed by whoever is connected."""
# N samples

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from roboego.data.recorded import Heading
from roboego.errors import InputError
from roboego.model.sampling import Sampling
from roboego.runtime.clock import FrameClock
from roboego.runtime.engine import Engine
from roboego.runtime.frame import SILENT_LEVEL, Frame, Look, SessionError, StepIn, Text
from roboego.runtime.runner import steady_garbage
from roboego.runtime.session import Session
from roboego.runtime.sound_queue import SoundQueue
from roboego.serve.functions import Functions
from roboego.serve.logs import LOGGER
from roboego.serve.meters import Meters, SessionMeter
from roboego.serve.recording import Recorder, Recording
from roboego.serve.settings import ALL
from roboego.streams.conversation import Mode
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, frames_to_seconds

KEPT_TIMES = 256
"""Frames whose times are remembered."""
Deliver: TypeAlias = Callable[[Frame | SessionError], None]
"""Told of every frame, in the engine's thread: it must return at once."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a live session keeps time with its client.

    Attributes:
        hold_frames: steps that a session sits out when sound is late, before it goes on with silence: a gap in a word would be heard.
        backlog_frames: frames that may wait; what is more, say after a stalled network, is caught up with as soon as there is time.
        bound_frames: frames kept at most; beyond that the oldest are lost, counted and reported.
        catch_up_ms: a period's time that has to be left for one more step.
    """

    hold_frames: int = 3
    backlog_frames: int = 3
    bound_frames: int = 50
    catch_up_ms: float = 40.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a session may last; None: without end.

    Attributes:
        idle_s: without any sound above -50 dB of full scale, and without text.
        total_s: in all.
    """

    idle_s: float | None = 300.0
    total_s: float | None = None


class Live:
    """One connected session. Its methods may be called from any thread.

    Attributes:
        session: in the engine.
        id: names it in logs.
        queue: sound on its way in.
        recording: where it is recorded; None if it is not.
        meter: measures it; None if nothing is measured.
        allowed: the settings that its client may choose.
        functions: what Ego may call in it.
        transcriber: hears the same in another slot, and writes it down; None unless asked for.
        paused: no time passes.
        samples: how many have been heard or wait to be.
        times: when the sound of a frame had come and when its step was done, in seconds of the monotonic clock, by the frame's number;
            of the last frames.
        held: steps sat out so far.
        catch_ups: steps made beyond one in 80 ms.
    """

    def __init__(
        self,
        session: Session,
        deliver: Deliver,
        pace: Pace,
        recording: Recording | None = None,
        meter: SessionMeter | None = None,
        allowed: frozenset[str] = ALL,
    ) -> None:
        self.session, self.deliver, self.pace, self.recording, self.meter = session, deliver, pace, recording, meter
        self.transcriber: Session | None = None
        self.queue = SoundQueue(pace.bound_frames)
        self.allowed, self.functions = allowed, Functions(session)
        self.id = secrets.token_hex(6)
        self.paused = False
        self.samples = self.held = self.catch_ups = 0
        self.times: dict[int, tuple[float, float]] = {}
        self._came: deque[float] = deque(maxlen=pace.bound_frames)
        self._quiet = 0
        self._began = False
        self._waits = 0
        self._look: Look | None = None
        self._lock = threading.Lock()

    def hear(self, pcm_N: NDArray[np.float32]) -> None:
        """Sound at 24 kHz, blocks of any length. The session's time begins with the first.

        Raises:
            InputError: it is no sound; none of it is taken.
        """
        self.queue.push(pcm_N)
        before, self.samples = self.samples // FRAME_SAMPLES, self.samples + len(pcm_N)
        self._came.extend([time.monotonic()] * (self.samples // FRAME_SAMPLES - before))
        self._began = True

    def see(self, look: Look) -> None:
        """The latest picture."""
        with self._lock:
            self._look = look

    def read(self, text: Text) -> None:
        """As `Session.read`; begins the session's time."""
        self.session.read(text)
        self._began, self._quiet = True, 0

    def begin(self) -> None:
        """Lets time pass without sound."""
        self._began = True

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return frames_to_seconds(self.session.frames)

    def take(self, *, late: bool) -> StepIn | None:
        """What the session is given now; None if it sits this step out.

        Args:
            late: it has made its step of this period and would catch up.
        """
        if self.paused or not self._began or (late and len(self.queue) <= self.pace.backlog_frames):
            return None
        if not len(self.queue):
            # Silence is the client's to send. If it sends nothing for longer, it has nothing to say.
            self._waits += 1
            if self._waits <= self.pace.hold_frames and self.session.frames:
                self.held += 1
                return None
        else:
            self._waits = 0
        self.catch_ups += late
        step_in = self.queue.take()
        self._quiet = 0 if _voiced(step_in) else self._quiet + 1
        with self._lock:
            look, self._look = self._look, None
        return StepIn(listen=step_in.listen, look=look, lost_frames=step_in.lost_frames)

    def done(self, frame: Frame, step_in: StepIn) -> None:
        """Notes when a step was done, and when its sound had come (if it had any)."""
        now = time.monotonic()
        came = self._came.popleft() if step_in.listen is not None and self._came else now
        self.times[frame.index] = came, now
        if self.meter is not None:
            self.meter.step(frame, voiced=_voiced(step_in), came=came, done=now)
        self.times.pop(frame.index - KEPT_TIMES, None)

    def over(self, limits: Limits) -> str:
        """Why the session has to end; "" if it may go on."""
        if limits.idle_s is not None and frames_to_seconds(self._quiet) > limits.idle_s:
            return f"nothing was said for {limits.idle_s:g} s"
        if limits.total_s is not None and self.seconds > limits.total_s:
            return f"a session lasts {limits.total_s:g} s at most here"
        return ""


def _transcribed(lives: Mapping[Session, Live], given: Mapping[Session, StepIn]) -> dict[Session, StepIn]:
    """What the second slots hear: the same as the first."""
    pairs = [(lives[session].transcriber, step_in) for session, step_in in given.items()]
    return {second: StepIn(listen=step_in.listen) for second, step_in in pairs if second is not None and second.is_open}


def _with_transcript(frame: Frame, written: Frame | SessionError | None) -> Frame:
    """A frame whose `heard` is what the second slot wrote."""
    return replace(frame, heard=written.text, caption=written.token) if isinstance(written, Frame) else frame


def _voiced(step_in: StepIn) -> bool:
    """Whether anything is to be heard in a frame."""
    return step_in.listen is not None and float(np.abs(np.asarray(step_in.listen)).max()) > SILENT_LEVEL


class SessionOver(SessionError):
    """A session has reached one of its limits."""


class LiveEngine:
    """Steps all live sessions together, every 80 ms. While there is none, it sleeps.

    Attributes:
        engine: the engine, which nobody else steps.
        recorder: records all sessions; None records none.
        allowed: the settings that clients may choose for their sessions.
        meters: what is measured of all sessions.
        clock_late, clock_skipped: ticks that began late, and periods that were left out.
        draining: no new sessions are taken.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        pace: Pace | None = None,
        limits: Limits | None = None,
        recorder: Recorder | None = None,
        allowed: frozenset[str] = ALL,
    ) -> None:
        self.engine, self.pace, self.limits, self.recorder = engine, pace or Pace(), limits or Limits(), recorder
        self.allowed = allowed
        self.meters = Meters()
        self.clock_late = self.clock_skipped = 0
        self.draining = False
        self._lives: dict[Session, Live] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends all sessions and the thread."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        for live in self.lives:
            self.close(live)
        self.engine.close()
        if self.recorder is not None:
            self.recorder.stop()

    def drain(self) -> None:
        """Takes no new sessions from now on."""
        self.draining = True

    @property
    def running(self) -> bool:
        return self._thread.is_alive() and not self._stopping

    def open(self, deliver: Deliver, *, mode: Mode = "duplex", prompt: Text | None = None, sampling: Sampling | None = None) -> Live:
        """A session in a free slot; its time begins with its first sound.

        Raises:
            EngineFull: no slot is free.
            InputError: as of `Engine.open`.
        """
        if self._stopping or self.draining:
            raise InputError("the server is shutting down; connect again later")
        session = self.engine.open(mode, prompt, sampling)
        recording = None if self.recorder is None else self.recorder.begin(Heading.of(self.engine.loaded, mode, time.time()))
        live = Live(session, deliver, self.pace, recording, SessionMeter(self.meters), self.allowed)
        with self._lock:
            self._lives[live.session] = live
        self._wake.set()
        LOGGER.info("session begins", extra={"session": live.id, "slot": session.slot, "sessions": len(self.lives)})
        return live

    def transcribe(self, live: Live) -> None:
        """From now on, what a session hears is written down by the same model in a second slot, as `Frame.heard`. May be called again.

        Raises:
            EngineFull: no slot is free.
            InputError: the model does not transcribe.
        """
        if live.transcriber is None:
            live.transcriber = self.engine.open("asr")

    def close(self, live: Live) -> None:
        """Frees a session's slots. May be called again."""
        with self._lock:
            known = self._lives.pop(live.session, None)
        live.session.close()
        if live.transcriber is not None:
            live.transcriber.close()
        if known is None:
            return
        if live.recording is not None:
            live.recording.end()
        LOGGER.info("session ends", extra={"session": live.id, "seconds": live.seconds, "held": live.held, "catch_ups": live.catch_ups})

    @property
    def lives(self) -> tuple[Live, ...]:
        """Sessions that are connected."""
        with self._lock:
            return tuple(self._lives.values())

    def _run(self) -> None:
        with steady_garbage():
            while not self._stopping:
                # Cleared before anything is looked at: whoever opens or stops after that sets it again.
                self._wake.wait()
                self._wake.clear()
                self._tick_while_busy()

    def _tick_while_busy(self) -> None:
        clock = FrameClock()
        while self.lives and not self._stopping:
            tick = clock.wait()
            self.meters.late.observe(max(tick.late_ns, 0) / 1e9)
            began = time.perf_counter()
            self._step(late=False)
            while 1e3 * (time.perf_counter() - began) + self.pace.catch_up_ms < FRAME_MS and self._step(late=True):
                pass
            self.clock_skipped += tick.skipped
        self.clock_late += clock.late

    def _step(self, *, late: bool) -> bool:
        """One step of the sessions that take part; whether any did."""
        lives = {live.session: live for live in self.lives}
        given = {session: step_in for session, live in lives.items() if (step_in := live.take(late=late)) is not None}
        began = time.perf_counter()
        results = self.engine.tick(given | _transcribed(lives, given))
        if results:
            self.meters.step.observe(time.perf_counter() - began)
        for session in given:
            live, result = lives[session], results[session]
            if isinstance(result, Frame) and live.transcriber is not None:
                result = _with_transcript(result, results.get(live.transcriber))
            if isinstance(result, Frame):
                live.done(result, given[session])
            elif not session.is_open:
                LOGGER.error("a session failed", extra={"session": live.id}, exc_info=result)
            if live.recording is not None and isinstance(result, Frame):
                live.recording.put(given[session].listen, result, given[session].look)
            live.deliver(result)
            if reason := live.over(self.limits):
                live.deliver(SessionOver(reason))
                self.close(live)
            elif not session.is_open:
                self.close(live)
        return bool(given)
