"""Measurements for machines: what `mocap measure --json` prints."""

from __future__ import annotations

from collections.abc import Sequence

from mocap.measure.metric import Metric
from mocap.measure.pitching.pitching import MeasuredThrow


def throw_document(throw: MeasuredThrow, fps: float) -> dict[str, object]:
    """Return a throw for machines."""
    return {
        "number": throw.number,
        "events_s": {name: event.time_s(fps) for name, event in throw.events.items()},
        "metrics": metrics_document(throw.metrics),
    }


def metrics_document(metrics: Sequence[Metric]) -> dict[str, dict[str, object]]:
    """Return metrics for machines, by name."""
    return {
        metric.name: {
            "value": metric.value,
            "band": metric.band,
            "chance": metric.chance,
            "unit": metric.unit,
            "untrusted_because": metric.reason or None,
        }
        for metric in metrics
    }
