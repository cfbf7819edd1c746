"""What the UI adds to the SDK's time: from pressing enter to the answer drawn, less what the SDK took, in one run.

python -m tests.browser.measure
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks.table import Row, shown
from tests.browser.person import ANSWERED, Person, missing
from tests.browser.server import fresh

QUESTIONS = (
    "Which three warehouses have the most H100s free?",
    "How many orders are late in each region?",
    "Which orders dock late in Dublin?",
    "Which suppliers have an on-time rate under 90%?",
)
ROUNDS = 4
WATCH = """
window.drawn = null;
const count = () => document.querySelectorAll(arguments[0]).length, before = count();
document.addEventListener("keydown", e => { if (e.key === "Enter") window.pressed = performance.now(); }, true);
new MutationObserver((_, watch) => {
    if (count() > before) { watch.disconnect(); requestAnimationFrame(() => window.drawn = performance.now()); }
}).observe(document.body, {childList: true, subtree: true});
"""
"""Notes the moment of pressing enter, and the frame in which one more answer stands on the page."""


def added(person: Person, question: str) -> float:
    """Milliseconds from enter to the answer drawn, less those that the SDK says it took."""
    person.driver.execute_script(WATCH, ANSWERED)
    person.type(question)
    person.until(lambda: person.driver.execute_script("return window.drawn"))
    took = float(person.driver.execute_script("return window.drawn - window.pressed"))
    person.rest()
    return took - float(person.find(ANSWERED).get_attribute("data-total") or "nan")


def rows() -> Iterator[Row]:
    """What came on top of a few questions, asked a number of times in one conversation; none without a browser."""
    if lacking := missing():
        yield Row("the UI", "not measured", lacking)
        return
    with fresh() as url, Person(url) as person:
        person.go()
        person.ask(QUESTIONS[0])  # the first is slower: the browser fetches what charts and tables need
        on_top = [added(person, question) for _ in range(ROUNDS) for question in QUESTIONS]
    median, most = statistics.median(on_top), max(on_top)
    yield Row("the UI", f"adds, median of {len(on_top)}", f"{median:.0f} ms", "1.00")
    yield Row("the UI", "adds, at most", f"{most:.0f} ms", f"{most / median:.2f}")


if __name__ == "__main__":
    shown(rows())
