"""One episode at the table: the user speaks, Ego hears, sees and feels, and its actions move the arm, frame by frame.

Time is the simulated user's: step t is given the user's frame t and what is seen and felt at its end; its action moves the arm during the
frame after it, while its speech is played.
"""
# T frames, N samples

from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import Action, ActionBins
from roboego.actions.guard import Guard, Limits
from roboego.actions.robot import Sensed
from roboego.data.episodes import LOOK_EVERY
from roboego.data.voices.base import Sound
from roboego.evaluation.simulated_user import Patience, SimulatedUser
from roboego.evaluation.surroundings import QUIET, Surroundings
from roboego.evaluation.table.abilities import Feel
from roboego.evaluation.table.plan import Meanwhile, Plan
from roboego.evaluation.talk import Talked
from roboego.metrics.motion import frames_moving
from roboego.metrics.turns import voiced_segments
from roboego.runtime.frame import Frame, StepIn
from roboego.sim.body import GRIP
from roboego.sim.env import sensed, take
from roboego.sim.experts import Expert
from roboego.sim.eye import Eye
from roboego.sim.robot import TableRobot
from roboego.sim.table import OPENING_M, Table
from roboego.sim.tasks import HOLDING, Check, Task
from roboego.timebase import FRAME_NS, FRAME_S, FRAME_SAMPLES, samples_to_frames

LONGEST_FRAMES = 200
"""After the request there is so long (16 s) to do it, and as long for a motion to begin in which something else is to happen."""
AFTER_FRAMES = 12
"""A task that is done is followed for so long (0.96 s) by what Ego still says."""
WATCHED_FRAMES = 45
"""So long (3.6 s) an arm that is to rest is watched."""
MOVED_M, OPENED_M = 0.01, 0.006
"""An arm that has come less far, and a finger that has, has not been moved."""
FIRST_S, NEVER_S = 0.5, 3_600.0
"""When the request is made: soon, or not until the user is told to."""


