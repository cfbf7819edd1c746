"""How long one question may take in all; each query and each plan has a limit of its own besides."""

from __future__ import annotations

import time

from copilot.errors import LimitReached


class Deadline:
    """A moment after which nothing new is begun; what is under way then ends by its own limit.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raises LimitReached once the moment has passed."""
        if time.monotonic() > self._end:
            raise LimitReached(f"it took longer than {self.seconds:g} s in all and was stopped; ask for less at once")
