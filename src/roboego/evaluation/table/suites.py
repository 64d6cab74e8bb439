"""The suites at the table, as `roboego.evaluation.suites` has them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from roboego.errors import InputError
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.report import Sample
from roboego.evaluation.table import action, conflicts, feelings, requests, setting, vqa
from roboego.evaluation.table.abilities import feel, picture_size
from roboego.evaluation.table.ego import ModelEgo
from roboego.evaluation.table.outcome import Outcome
from roboego.evaluation.table.plan import Plan, shared_out
from roboego.evaluation.table.setting import Setting
from roboego.evaluation.talk import Talked
from roboego.runtime.counters import Counts
from roboego.streams.tokenizer import TextCodec

if TYPE_CHECKING:
    from roboego.evaluation.suites import Measuring

DO_SHARE = 3
"""Of the requests that are simply to be met there are so many times more episodes, since they are of twelve verbs."""
LOOKED_AT = 2
"""Episodes of each kind, and of each outcome, that are kept to look at."""

Found = tuple[dict[str, Any], list[Sample]]


def run_vqa(m: "Measuring") -> Found:
    """Questions about pictures of held-out tables: with the picture, without one, and with that of another table."""
    size, tokenizer = picture_size(m.model), _reader(m) if m.written else None
    tables = [table for i, voice, count in shared_out(m.questions, m.askers) for table in vqa.tables(voice, count, size, seed=i)]
    partner, kept = EnginePartner(m.model, sight=m.sight, details=m.details), _Kept("vqa")

    def look(viewing: vqa.Viewing) -> None:
        questions = viewing.questions
        note = " ".join(f"user: {q.user} Ego: {q.written}" for q in questions)
        kept.look("answers", all(q.right for q in questions), note, viewing.talked)

    told = vqa.measure(ModelEgo(partner), tables, tokenizer=tokenizer, around=m.around, judge=m.judge, look=look)
    how = {"policy": m.sight or "stream", "details": m.details} | into_context(partner.engine.counts)
    return told | {"voices": m.askers, "surroundings": m.surroundings, "written": m.written, "sight": how}, kept.samples


def into_context(counts: Counts) -> dict[str, Any]:
    """How often pictures went into contexts, by how many frames they were late, and what the steps took longer for each."""
    pictures = counts.context_pictures
    each = {"lag_frames": counts.context_lag_frames / pictures, "ms": counts.context_ms / pictures} if pictures else {}
    return {"into_context": pictures, "since_unsure": counts.fallbacks, **each}


def _reader(m: "Measuring") -> TextCodec:
    """Raises an InputError if the model cannot be given text."""
    if m.model.tokenizer is None or not m.model.model.config.layout.reads:
        raise InputError(f"{m.model.name} reads nothing: leave --written out")
    return m.model.tokenizer


def run_action(m: "Measuring") -> Found:
    """Requests spoken aloud: what is done, who stops when told to, what is said of what cannot be done."""
    plans = []
    for kind in requests.KINDS:
        begun = 0
        for i, voice, count in shared_out(m.scenes * (DO_SHARE if kind == "do" else 1), m.askers):
            plans += requests.plans(kind, voice, count, seed=i, first=begun)
            begun += count
    return _played(m, "action", _actor(m), plans, action.summary, action.good)


def run_sense(m: "Measuring") -> Found:
    """Questions about what the hand feels: with all senses, and without one or the other."""
    by = setting.of_experts(m.around) if m.experts else setting.of_feeler(m.model, sight=m.sight, details=m.details, around=m.around)
    plans = [p for kind in feelings.KINDS for i, v, n in shared_out(m.scenes, m.askers) for p in feelings.plans(kind, v, n, seed=i)]
    has = [] if by.feel is None else [*by.feel.shapes, *(["picture"] if by.picture else [])]
    every = [feelings.under(condition, plan) for condition in feelings.conditions(has) for plan in plans]
    return _played(m, "sense", by, every, feelings.summary, lambda o: o.told)


def run_conflict(m: "Measuring") -> Found:
    """Senses that disagree, and the safe course."""
    by, lacks = _actor(m), [] if m.experts else _lacking(m)
    kinds = [kind for kind in conflicts.KINDS if kind not in lacks]
    plans = [p for kind in kinds for i, v, n in shared_out(m.scenes, m.askers) for p in conflicts.plans(kind, v, n, seed=i)]
    return _played(m, "conflict", by, plans, lambda outcomes: conflicts.summary(outcomes, lacks), conflicts.good)


def _lacking(m: "Measuring") -> list[conflicts.Kind]:
    """Kinds of conflict that are none to a model, since it has not both of the streams."""
    reads = m.model.model.config.layout.reads
    return [*(() if reads else conflicts.READS), *(() if feel(m.model) else conflicts.FEELS)]


def _actor(m: "Measuring") -> Setting:
    return setting.of_experts(m.around) if m.experts else setting.of_actor(m.model, sight=m.sight, details=m.details, around=m.around)


def _played(
    m: "Measuring",
    suite: str,
    by: Setting,
    plans: Sequence[Plan],
    summary: Callable[[Sequence[Outcome]], dict[str, Any]],
    good: Callable[[Outcome], bool],
) -> Found:
    outcomes, kept = list[Outcome](), _Kept(suite)
    for found, talked in by.play(plans):
        outcomes.append(found)
        kept.look(found.kind, good(found), f"user: {found.user} Ego: {found.written}", talked)
    told = summary(outcomes) | {"voices": m.askers, "surroundings": m.surroundings}
    return told | {"played_by": "the experts" if m.experts else m.model.name}, kept.samples


class _Kept:
    """The first of each kind that went well, and that did not, to be looked at."""

    def __init__(self, suite: str) -> None:
        self.suite, self.samples = suite, list[Sample]()

    def look(self, kind: str, good: bool, note: str, talked: Talked) -> None:
        """Keeps a conversation if there are not enough of its kind and outcome."""
        title = f"{kind.replace('_', ' ')}: {'as it should be' if good else 'not as it should be'}"
        if sum(sample.title == title for sample in self.samples) < LOOKED_AT:
            self.samples.append(Sample(suite=self.suite, title=title, note=note, talked=talked))


RUN: dict[str, Callable[["Measuring"], Found]] = {"vqa": run_vqa, "action": run_action, "sense": run_sense, "conflict": run_conflict}
