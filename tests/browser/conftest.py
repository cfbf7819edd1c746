"""One server and one browser for the tour."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.person import Person, missing
from tests.browser.server import serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, demo_world: Path) -> Iterator[tuple[str, Path]]:
    """The server's URL, and its home. Without a browser the tour is skipped, but not in CI: there it fails."""
    if lacking := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lacking)
    home = tmp_path_factory.mktemp("served")
    with serving(home, demo_world, {"COPILOT_THREADS": "1"}) as url:
        yield url, home


@pytest.fixture(scope="session")
def browser(served: tuple[str, Path]) -> Iterator[Person]:
    """One window for all of the tour: opening it takes a second."""
    with Person(served[0]) as person:
        yield person


@pytest.fixture
def person(browser: Person) -> Person:
    """The window, light and wide, on a new session of the chat."""
    browser.resize(1280, 900)
    browser.prefer(dark=False)
    browser.go()
    return browser
