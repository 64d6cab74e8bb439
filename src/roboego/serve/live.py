"""Live sessions: an engine that ticks by the clock in a thread of its own, fed by whoever is connected."""
# N samples

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roboego.data.recorded import Heading
from roboego.errors import InputError
from roboego.model.sampling import Sampling
from roboego.perception.picture import Picture
from roboego.runtime.clock import FrameClock
from roboego.runtime.context_sight import SightPolicy
from roboego.runtime.engine import Engine
from roboego.runtime.frame import SILENT_LEVEL, Frame, SessionError, StepIn, Text
from roboego.runtime.runner import steady_garbage
from roboego.runtime.session import Session
from roboego.runtime.sound_queue import SoundQueue
from roboego.serve.builtins import Builtins, check_calls
from roboego.serve.functions import Functions
from roboego.serve.logs import LOGGER
from roboego.serve.meters import Meters, SessionMeter
from roboego.serve.recording import Recorder, Recording
from roboego.serve.settings import ALL
from roboego.streams.conversation import Mode
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, frames_to_seconds

KEPT_TIMES = 256
"""Frames whose times are remembered."""
MOST_FAULTS = 3
"""Steps in a row that may fail for all sessions at once; then the engine is given up."""
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
    """How long a session may last by the clock, from its slot on, whether its client sends anything or not; None: without end.

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
        builtins: Builtins | None = None,
    ) -> None:
        self.session, self.deliver, self.pace, self.recording, self.meter = session, deliver, pace, recording, meter
        self.transcriber: Session | None = None
        self.queue = SoundQueue(pace.bound_frames)
        self.allowed, self.functions = allowed, Functions(session, builtins)
        self.id = secrets.token_hex(6)
        self.paused = False
        self.samples = self.held = self.catch_ups = 0
        self.times: dict[int, tuple[float, float]] = {}
        self._came: deque[float] = deque()
        self._came_s: float | None = None
        self._opened_s = self._voiced_s = time.monotonic()
        self._began = False
        self._waits = 0
        self._look: Picture | None = None
        self._sense: dict[str, ArrayLike] = {}
        self._lock = threading.Lock()

    def hear(self, pcm_N: NDArray[np.float32]) -> None:
        """Sound at 24 kHz, blocks of any length. The session's time begins with the first.

        Raises:
            InputError: it is no sound; none of it is taken.
        """
        with self._lock:
            self.queue.push(pcm_N)
            before, self.samples = self.samples // FRAME_SAMPLES, self.samples + len(pcm_N)
            self._came.extend([time.monotonic()] * (self.samples // FRAME_SAMPLES - before))
            while len(self._came) > len(self.queue):  # those of frames that were lost
                self._came.popleft()
        self._began = True

    def see(self, look: Picture) -> None:
        """The latest picture.

        Raises:
            InputError: as of `Session.check_sees`. Told here, since a step that is refused would lose its sound.
        """
        self.session.check_sees()
        with self._lock:
            self._look = look

    def feel(self, sense: Mapping[str, ArrayLike]) -> None:
        """The latest readings of senses, by name; those of others stay.

        Raises:
            InputError: as of `Session.check_senses`; none of them is taken.
        """
        checked = self.session.check_senses(sense)
        with self._lock:
            self._sense |= checked

    def read(self, text: Text) -> None:
        """As `Session.read`; begins the session's time."""
        self.session.read(text)
        self._began, self._voiced_s = True, time.monotonic()

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
        with self._lock:
            step_in = self.queue.take()
            self._came_s = self._came.popleft() if step_in.listen is not None and self._came else None
            look, self._look = self._look, None
            sense, self._sense = self._sense, {}
        if _voiced(step_in):
            self._voiced_s = time.monotonic()
        return StepIn(listen=step_in.listen, look=look, sense=sense or None, lost_frames=step_in.lost_frames)

    def done(self, frame: Frame, step_in: StepIn) -> None:
        """Notes when a step was done, and when its sound had come (if it had any). While a timer runs, a session is not idle."""
        now = time.monotonic()
        if self.functions.builtins.timing:
            self._voiced_s = now
        came = now if self._came_s is None else self._came_s
        self.times[frame.index] = came, now
        if self.meter is not None:
            self.meter.step(frame, voiced=_voiced(step_in), came=came, done=now)
        self.times.pop(frame.index - KEPT_TIMES, None)

    def over(self, limits: Limits) -> str:
        """Why the session has to end; "" if it may go on."""
        now = time.monotonic()
        if limits.idle_s is not None and now - self._voiced_s > limits.idle_s:
            return f"nothing was said for {limits.idle_s:g} s"
        if limits.total_s is not None and now - self._opened_s > limits.total_s:
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


class Notice(SessionError):
    """Something that a client is told while its session goes on."""


