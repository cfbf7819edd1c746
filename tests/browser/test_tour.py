"""A tour of the product as a planner takes it: real browser, real server, the model that ships."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser.person import ANSWERED, ASKED, Person

BARS = "Which three warehouses have the most H100s free?"
LONG = "[what_if(close_warehouse(w)) for w in warehouses()]"


def test_by_keyboard_from_question_to_answer(person: Person) -> None:
    for _ in range(40):
        person.driver.switch_to.active_element.send_keys(Keys.TAB)
        if person.driver.switch_to.active_element == person.find(ASKED):
            break
    person.driver.switch_to.active_element.send_keys(BARS, Keys.ENTER)
    person.until(lambda: person.see(ANSWERED))
    person.rest()
    assert "Memphis" in person.text() and "Total available by warehouse" in chart_titles(person)
    assert person.driver.switch_to.active_element == person.find(ASKED), "the next question can be typed at once"


def test_asked_back_and_clicked_then_the_draft_adopted(person: Person, served: tuple[str, Path]) -> None:
    assert "asked back" in person.ask("Make a plan with Dublin's dock limited to 20 racks a week")
    person.click("DUB1")
    person.until(lambda: "Saved as PLN-" in person.text())
    person.click("Compare or adopt it")
    person.click("Compare")
    person.until(lambda: "Cost by kind" in chart_titles(person))
    person.click("Adopt…")
    person.until(lambda: person.see("[role=dialog] input"))
    person.find("[role=dialog] input").send_keys("Ana", Keys.TAB)
    person.rest()
    person.click("Yes, adopt it")
    person.until(lambda: "Ana adopted it on" in person.text())
    rows = stored(served[1] / "demo.db", "select adopted_by from plan where status = 'current'")
    assert rows == [("Ana",)]


def test_a_what_if_is_drawn_and_saved(person: Person) -> None:
    assert "With Memphis closed" in person.ask("What if Memphis closes?")
    assert "Cost by kind" in chart_titles(person) and "Orders docking on time" in chart_titles(person)
    person.click("Orders that change most")
    person.click("Save as a draft")
    person.until(lambda: 'Draft "Memphis closed"' in person.text())


def test_a_program_is_corrected(person: Person) -> None:
    person.ask("How many orders are late in each region?")
    person.click("Program and SQL")
    rewrite(person, 'orders.where(status="docked").by("region").count()')
    person.click("Run it")
    person.until(lambda: "with status docked" in person.text())


def test_thumbs_down_with_a_correction(person: Person, served: tuple[str, Path]) -> None:
    person.ask(BARS)
    person.find("[data-testid=stFeedback] button, [data-testid=stButtonGroup] button").click()
    person.until(lambda: person.see("[data-testid=stForm]"))
    person.find("[data-testid=stForm] input").send_keys("all of them, not three")
    person.click("Send")
    person.until(lambda: "kept, with what you meant" in person.text())
    (comment,) = stored(served[1] / "history.db", "select comment from feedback order by number desc limit 1")[0]
    assert comment == "all of them, not three"


def test_stopped_in_the_middle_and_usable_after(person: Person) -> None:
    person.ask("How many orders are late in each region?")
    person.click("Program and SQL")
    rewrite(person, LONG)
    person.press("Run it")
    person.until(lambda: "under way" in person.text())
    person.click("Stop")
    assert "Stopped. Nothing was changed." in person.text()
    assert "Memphis" in person.ask(BARS)


def test_dark_is_dark(person: Person) -> None:
    def brightness() -> float:
        shown = "return getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        colour = str(person.driver.execute_script(shown))
        return sum(int(part) for part in colour.strip("rgba()").split(",")[:3]) / 3

    assert brightness() > 200
    person.prefer(dark=True)
    person.go()
    person.until(lambda: brightness() < 60)


def test_nothing_is_wider_than_a_phone(person: Person) -> None:
    person.resize(390, 844)
    person.go()
    person.ask("What if Memphis closes?")
    person.ask("Which orders dock late in Dublin?")
    assert person.overflow() == 0
    for page in ("plans", "data", "history"):
        person.go(page)
        assert person.overflow() == 0, page


def test_two_people_at_once_keep_their_own_chats(person: Person, served: tuple[str, Path]) -> None:
    with Person(served[0]) as other:
        other.go()
        person.type("What if Memphis closes?")
        assert "Leipzig" in other.ask(BARS)
        person.until(lambda: "With Memphis closed" in person.text())
        assert BARS not in person.text() and "With Memphis closed" not in other.text()


def chart_titles(person: Person) -> str:
    """What the charts say: their descriptions for screen readers, and their text."""
    said = "return [...document.querySelectorAll('[data-testid=stVegaLiteChart] *')].map(e => "
    return str(person.driver.execute_script(said + "(e.getAttribute('aria-label') || '') + e.textContent).join(' ')"))


def rewrite(person: Person, program: str) -> None:
    """Put another program into the field of the last answer."""
    field = person.find("[data-testid=stExpander] textarea")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(program, Keys.CONTROL, Keys.ENTER)
    person.rest()


def stored(database: Path, query: str) -> list[tuple[str, ...]]:
    """Rows of a database that the server writes."""
    with sqlite3.connect(database) as connection:
        return connection.execute(query).fetchall()
