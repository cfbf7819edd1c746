"""Doubt: how sure the copilot is, when it asks back, and between what a person then chooses."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from copilot import Answer, Copilot
from copilot.confidence import UNCALIBRATED, Calibration, Signs, features, signs
from copilot.errors import DataError, SetupError
from copilot.fulfilment.app import app
from copilot.model.prompt import Turn
from copilot.model.writer import Written
from copilot.testing import Hesitant
from copilot.wording import worded
from finetune import calibrate
from finetune.examples import Example
from finetune.judged import Judged
from tests import clinics

RESERVED = 'inventory.where(warehouse="Memphis").sum("reserved")'
AVAILABLE = 'inventory.where(warehouse="Memphis").sum("available")'
QUESTION = "what is held back in Memphis?"
LATE, COUNTED = "orders.where(days_late__gt=0)", "orders.where(days_late__gt=0).count()"


def asked(copilot: Copilot, *programs: tuple[str, float], question: str = QUESTION) -> Answer:
    """The answer of a model that holds these programs likely."""
    copilot._writer = Hesitant(programs)
    return copilot.ask(question)


def test_a_doubtful_program_is_asked_back_in_plain_words_and_nothing_runs(copilot: Copilot) -> None:
    answer = asked(copilot, (AVAILABLE, 0.4), (RESERVED, 0.3))
    assert (answer.outcome, answer.sql, answer.rows) == ("clarify", [], [])
    assert answer.choices == [
        "Total available of inventory with warehouse Memphis", "Total reserved of inventory with warehouse Memphis",
    ]  # fmt: skip
    assert list(answer.readings.values()) == [AVAILABLE, RESERVED]
    assert answer.confidence == pytest.approx(0.4)


def test_the_reading_that_is_chosen_is_run_and_followed_up(copilot: Copilot) -> None:
    copilot._writer = Hesitant(((AVAILABLE, 0.4), (RESERVED, 0.3)))
    chat = copilot.chat()
    chosen = chat.ask(chat.ask(QUESTION).choices[1])
    assert (chosen.outcome, chosen.program) == ("answered", RESERVED)
    assert chat._turns == [Turn(QUESTION, RESERVED)]


def test_a_choice_may_be_named_by_its_number_and_teaches(copilot: Copilot) -> None:
    copilot._writer = Hesitant(((AVAILABLE, 0.4), (RESERVED, 0.3)))
    chat = copilot.chat()
    chat.ask(QUESTION)
    assert chat.ask("2").program == RESERVED
    ((entry, feedback),) = copilot.judged()
    assert (entry.question, feedback.verdict, feedback.program) == (QUESTION, "corrected", RESERVED)


def test_a_choice_is_answered_where_nothing_can_be_kept(
    copilot: Copilot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SetupError("no space left on device")

    copilot._writer = Hesitant(((AVAILABLE, 0.4), (RESERVED, 0.3)))
    chat = copilot.chat()
    chat.ask(QUESTION)
    monkeypatch.setattr(copilot, "feedback", full)
    assert chat.ask("2").program == RESERVED
    assert "no space left on device" in caplog.text


def test_of_two_readings_that_sound_alike_the_likelier_is_offered(copilot: Copilot) -> None:
    likelier, other = "orders.top(3)", "orders.top(3).select()"
    assert worded(app, likelier) == worded(app, other)
    assert list(asked(copilot, (likelier, 0.4), (other, 0.3)).readings.values()) == [likelier]


def test_a_sure_program_is_run(copilot: Copilot) -> None:
    answer = asked(copilot, (AVAILABLE, 0.9), (RESERVED, 0.1))
    assert (answer.outcome, answer.program) == ("answered", AVAILABLE)
    assert answer.signs["doubt"] == pytest.approx(math.log(0.101))


def test_a_likelier_reading_takes_the_place_of_one_that_does_not_pass(copilot: Copilot) -> None:
    wrong = 'inventory.where(warehouse="Memphis").sum("held_back")'
    answer = asked(copilot, (wrong, 0.6), (RESERVED, 0.55))
    assert (answer.outcome, answer.program, answer.signs["mended"]) == ("answered", RESERVED, 1)
    assert asked(copilot, (wrong, 0.6)).outcome == "clarify"


def test_the_threshold_is_a_setting(copilot: Copilot) -> None:
    copilot.settings = copilot.settings.model_copy(update={"ask_below": 0.0})
    assert asked(copilot, (AVAILABLE, 0.1), (RESERVED, 0.09)).outcome == "answered"
    copilot.settings = copilot.settings.model_copy(update={"ask_below": 0.95})
    assert asked(copilot, (AVAILABLE, 0.9), (RESERVED, 0.1)).outcome == "clarify"


def test_a_doubtful_plan_is_not_made(copilot: Copilot) -> None:
    before = copilot.run("plans.count()").rows
    answer = asked(copilot, ('plan(close_warehouse("Memphis"))', 0.3), question="close Memphis")
    assert (answer.outcome, answer.choices) == ("clarify", ["Plan: close warehouse Memphis"])
    assert copilot.run("plans.count()").rows == before


def test_what_asks_back_by_itself_is_not_asked_about(copilot: Copilot) -> None:
    answer = asked(copilot, ('clarify("Dublin")', 0.3), question="cap Dublin")
    assert answer.choices == ["DUB1", "DUB2"]


def test_the_same_program_twice_is_one_choice(copilot: Copilot) -> None:
    answer = asked(copilot, (AVAILABLE, 0.4), (AVAILABLE.replace('"', "'"), 0.3))
    assert len(answer.choices) == 1


@pytest.mark.parametrize(("question", "program", "unread", "unfounded"), [
    ("late orders", LATE, 0, 0),
    ("H100 in Memphis", 'inventory.where(warehouse="Memphis").sum("available")', 1, 0),
    ("stock in Memphis", 'inventory.where(warehouse="Reno").sum("available")', 1, 1),
    ("Dublin docks", 'docks.where(datacenter__in=["DUB1", "DUB2"])', 0, 0),
    ("orders over a dozen racks", "orders.where(quantity__gt=12)", 0, 0),
    ("orders over a dozen racks", "orders.where(quantity__gt=100)", 0, 1),
    ("orders over 20 racks", "orders.where(quantity__gt=30)", 0, 1),
    ("only 80% of Halden comes", 'what_if(cut_supply(100 - 80, supplier="Halden"))', 0, 0),
    ("only 80% of Halden comes", 'what_if(cut_supply(20, supplier="Halden"))', 0, 0),
    ("vendors below 85% on time", "suppliers.where(on_time_rate__lt=0.85)", 0, 0),
    ("lanes above $2.5k", "lanes.where(cost_per_rack__gt=2500)", 0, 0),
    ("orders due 9 Nov", 'orders.where(due_date="2026-11-09")', 0, 0),
    ("orders due 9 Nov", 'orders.where(due_date="2026-11-10")', 0, 1),
    ("lines of the plan in use", 'plan_lines.where(plan_id="current").count()', 0, 0),
    ("H100 anywhere?", "decline()", 0, 0),
])  # fmt: skip
def test_names_and_numbers_are_held_against_the_question(
    copilot: Copilot, question: str, program: str, unread: int, unfounded: int
) -> None:
    world = copilot.world
    found = signs(app, world.names, world.linker.link(question), (), Written(program, confidence=0.9), program)
    assert (found.unread, found.unfounded) == (unread, unfounded)


def test_what_an_earlier_turn_holds_is_founded(copilot: Copilot) -> None:
    world = copilot.world
    links = world.linker.link("and Reno?")
    program = 'inventory.where(sku="GPU-H100", warehouse="Reno").sum("available")'
    assert signs(app, world.names, links, (), Written(program, confidence=0.9), program).unfounded == 1
    earlier = ("H100 in Memphis", 'inventory.where(sku="GPU-H100", warehouse="Memphis").sum("available")')
    assert signs(app, world.names, links, earlier, Written(program, confidence=0.9), program).unfounded == 0


@pytest.mark.parametrize(("program", "says"), [
    ('orders.where(status="planned", days_late__gt=3).by("region").count().sort("-count").top(3)',
     "Number of orders with status planned and days late over 3 by region sorted by count, highest first "
     "(the first 3)"),
    ('shipments.where(status="delivered").by("carrier").share(days_late__gt=0)',
     "Share with days late over 0 of shipments with status delivered by carrier"),
    ('lanes.where(region__in=["Europe", "Asia Pacific"]).select("warehouse", "transit_days")',
     "Warehouse, transit days of lanes with region one of Europe or Asia Pacific"),
    ('what_if(close_warehouse("Memphis"), scale_demand(20, category="GPU"))',
     "What if: close warehouse Memphis and scale demand 20, category GPU"),
    ('number(orders.count()) / number(plans.count())', "Number of orders divided by number of plans"),
    ('[explain(o) for o in ("ORD-1", "ORD-2")]', '[explain(o) for o in ("ORD-1", "ORD-2")]'),
    ('unsupported("forecast")', "Something that I cannot do: forecast"),
])  # fmt: skip
def test_programs_in_words(program: str, says: str) -> None:
    assert worded(app, program) == says


def test_another_app_in_words() -> None:
    assert worded(clinics.app, 'restock("Alma", "Flu", 10)') == "Restock Alma, Flu, 10"


# Calibration ------------------------------------------------------------------------------------------------------


def judged(confidence: float, right: bool, question: str = "q", outcome: str = "answered") -> Judged:
    """An answer of this confidence, right or wrong."""
    of_it = {
        "doubt": math.log(1.001 - confidence),
        "unlikely": 0.0,
        "unread": 0,
        "unfounded": 0,
        "aside": 0,
        "mended": 0,
    }
    answer = Answer(as_of=date(2026, 1, 1), outcome=outcome, text="", confidence=confidence, signs=of_it)  # type: ignore[arg-type]
    return Judged(Example(question=question, program="orders.count()"), answer, "" if right else "another meaning")


MANY = [judged(c / 10, right=n % 10 < c) for c in range(1, 10) for n in range(30)]


def test_without_a_calibration_the_least_sure_token_counts() -> None:
    assert UNCALIBRATED.chance(Signs(math.log(1 - 0.7 + 0.001))) == pytest.approx(0.7)


def test_what_is_fitted_comes_true() -> None:
    fitted = calibrate.fit(MANY)
    for confidence in (0.2, 0.5, 0.8):
        assert fitted.chance(Signs(math.log(1.001 - confidence))) == pytest.approx(confidence, abs=0.1)
    for point in calibrate.curve([calibrate.recalibrated(item, fitted) for item in MANY]):
        assert point.right == pytest.approx(point.confidence, abs=0.12)


def test_a_sign_against_lowers_the_chance() -> None:
    unread = [{**item.answer.signs, "unread": 1.0} for item in MANY[::3]]
    answers = [MANY[0].answer.model_copy(update={"signs": signs}) for signs in unread]
    spoilt = [Judged(MANY[0].example, answer, "another meaning") for answer in answers]
    fitted = calibrate.fit([*MANY, *spoilt])
    assert fitted.chance(Signs(-2.0, unread=1)) < fitted.chance(Signs(-2.0)) - 0.3


def test_a_threshold_trades_silent_errors_for_questions() -> None:
    prices = calibrate.prices(MANY)
    assert prices[0].silently_wrong == pytest.approx(0.5) and prices[0].asked_needlessly == 0
    assert all(a.silently_wrong >= b.silently_wrong for a, b in pairwise(prices))
    assert all(a.asked_needlessly <= b.asked_needlessly for a, b in pairwise(prices))


def test_few_questions_calibrate_nothing() -> None:
    with pytest.raises(DataError, match="at least 30 are needed"):
        calibrate.fit(MANY[:29])


def test_the_calibration_goes_into_the_card(tmp_path: Path) -> None:
    card = tmp_path / "a.json"
    card.write_text('{"base": "b", "base_sha256": "c", "data": {"examples": 3}}')
    calibrate.write(Calibration((0.5, -1.0, -2.0, 0.0, 0.0, 0.0, 0.0)), tmp_path / "a.gguf")
    from copilot.model.weights import read_card

    read = read_card(tmp_path / "a.gguf")
    assert read.calibration == (0.5, -1.0, -2.0, 0.0, 0.0, 0.0, 0.0) and read.model_extra == {"data": {"examples": 3}}
    assert len(read.calibration) == len(features(Signs(0.0)))
    calibrate.write(Calibration((0.5, -1.0)), tmp_path / "a.gguf")
    with pytest.raises(SetupError, match="not a model card"):
        read_card(tmp_path / "a.gguf")


def test_what_is_no_adapter_is_told_before_anything_is_asked(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "merged.gguf").write_bytes(b"GGUF")
    (tmp_path / "q.jsonl").write_text('{"question": "q", "program": "orders.count()"}\n')
    words = ("finetune", "calibrate", str(tmp_path / "q.jsonl"), "--model", str(tmp_path / "merged.gguf"))
    status, _, said = run(*words)
    assert status == 1 and "is no adapter with its card beside it" in said and "Traceback" not in said
