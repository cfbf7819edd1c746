"""How fast questions were answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel

from copilot.answer import Timings


class Pace(BaseModel):
    """How fast a number of questions were answered.

    Args:
        p50, p95: milliseconds from a question to its answer.
        tokens_per_second: that the model wrote, the reading of the prompt included in the time.
    """

    questions: int = 0
    p50: float = 0.0
    p95: float = 0.0
    tokens_per_second: float = 0.0

    @classmethod
    def of(cls, timings: Sequence[Timings]) -> Pace:
        """The pace of some answers; all 0 if there are none."""
        writing = sum(t.write for t in timings) / 1000
        speed = sum(t.tokens_out for t in timings) / writing if writing else 0.0
        return cls(questions=len(timings), tokens_per_second=speed, **quantiles([t.total for t in timings]))


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """The median and the 95th percentile, rounded to a tenth; 0 if there are no values."""
    p50, p95 = np.quantile(values or [0.0], [0.5, 0.95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