class Episode:
    """What comes of a plan. Use it as a context; then ask it for what Ego is given, and tell it what Ego does, in turn, until `done`.

    Attributes:
        plan: what is to be; table: where; user: who asks; bins: as given.
        check: follows the task; None if there is none.
        talked: both sides' sound and Ego's frames, once the context has been left.
        speeds: [T] the greatest speed of hand and fingers in each frame, metres a second.
        done_at: the frame after which the task had been done; None if it has not.
        happened_at: the frame in which what is to happen meanwhile began; None before.
        moved: hand or fingers are, or have been, elsewhere than at the start.

    Args:
        bins: what Ego's actions mean.
        picture: pixels a side of what Ego sees; 0: it sees nothing.
        feel: how it is told what it feels; None: it is not.
        around: where the user is heard.
        limits: of the guard between Ego and the arm.
    """

    table: Table
    check: Check | None
    user: SimulatedUser
    talked: Talked

    def __init__(
        self,
        plan: Plan,
        *,
        bins: ActionBins,
        picture: int = 0,
        feel: Feel | None = None,
        around: Surroundings = QUIET,
        limits: Limits | None = None,
    ) -> None:
        self.plan, self.bins, self._size, self._feel, self._around = plan, bins, picture, feel, around
        self._guard = Guard(bins.decode(bins.rest), limits)
        self._eye: Eye | None = None
        self.speeds: list[float] = []
        self.done_at: int | None = None
        self.happened_at: int | None = None
        self.moved = False

    def __enter__(self) -> Self:
        plan = self.plan
        self.table, self._feigned = _laid(plan)
        self._robot, self._camera = TableRobot(self.table), plan.camera
        self._lead = None if plan.lead is None else (Expert(plan.lead, self.table), Check(plan.lead, self.table))
        self._eye = Eye(self.table, self._size, self._size) if self._size else None
        self.check = None if plan.task is None else Check(plan.task, self.table)
        self._hand = self.table.tip, self.table.opening
        sounds = [plan.sound] if plan.meanwhile is None or not len(plan.meanwhile.sound) else [plan.sound, plan.meanwhile.sound]
        heard_as, background = self._around.heard(sounds)
        first = FIRST_S if plan.lead is None else NEVER_S
        patience = Patience(first=first, quiet=np.inf, no_answer=np.inf)  # but for the request, the user speaks when it is told to
        self.user = SimulatedUser(turns=sounds, heard_as=heard_as, background=background, patience=patience)
        self._rng = np.random.default_rng(0)  # which of the points that the camera measures are taken
        self._heard: list[Sound] = []
        self._said: list[Sound] = [np.zeros(FRAME_SAMPLES, np.float32)]
        self._frames: list[Frame] = []
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        heard, said = ([np.zeros(0, np.float32), *sounds] for sounds in (self._heard, self._said[: len(self._heard)]))
        self.talked = Talked(user=np.concatenate(heard), ego=np.concatenate(said), frames=self._frames)
        if self._eye is not None:
            self._eye.close()

    # -- frame by frame ----------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether there is nothing more to wait for."""
        asked, plan, now = self.asked, self.plan, self.frames
        if asked is None:
            return now >= 2 * LONGEST_FRAMES  # whoever leads the arm does not get there
        over = self.done_at is not None and now - self.done_at >= AFTER_FRAMES
        if self.happened is not None:
            if plan.halts:
                return now - self.happened >= WATCHED_FRAMES
            return now - self.happened >= (WATCHED_FRAMES if over else LONGEST_FRAMES)
        if plan.task is None:
            return now - asked >= WATCHED_FRAMES
        return over or now - asked >= LONGEST_FRAMES

    def give(self) -> StepIn:
        """What Ego is given in the next frame."""
        plan, typed = self.plan, None
        if self._lead is not None and self._lead[1].done and not self.user.went:
            self.user.come_in()
        if plan.meanwhile is not None and self._is_time(plan.meanwhile):
            self.happened_at, self._camera, typed = self.frames, plan.meanwhile.camera, plan.meanwhile.typed or None
            if len(plan.meanwhile.sound):
                self.user.come_in()
        self._heard.append(self.user.speak())
        return StepIn(listen=self._heard[-1], look=self._look(), sense=self._felt(), read=typed)

    def take(self, frame: Frame) -> None:
        """What Ego made of it."""
        self._frames.append(frame)
        self._said.append(frame.speech)
        self.user.hear(frame.speech)
        before, action = self.table.opening, self._action(frame)
        self._robot.move(action)
        self._follow(before, action)
        if self._lead is not None:
            self._lead[1].update()
        elif self.check is not None and self.check.update() and self.done_at is None:
            self.done_at = self.frames

    def _follow(self, opening: float, action: Action) -> None:
        """Takes down how the arm has moved, from this opening on. Fingers that were not told to, and close since something slips from
        them, have not."""
        tip, start = self._hand
        fingers_m_s = abs(self.table.opening - opening) / FRAME_S * bool(action[3])
        self.speeds.append(max(float(np.linalg.norm(self.table.tip_velocity)), fingers_m_s))
        away, opened = float(np.linalg.norm(self.table.tip - tip)), abs(self.table.opening - start)
        self.moved = self.moved or away >= MOVED_M or opened >= OPENED_M

    def _is_time(self, meanwhile: Meanwhile) -> bool:
        """Whether it is to happen now: not before the request has been made, nor after it has been met."""
        asked = self.asked
        if self.happened_at is not None or self.done_at is not None or asked is None or self.frames < asked:
            return False
        return frames_moving(self.speeds[asked:]) >= meanwhile.after_frames

    def _action(self, frame: Frame) -> Action:
        """What the arm does in the frame that follows."""
        if self._lead is not None:
            expert, check = self._lead
            return np.zeros(TableRobot.dims) if check.done else expert.act()
        now_ns = frame.index * FRAME_NS
        if frame.action is not None:
            self._guard.command(self.bins.decode(frame.action), now_ns)
        return self._guard.beat(now_ns)[0]

    @property
    def _looks(self) -> bool:
        """Whether the camera looks in this frame."""
        return self._eye is not None and self.frames % LOOK_EVERY == 0

    def _look(self) -> NDArray[np.uint8] | None:
        if not self._looks or self._eye is None or "picture" in self.plan.withheld:
            return None
        if self._camera == "black":
            self._picture = np.zeros((self._size, self._size, 3), np.uint8)
        elif self._camera == "live":
            self._picture = self._eye.picture()
        return self._picture

    def _felt(self) -> dict[str, NDArray[np.float32]] | None:
        """What is felt, as the session takes it; None if Ego feels nothing."""
        if self._feel is None:
            return None
        felt, points = sensed(self.table), None
        if self._feigned is not None:
            felt.body[..., GRIP], felt.touch[:] = self._feigned.body[..., GRIP], self._feigned.touch
        if self._feel.points and self._looks and self._eye is not None and self._camera == "live":
            points = self._eye.points(self._feel.points, self._rng)
        return self._feel.readings(felt, points, self.plan.withheld) or None

    # -- what came of it ---------------------------------------------------------------------

    @property
    def frames(self) -> int:
        """T: frames so far."""
        return len(self._frames)

    def written(self, first: int, stop: int | None = None) -> str:
        """What Ego wrote from one frame up to another."""
        return "".join(f.text for f in self._frames[first:stop]).strip()

    def said_by(self, i: int) -> int | None:
        """The sample after the request (0), or after what happened meanwhile (1); None before that has begun."""
        if i and len(self.user.turns) == 1:
            return None if self.happened_at is None else self.happened_at * FRAME_SAMPLES
        if len(self.user.went) <= i:
            return None
        return self.user.went[i].start + voiced_end(self.user.turns[i])

    @property
    def asked(self) -> int | None:
        """The first frame after the request; None before that has begun."""
        end = self.said_by(0)
        return None if end is None else samples_to_frames(end)

    @property
    def happened(self) -> int | None:
        """The first frame after what happened meanwhile; None before that has begun."""
        end = self.said_by(1)
        return None if end is None else samples_to_frames(end)


def voiced_end(pcm: Sound) -> int:
    """The sample after the last voiced one; the sound's end where none is."""
    voiced = voiced_segments(pcm)
    return voiced[-1].end if voiced else len(pcm)


def _laid(plan: Plan) -> tuple[Table, Sensed | None]:
    """The table as it is at the start, and what is to be felt in place of the truth."""
    table = Table(plan.scene)
    if plan.tip is not None:
        table.place_hand(np.array(plan.tip), OPENING_M)
    if plan.task is not None and plan.task.verb in HOLDING:
        take(table, plan.task)
    if not plan.feigned:
        return table, None
    take(table, Task(verb="pick_up", thing=plan.about))
    stands = Table(plan.scene)
    stands.place_hand(table.tip, table.opening)
    return stands, sensed(table)
