"""How sure a share is, and whether two models differ."""

from __future__ import annotations

from math import comb, sqrt
from statistics import NormalDist

Interval = tuple[float, float]


def wilson(part: int, whole: int, level: float = 0.95) -> Interval:
    """The interval that holds the true share at this level of confidence; (0, 1) of nothing.

    Wilson, Probable Inference (1927); good for few questions and for shares near 0 and 1.
    """
    if not whole:
        return 0.0, 1.0
    z, share = NormalDist().inv_cdf((1 + level) / 2), part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    reach = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return round(max(0.0, middle - reach), 4), round(min(1.0, middle + reach), 4)


def chance_of_worse(lost: int, won: int) -> float:
    """How likely the new of two equally good models loses this often: McNemar's exact test, one-sided.

    Args:
        lost: questions that the old model gets right and the new one wrong.
        won: those the other way round.
    """
    changed = lost + won
    ways: int = sum(comb(changed, k) for k in range(lost, changed + 1))
    return float(ways / 2**changed)
