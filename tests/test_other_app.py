"""Another app on the same core: what is derived from its description alone."""

from __future__ import annotations

import pytest

from copilot import Copilot, CopilotError
from copilot.program.stub import stub
from copilot.testing import Scripted
from tests import clinics


def test_its_stub_says_what_a_program_may_call() -> None:
    text = stub(clinics.app)
    assert "class DosesQuery" in text and "visits: VisitsQuery" in text
    assert "def restock(clinic: str, vaccine: str, doses: int)" in text
    assert "warehouse" not in text and "region" not in text


def test_questions_are_linked_checked_and_answered(clinic_copilot: Copilot) -> None:
    clinic_copilot._writer = Scripted({"flu jabs at almma?": 'doses.where(clinic="Alma", vaccine="Flu").sum("left")'})
    answer = clinic_copilot.ask("Flu jabs at Almma?")
    assert answer.rows == [[40]]
    assert "Flu = vaccine" in answer.links and "doses" in answer.links


def test_a_task_takes_names_of_the_database_only(clinic_copilot: Copilot) -> None:
    assert clinic_copilot.run('restock("alma", "flu", 10)').text == "Alma would have 50 doses of Flu."
    answer = clinic_copilot.run('restock("Zora", "Flu", 10)')
    assert (answer.outcome, answer.choices) == ("clarify", [clinic for clinic, _ in sorted(clinics.CLINICS)])
    assert clinic_copilot.run('restock("Alma", "Flu", "ten")').outcome == "failed"


def test_windows_start_from_its_own_today(clinic_copilot: Copilot) -> None:
    assert clinic_copilot.run('visits.where(day__week="this").count()').rows == [[11]]
    assert clinic_copilot.run('visits.where(day__week="next").sum("people")').rows == [[63]]


def test_without_plans_nothing_is_adopted(clinic_copilot: Copilot) -> None:
    assert clinic_copilot.run("plan()").outcome == "failed"
    with pytest.raises(CopilotError, match="clinics has no plans to adopt"):
        clinic_copilot.adopt("PLN-1", by="Ada")


def test_its_names_are_listed_narrowed_and_looped_over(clinic_copilot: Copilot) -> None:
    assert clinic_copilot.run('clinics("North")').rows == [["Alma"], ["Berit"], ["Frida"]]
    assert clinic_copilot.run('clinics(area="West")').rows == [["Ines"], ["Jonna"]]
    answer = clinic_copilot.run('[restock(c, "Flu", 1) for c in clinics("South")]')
    assert (answer.columns, answer.rows) == (["case", "doses"], [["1", 1], ["2", 26], ["3", 33]])


def test_its_tasks_compute_from_its_database(clinic_copilot: Copilot) -> None:
    moved = clinic_copilot.run('transfer("Flu", 50, "Alma", "Berit")')
    assert moved.rows == [["Alma", 0], ["Berit", 40]], "no more than there are"
    closed = clinic_copilot.run('close("Alma")')
    assert closed.rows[0] == ["V-20", 9, "Frida"] and {row[2] for row in closed.rows} == {"Berit", "Frida"}
    week = clinic_copilot.run('visits.where(day__week="next", vaccine="Flu").sum("people")').rows[0][0]
    left = clinic_copilot.run('doses.where(vaccine="Flu").sum("left")').rows[0][0]
    assert clinic_copilot.run('needed(vaccine="flu")').rows == [["Flu", week, left]]
    assert len(clinic_copilot.run('needed("this")').rows) == 5
