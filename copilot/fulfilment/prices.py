"""A first guess at what each limit's racks are worth, so that the relaxation starts from arcs that can be in a plan.

Subgradient ascent on the Lagrangian dual (Held, Wolfe and Crowder 1974): at the prices of a round every order takes the
arc that is cheapest to it; a limit that is asked for more than it has gets dearer, one with racks left gets cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copilot.fulfilment.arcs import Floats, Ints

ROUNDS = 30
FIRST_STEP = 600.0
"""US dollars a rack by which a limit asked for twice what it has gets dearer in the first round; later less."""
SLOWER = 4
"""Rounds after which a step is half as long."""


@dataclass(frozen=True)
class Choices:
    """What the orders choose from.

    Args:
        order: of each arc, ascending, shape (arcs,).
        price: US dollars a rack, shape (arcs,).
        rows: the three limits of each arc, shape (arcs, 3).
        need: racks by order.
        unmet: US dollars a rack that an order goes without.
        room: racks by limit.
    """

    order: Ints
    price: Floats
    rows: Ints
    need: Floats
    unmet: Floats
    room: Floats


def guessed(choices: Choices, rounds: int = ROUNDS) -> Floats:
    """US dollars a rack by limit, at least 0: of all rounds, those that prove most about what a plan must cost."""
    prices = best = np.zeros(len(choices.room))
    proven, orders = -np.inf, _Orders.of(choices)
    for step in range(rounds):
        at_best, racks = orders.choose(choices.price + prices[choices.rows].sum(axis=1))
        bound = float(at_best - prices @ choices.room)
        if bound > proven:
            proven, best = bound, prices
        over = (racks - choices.room) / np.maximum(choices.room, 1.0)
        prices = np.maximum(0.0, prices + FIRST_STEP / (1 + step / SLOWER) * over)
    return best


@dataclass(frozen=True)
class _Orders:
    """Where each order's arcs begin, and how many there are; orders without any are left out."""

    choices: Choices
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    @staticmethod
    def of(choices: Choices) -> _Orders:
        order = choices.order
        starts = np.flatnonzero(np.diff(order, prepend=-1))
        return _Orders(choices, starts, np.diff(starts, append=len(order)))

    def choose(self, price: Floats) -> tuple[float, Floats]:
        """What the orders pay at their cheapest, unserved included, and the racks that they ask of each limit."""
        choices, who = self.choices, self.choices.order[self.starts]
        cheapest = np.minimum.reduceat(price, self.starts) if len(price) else price
        paid = np.minimum(cheapest, choices.unmet[who]) @ choices.need[who]
        ties = np.flatnonzero(price == np.repeat(cheapest, self.counts))
        taken = ties[np.diff(choices.order[ties], prepend=-1) > 0][cheapest < choices.unmet[who]]
        asked = np.repeat(choices.need[choices.order[taken]], 3)
        racks: Floats = np.bincount(choices.rows[taken].ravel(), asked, len(choices.room)).astype(float)
        return float(paid), racks
