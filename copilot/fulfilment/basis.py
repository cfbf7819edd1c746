"""What a plan was made on: a fingerprint of each part of the data, by which a draft made on older data is known.

The current plan is no part of it: drafts are alternatives to one another, and adopting one makes no other wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from copilot.fulfilment.problem import Problem

Basis = dict[str, str]
"""By part of the data, its fingerprint."""


def basis(problem: Problem) -> Basis:
    """The fingerprints of the data behind a problem, before any change of a scenario."""
    parts = {
        "the day": problem.today,
        "orders": sorted(problem.orders, key=lambda order: order.order_id),
        "supply": sorted(problem.lots, key=lambda lot: lot.lot_id),
        "lanes": sorted(problem.lanes, key=lambda lane: (lane.warehouse, lane.datacenter)),
        "docks": (sorted(problem.dock_free.items()), sorted(problem.dock_taken.items())),
        "approvals": sorted(problem.approvals),
        "rates": (sorted(problem.rates.late_per_day.items()), problem.rates.early_per_day, problem.rates.unmet),
    }
    return {name: _fingerprint(part) for name, part in parts.items()}


def changed(before: Mapping[str, str], problem: Problem) -> list[str]:
    """The parts of the data that are not what they were."""
    now = basis(problem)
    return [name for name, fingerprint in before.items() if now.get(name) != fingerprint]


def _fingerprint(part: Any) -> str:
    return hashlib.sha256(repr(part).encode()).hexdigest()[:12]
