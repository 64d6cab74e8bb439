"""Figures of a running server, in Prometheus' text format."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from roboego.serve.live import LiveEngine


def metrics(engine: LiveEngine, queue: int = 0) -> tuple[bytes, str]:
    """The figures now, and their content type.

    Args:
        queue: how many wait for a session.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(engine, queue))
    return generate_latest(registry) + generate_latest(engine.meters.registry), CONTENT_TYPE_LATEST


class _Figures(Collector):
    """Reads an engine's counters when asked."""

    def __init__(self, engine: LiveEngine, queue: int) -> None:
        self.engine, self.queue = engine, queue

    @property
    def _recording_failures(self) -> int:
        return 0 if self.engine.recorder is None else self.engine.recorder.failures

    def collect(self) -> Iterator[Metric]:
        counts, lives = self.engine.engine.counts, self.engine.lives
        for name, text, value in (
            ("roboego_steps", "Batched steps.", counts.steps),
            ("roboego_late_steps", "Batched steps that took longer than 80 ms.", counts.late_steps),
            ("roboego_late_ticks", "Periods that began late.", self.engine.clock_late),
            ("roboego_skipped_ticks", "Periods left out after a delay.", self.engine.clock_skipped),
            ("roboego_overrun_frames", "Frames of sound lost before they were heard.", counts.overruns),
            ("roboego_pictures_not_seen", "Frames that told of a picture which could not be encoded.", counts.not_seen),
            ("roboego_context_pictures", "Pictures whose tokens went into a session's context.", counts.context_pictures),
            ("roboego_context_seconds", "What steps took longer for them.", counts.context_ms / 1e3),
            ("roboego_sight_fallbacks", "Pictures asked for because the model was unsure.", counts.fallbacks),
            ("roboego_failures", "Steps of single sessions that failed.", counts.failures),
            ("roboego_recording_failures", "Recordings that ended early, pictures and deletions that failed.", self._recording_failures),
        ):
            yield CounterMetricFamily(name, text, value=float(value))
        yield GaugeMetricFamily("roboego_failed", "1 after the engine was given up.", value=float(bool(self.engine.failure)))
        yield GaugeMetricFamily("roboego_slots", "Sessions that fit.", value=float(self.engine.engine.slots))
        yield GaugeMetricFamily("roboego_sessions", "Sessions now.", value=float(len(lives)))
        yield GaugeMetricFamily("roboego_queue", "Clients that wait for a session.", value=float(self.queue))
        waiting = sum(len(live.queue) for live in lives)
        yield GaugeMetricFamily("roboego_waiting_frames", "Frames of sound that wait, of all sessions.", value=float(waiting))
