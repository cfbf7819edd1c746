"""A second app, on the public SDK alone: vaccine doses in clinics. It proves that the core knows no app."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from copilot import App, Column, Context, View
from copilot.answer import Result

TODAY = date(2026, 3, 4)
Rows = Sequence[tuple[Any, ...]]
CLINICS = (("Alma", "North"), ("Berit", "North"), ("Cleo", "South"))
DOSES = (("Alma", "Flu", 40), ("Alma", "Measles", 0), ("Berit", "Flu", 15), ("Cleo", "Measles", 25))
VISITS = (("V-1", "Alma", "2026-03-04", 3), ("V-2", "Alma", "2026-03-10", 5), ("V-3", "Cleo", "2026-02-27", None))

app = App("clinics", about="vaccine doses and visits of clinics", today=lambda connection: TODAY)
app.view(View("doses", "doses of a vaccine in a clinic", (
    Column("clinic", "text", "its name", names="clinic"),
    Column("area", "text", "where it is", names="area"),
    Column("vaccine", "text", "its name", names="vaccine"),
    Column("left", "int", "doses"),
)))  # fmt: skip
app.view(View("visits", "a booked visit", (
    Column("visit_id", "text", "its id"),
    Column("clinic", "text", "where", names="clinic"),
    Column("day", "date", "when"),
    Column("people", "int", "how many come; empty if not known"),
), key="visit_id"))  # fmt: skip
app.names("clinic", "doses.clinic", plural="clinics", narrowed="area")
app.names("area", "doses.area")
app.names("vaccine", "doses.vaccine")
app.words = {"jabs": "doses"}
app.examples = ["Doses left by clinic", "Visits next week", "Restock Alma with 20 Flu doses"]


@app.task
def restock(context: Context, clinic: str, vaccine: str, doses: int) -> Result:
    """How many doses a clinic would have with more of a vaccine."""
    found = sa.text('SELECT SUM("left") FROM doses WHERE clinic = :clinic AND vaccine = :vaccine')
    left = context.connection.execute(found, {"clinic": clinic, "vaccine": vaccine}).scalar() or 0
    return Result(f"{clinic} would have {left + doses} doses of {vaccine}.", ("doses",), [[left + doses]])


def create(path: Path, clinics: Rows = (), doses: Rows = ()) -> str:
    """Make the clinics' database, with more clinics and doses than there are if given; returns its URL."""
    url = f"sqlite:///{path}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE clinic (clinic TEXT, area TEXT)")
        connection.exec_driver_sql('CREATE TABLE dose (clinic TEXT, vaccine TEXT, "left" INTEGER)')
        connection.exec_driver_sql("CREATE TABLE visits (visit_id TEXT, clinic TEXT, day DATE, people INTEGER)")
        connection.exec_driver_sql(
            'CREATE VIEW doses AS SELECT clinic, area, vaccine, "left" FROM dose JOIN clinic USING (clinic)'
        )
        connection.exec_driver_sql("INSERT INTO clinic VALUES (?, ?)", [*CLINICS, *clinics])
        connection.exec_driver_sql("INSERT INTO dose VALUES (?, ?, ?)", [*DOSES, *doses])
        connection.exec_driver_sql("INSERT INTO visits VALUES (?, ?, ?, ?)", list(VISITS))
    engine.dispose()
    return url
