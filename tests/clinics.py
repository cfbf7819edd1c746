"""A second app, on the public SDK alone: vaccine doses in clinics. It proves that the core knows no app."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from copilot import App, Column, Context, View
from copilot.answer import Result

TODAY = date(2026, 3, 4)
Rows = Sequence[tuple[Any, ...]]

app = App("clinics", about="vaccine doses, visits and deliveries of clinics", today=lambda connection: TODAY)
app.view(View("doses", "doses of a vaccine in a clinic", (
    Column("clinic", "text", "its name", names="clinic"),
    Column("area", "text", "where it is", names="area"),
    Column("vaccine", "text", "its name", names="vaccine"),
    Column("left", "int", "doses", unit="doses"),
)))  # fmt: skip
app.view(View("visits", "a booked visit", (
    Column("visit_id", "text", "its id"),
    Column("clinic", "text", "where", names="clinic"),
    Column("area", "text", "of the clinic", names="area"),
    Column("vaccine", "text", "what for", names="vaccine"),
    Column("day", "date", "when"),
    Column("people", "int", "people; empty if not known"),
), key="visit_id"))  # fmt: skip
app.view(View("deliveries", "doses ordered for a clinic", (
    Column("delivery_id", "text", "its id"),
    Column("clinic", "text", "where to", names="clinic"),
    Column("area", "text", "of the clinic", names="area"),
    Column("vaccine", "text", "what", names="vaccine"),
    Column("ordered", "int", "doses", unit="doses"),
    Column("due", "date", "when it is due"),
    Column("status", "text", "how far it is", values=("open", "sent", "arrived")),
), key="delivery_id"))  # fmt: skip
app.names("clinic", "doses.clinic", plural="clinics", narrowed="area", parameters=("source", "target"))
app.names("area", "doses.area")
app.names("vaccine", "doses.vaccine")
app.words = {"jabs": "doses", "shots": "doses", "appointments": "visits", "bookings": "visits", "patients": "people"}
app.labels = {"left": "doses left", "ordered": "doses ordered"}
app.examples = ["Doses left by clinic", "Visits next week", "Open deliveries of Flu", "Restock Alma with 20 Flu doses",
                "Move 5 Flu doses from Alma to Berit", "What if Alma closes?", "Doses needed next week"]  # fmt: skip


@app.task
def restock(context: Context, clinic: str, vaccine: str, doses: int) -> Result:
    """How many doses a clinic would have with more of a vaccine."""
    after = _left(context, clinic, vaccine) + doses
    return Result(f"{clinic} would have {after} doses of {vaccine}.", ("doses",), [[after]])


@app.task
def transfer(context: Context, vaccine: str, doses: int, source: str, target: str) -> Result:
    """What two clinics would have if doses of a vaccine moved from one to the other."""
    moved = min(doses, _left(context, source, vaccine))
    rows = [[name, _left(context, name, vaccine) + sign * moved] for name, sign in ((source, -1), (target, 1))]
    return Result(f"{moved} doses of {vaccine} would go from {source} to {target}.", ("clinic", "doses"), rows)


@app.task
def close(context: Context, clinic: str) -> Result:
    """Which clinics of the area would take the coming visits of one that closes: the emptiest first."""
    given = {"clinic": clinic, "today": context.today}
    loads = {name: people for name, people in context.connection.execute(_LOADS, given)}
    rows = []
    for visit, people in context.connection.execute(_COMING, given):
        taker = min(loads, key=lambda name: (loads[name], name), default="")
        rows.append([visit, people, taker or "nobody"])
        loads |= {taker: loads[taker] + (people or 0)} if taker else {}
    return Result(f"{len(rows)} visits would move if {clinic} closes.", ("visit", "people", "taken by"), rows)


@app.task
def needed(context: Context, week: Literal["this", "next"] = "next", vaccine: str | None = None) -> Result:
    """Doses needed for the visits of a week, and how many are left, by vaccine."""
    monday = context.today - timedelta(days=context.today.weekday()) + timedelta(days=7 if week == "next" else 0)
    given = {"first": monday, "last": monday + timedelta(days=6), "vaccine": vaccine}
    rows = [list(row) for row in context.connection.execute(_NEEDED, given)]
    short = sum(need > left for _, need, left in rows)
    return Result(f"{short} of {len(rows)} vaccines are short {week} week.", ("vaccine", "needed", "left"), rows)


def _left(context: Context, clinic: str, vaccine: str) -> int:
    found = sa.text('SELECT SUM("left") FROM doses WHERE clinic = :clinic AND vaccine = :vaccine')
    return context.connection.execute(found, {"clinic": clinic, "vaccine": vaccine}).scalar() or 0


_LOADS = sa.text("""SELECT clinic, COALESCE(SUM(people), 0) FROM clinic LEFT JOIN visit USING (clinic)
    WHERE area = (SELECT area FROM clinic WHERE clinic = :clinic) AND clinic <> :clinic
    AND (day IS NULL OR day >= :today) GROUP BY clinic""")
_COMING = sa.text("""SELECT visit_id, people FROM visits WHERE clinic = :clinic AND day >= :today
    ORDER BY people DESC, visit_id""")
_NEEDED = sa.text("""SELECT vaccine, SUM(COALESCE(people, 0)),
    (SELECT COALESCE(SUM("left"), 0) FROM doses WHERE doses.vaccine = visits.vaccine)
    FROM visits WHERE day BETWEEN :first AND :last AND (:vaccine IS NULL OR vaccine = :vaccine)
    GROUP BY vaccine ORDER BY vaccine""")

# The database ---------------------------------------------------------------------------------------------------------

AREAS = {"North": ("Alma", "Berit", "Frida"), "South": ("Cleo", "Dorit", "Greta"), "East": ("Ebba", "Hilma"),
         "West": ("Ines", "Jonna")}  # fmt: skip
CLINICS = [(clinic, area) for area, clinics in AREAS.items() for clinic in clinics]
VACCINES = ("Flu", "Measles", "Tetanus", "Polio", "Hepatitis", "Typhoid")
DOSES = [(clinic, vaccine, (40 + 7 * at + 11 * of + at * of) % 43 if (at + of) % 5 != 1 else 0)
         for at, (clinic, _) in enumerate(CLINICS) for of, vaccine in enumerate(VACCINES)
         if (at + 2 * of) % 7 != 3]  # fmt: skip
VISITS = [(f"V-{n}", CLINICS[n * 7 % 10][0], VACCINES[n * 5 % 6 if n % 4 else 0],
           (TODAY + timedelta(days=n * 11 % 37 - 12)).isoformat(), n * 13 % 9 + 1 if n % 12 else None)
          for n in range(1, 61)]  # fmt: skip
DELIVERIES = [(f"D-{n}", CLINICS[n * 3 % 10][0], VACCINES[n * 7 % 6 if n % 3 else 1], 10 * (n * 5 % 7 + 1),
               (TODAY + timedelta(days=n * 9 % 31 - 10)).isoformat(), ("open", "sent", "arrived")[n * 9 % 31 // 11 - 1])
              for n in range(1, 25)]  # fmt: skip
TABLES = """CREATE TABLE clinic (clinic TEXT, area TEXT);
    CREATE TABLE dose (clinic TEXT, vaccine TEXT, "left" INTEGER);
    CREATE TABLE visit (visit_id TEXT, clinic TEXT, vaccine TEXT, day DATE, people INTEGER);
    CREATE TABLE delivery (delivery_id TEXT, clinic TEXT, vaccine TEXT, ordered INTEGER, due DATE, status TEXT);
    CREATE VIEW doses AS SELECT clinic, area, vaccine, "left" FROM dose JOIN clinic USING (clinic);
    CREATE VIEW visits AS SELECT visit_id, clinic, area, vaccine, day, people FROM visit JOIN clinic USING (clinic);
    CREATE VIEW deliveries AS SELECT delivery_id, clinic, area, vaccine, ordered, due, status
        FROM delivery JOIN clinic USING (clinic)"""


def create(path: Path, clinics: Rows = (), doses: Rows = ()) -> str:
    """Make the clinics' database, with more clinics and doses than there are if given; returns its URL."""
    url = f"sqlite:///{path}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in TABLES.split(";"):
            connection.exec_driver_sql(table)
        connection.exec_driver_sql("INSERT INTO clinic VALUES (?, ?)", [*CLINICS, *clinics])
        connection.exec_driver_sql("INSERT INTO dose VALUES (?, ?, ?)", [*DOSES, *doses])
        connection.exec_driver_sql("INSERT INTO visit VALUES (?, ?, ?, ?, ?)", VISITS)
        connection.exec_driver_sql("INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?)", DELIVERIES)
    engine.dispose()
    return url


if __name__ == "__main__":
    Path(sys.argv[1]).unlink(missing_ok=True)
    create(Path(sys.argv[1]))
