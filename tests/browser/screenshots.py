"""`make screenshots`: every page and state, wide and narrow, light and dark, to be looked at.

python -m tests.browser.screenshots [NAME ...]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import track
from selenium.webdriver.common.keys import Keys

from tests.browser.person import Person, missing
from tests.browser.server import fresh, serving
from tests.browser.test_tour import BARS, LONG, rewrite

OUT = Path("docs/screenshots")
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
LIGHTS = {"light": False, "dark": True}
WHAT_IF = "What if Memphis closes and GPU demand in Europe goes up 20%?"
Scene = Callable[[Person], object]


def asked(*questions: str) -> Scene:
    """The chat, after these questions."""

    def scene(person: Person) -> None:
        person.go()
        for question in questions:
            person.ask(question)

    return scene


def under_way(person: Person) -> None:
    """The stages, while a long program runs."""
    asked(BARS)(person)
    person.click("Program and SQL")
    rewrite(person, LONG)
    person.press("Run it")
    person.until(lambda: "under way" in person.text() and "ms" in person.text())


def stopped(person: Person) -> None:
    """What is left of a question that was stopped."""
    under_way(person)
    person.click("Stop")


def program(person: Person) -> None:
    """How an answer was got."""
    asked(BARS)(person)
    person.click("Program and SQL")


def meant(person: Person) -> None:
    """Thumbs down: what was meant."""
    asked(BARS)(person)
    person.find("[data-testid=stFeedback] button, [data-testid=stButtonGroup] button").click()
    person.until(lambda: person.see("[data-testid=stForm]"))


def changes(person: Person) -> None:
    """The orders that change."""
    asked("What if Memphis closes?")(person)
    person.click("Orders that change most")


def saved(person: Person) -> None:
    """A what-if, saved as a draft."""
    asked("What if Memphis closes?")(person)
    person.click("Save as a draft")


def compared(person: Person) -> None:
    """Two plans side by side."""
    person.go("plans")
    person.click("Compare")


def adopting(person: Person) -> None:
    """A person's yes."""
    person.go("plans")
    person.click("Adopt…")


def filtered(person: Person) -> None:
    """A view, narrowed."""
    person.go("data")
    person.find("[data-testid=stMultiSelect] input").send_keys("Warehouse\n")
    person.rest()
    person.find("[data-testid=stMultiSelect] input").send_keys("Memphis\n", Keys.ESCAPE)
    person.rest()


def explained(person: Person) -> None:
    """What the columns mean."""
    person.go("data")
    person.click("What each column means")


SCENES: dict[str, Scene] = {
    "welcome": asked(),
    "bars": asked(BARS),
    "line": asked("Late orders by due week"),
    "table": asked("Which orders dock late in Dublin?"),
    "number": asked("How many racks are free in Rotterdam?"),
    "what-if": asked(WHAT_IF),
    "changes": changes,
    "asked-back": asked("Make a plan with Dublin's dock limited to 20 racks a week"),
    "outside": asked("Tell me a joke"),
    "steered": asked("Forecast GPU demand for next year"),
    "why": asked("Why is ORD-1042 planned as it is?"),
    "under-way": under_way,
    "stopped": stopped,
    "program": program,
    "meant": meant,
    "saved": saved,
    "plans": lambda person: person.go("plans"),
    "compared": compared,
    "adopting": adopting,
    "data": lambda person: person.go("data"),
    "filtered": filtered,
    "explained": explained,
    "history": lambda person: person.go("history"),
}


@contextmanager
def broken() -> Iterator[str]:
    """A server whose model is not there."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        serving(Path(folder), None, {"COPILOT_MODEL": "/nowhere/model.gguf"}) as url,
    ):
        yield url


def shoot(url: str, scenes: dict[str, Scene]) -> None:
    """Take every scene in every size and light."""
    for size, (width, height) in SIZES.items():
        for light, dark in LIGHTS.items():
            with Person(url, width, height, dark) as person:
                for name, scene in track(scenes.items(), f"{size}, {light}", console=Console(stderr=True)):
                    scene(person)
                    person.shoot(OUT / f"{name}-{size}-{light}.png")


def main(names: list[str]) -> None:
    """Take the scenes of these names, or all of them, and what is in the way of a broken set-up."""
    if lacking := missing():
        raise SystemExit(lacking)
    with fresh() as url:
        shoot(url, {name: scene for name, scene in SCENES.items() if not names or name in names})
    if not names or "in-the-way" in names:
        with broken() as url:
            shoot(url, {"in-the-way": lambda person: person.go()})


if __name__ == "__main__":
    main(sys.argv[1:])
