"""The demo world, made on first use."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from copilot.progress import Progress, silent


def prepare(url: str, progress: Progress = silent) -> None:
    """Build the demo world at an SQLite URL unless one is there; whole or not at all."""
    from fixtures.build import build

    path = Path(sa.make_url(url).database or "")
    if not path.exists():
        build(url, "demo", progress=progress)