class LiveEngine:
    """Steps all live sessions together, every 80 ms. While there is none, it sleeps.

    Attributes:
        engine: the engine, which nobody else steps.
        recorder: records all sessions; None records none.
        allowed: the settings that clients may choose for their sessions.
        functions: which of `roboego.serve.builtins` Ego may call in every session.
        sight: how pictures reach the model in every session, as of `Engine.open`.
        meters: what is measured of all sessions.
        clock_late, clock_skipped: ticks that began late, and periods that were left out.
        draining: no new sessions are taken.
        failure: why the engine was given up, which takes no sessions any more; "" while it works.
    Raises:
        InputError: there are no such functions, or the model cannot call any; it does not have that sight.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        pace: Pace | None = None,
        limits: Limits | None = None,
        recorder: Recorder | None = None,
        allowed: frozenset[str] = ALL,
        functions: Sequence[str] = (),
        sight: SightPolicy = "stream",
    ) -> None:
        check_calls(engine.loaded, functions)
        engine.check_sight(sight)
        self.engine, self.pace, self.limits, self.recorder = engine, pace or Pace(), limits or Limits(), recorder
        self.allowed, self.functions, self.sight = allowed, tuple(functions), sight
        self.meters = Meters()
        self.clock_late = self.clock_skipped = 0
        self.draining = False
        self.failure = ""
        self._faults = 0
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
        """The engine ticks, and has not been given up."""
        return self._thread.is_alive() and not self._stopping and not self.failure

    def open(self, deliver: Deliver, *, mode: Mode = "duplex", prompt: Text | None = None, sampling: Sampling | None = None) -> Live:
        """A session in a free slot; its time begins with its first sound.

        Raises:
            EngineFull: no slot is free.
            InputError: as of `Engine.open`; the server is shutting down, or the engine has failed.
        """
        if self.failure:
            raise InputError(f"the engine has failed: {self.failure}")
        if self._stopping or self.draining:
            raise InputError("the server is shutting down; connect again later")
        session = self.engine.open(mode, prompt, sampling, sight=self.sight)
        recording = None
        if self.recorder is not None:
            heading = Heading.of(self.engine.loaded, mode, time.time())
            recording = self.recorder.begin(heading, lambda trouble: deliver(Notice(trouble)))
        live = Live(session, deliver, self.pace, recording, SessionMeter(self.meters), self.allowed, Builtins(self.functions))
        live.functions.declare()
        with self._lock:
            self._lives[live.session] = live
        self._wake.set()
        LOGGER.info("session begins", extra={"session": live.id, "slot": session.slot, "sessions": len(self.lives)})
        return live

    def transcribe(self, live: Live, wanted: bool = True) -> None:
        """From now on, what a session hears is written down by the same model in a second slot, as `Frame.heard`. May be called again.

        Args:
            wanted: if false, it no longer is, and the second slot is free.
        Raises:
            EngineFull: no slot is free.
            InputError: the model does not transcribe.
        """
        if wanted and live.transcriber is None:
            live.transcriber = self.engine.open("asr")
        elif not wanted and live.transcriber is not None:
            second, live.transcriber = live.transcriber, None
            second.close()

    def close(self, live: Live) -> None:
        """Frees a session's slots. May be called again."""
        with self._lock:
            known = self._lives.pop(live.session, None)
        live.session.close()
        if (second := live.transcriber) is not None:
            second.close()
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
            self._tick(late=False)
            while 1e3 * (time.perf_counter() - began) + self.pace.catch_up_ms < FRAME_MS and self._tick(late=True):
                pass
            self.clock_skipped += tick.skipped
        self.clock_late += clock.late

    def _tick(self, *, late: bool) -> bool:
        """As `_step`. If it breaks down for all sessions together, they end; the thread goes on."""
        try:
            stepped = self._step(late=late)
        except Exception as error:
            self._broke_down(error)
            return False
        if stepped:
            self._faults = 0
        return stepped

    def _step(self, *, late: bool) -> bool:
        """One step of the sessions that take part; whether any did."""
        lives = {live.session: live for live in self.lives}
        given = {session: step_in for session, live in lives.items() if (step_in := live.take(late=late)) is not None}
        began = time.perf_counter()
        results = self.engine.tick(given | _transcribed(lives, given))
        if results:
            self.meters.step.observe(time.perf_counter() - began)
        for session, step_in in given.items():
            live, result = lives[session], results[session]
            if isinstance(result, Frame) and live.transcriber is not None:
                result = _with_transcript(result, results.get(live.transcriber))
            self._hand_over(live, step_in, result)
        for session, live in lives.items():
            if session.is_open and (reason := live.over(self.limits)):
                self._end(live, SessionOver(reason))
        return bool(given)

    def _hand_over(self, live: Live, step_in: StepIn, result: Frame | SessionError) -> None:
        """What became of a session's step, to whoever has to do with it."""
        failure: SessionError | None = None
        try:
            if isinstance(result, Frame):
                live.done(result, step_in)
                live.functions.follow(result)
                if live.recording is not None:
                    live.recording.put(step_in, result)
            if isinstance(result, Frame) or live.session.is_open:
                live.deliver(result)
            else:
                failure = result
                LOGGER.error("a session failed", extra={"session": live.id}, exc_info=failure)
        except Exception as error:  # one session's failure is its own
            failure = SessionError(f"the session was closed: {type(error).__name__}: {error}")
            LOGGER.error("a session failed", extra={"session": live.id}, exc_info=error)
        if failure is not None:
            self._end(live, failure)
        elif not live.session.is_open:
            self.close(live)

    def _broke_down(self, error: Exception) -> None:
        """A step failed for all sessions together: they end. After several in a row no others begin."""
        self._faults += 1
        LOGGER.error("a step failed", extra={"sessions": len(self.lives), "in_a_row": self._faults}, exc_info=error)
        if self._faults >= MOST_FAULTS:
            self.failure = f"{self._faults} steps in a row broke down ({type(error).__name__}); its log says where. Restart the server"
            LOGGER.critical("the engine has failed", extra={"reason": self.failure})
        for live in self.lives:
            self._end(live, SessionError(f"the session was closed, since the engine's step failed: {type(error).__name__}: {error}"))

    def _end(self, live: Live, reason: SessionError) -> None:
        """Ends a session, and tells its client why."""
        try:
            live.deliver(reason)
        except Exception:
            LOGGER.exception("a client could not be told why its session ends", extra={"session": live.id})
        self.close(live)
