"""Queries, run on a small table of their own."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from copilot.errors import ProgramError
from copilot.query import Column, ColumnRef, Query, View, any_of

TODAY = date(2026, 11, 2)
VIEW = View(
    "visits",
    "a visit",
    (
        Column("name", "text", "who"),
        Column("day", "date", "when"),
        Column("minutes", "int", "how long"),
        Column("cost", "float", "dollars"),
    ),
)
ROWS = [
    ("Ana", "2026-11-02", 10, 1.0),
    ("Ana", "2026-11-09", 20, 3.0),
    ("Ben", "2026-11-08", None, 5.0),
    ("Cy", "2026-10-26", 40, None),
]


@pytest.fixture(scope="module")
def connection():
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE visits (name TEXT, day DATE, minutes INT, cost REAL)")
        for row in ROWS:
            connection.exec_driver_sql("INSERT INTO visits VALUES (?, ?, ?, ?)", row)
        yield connection


@pytest.fixture
def rows(connection):
    return lambda query: [tuple(row) for row in connection.execute(query.select_statement())]


@pytest.fixture
def visits():
    return Query.over(VIEW, TODAY)


def test_lookups_keep_the_rows_they_say(visits, rows):
    names = visits.select("name")
    assert rows(names.where(minutes__gte=20)) == [("Ana",), ("Cy",)]
    assert rows(names.where(minutes__ne=10)) == [("Ana",), ("Cy",)]
    assert rows(names.where(name__contains="EN")) == [("Ben",)]
    assert rows(names.where(minutes__isnull=True)) == [("Ben",)]
    assert rows(names.where(minutes__gt=ColumnRef("cost"), name__in=["Ana"])) == [("Ana",), ("Ana",)]


@pytest.mark.parametrize(
    ("lookup", "value", "found"),
    [
        ("next", 6, ["Ana", "Ben"]),
        ("last", 7, ["Ana", "Cy"]),
        ("weeks", 2, ["Ana", "Ana", "Ben"]),
        ("month", "2026-10", ["Cy"]),
        ("week", "this", ["Ana", "Ben"]),
        ("week", "next", ["Ana"]),
        ("week", "last", ["Cy"]),
        ("week", "2026-11-11", ["Ana"]),
    ],
)
def test_periods(visits, rows, lookup, value, found):
    assert sorted(name for (name,) in rows(visits.where(**{f"day__{lookup}": value}).select("name"))) == found


def test_groups_filter_rank_and_bucket(visits, rows):
    by_name = visits.by("name").count().sum("minutes")
    assert rows(by_name) == [("Ana", 2, 30), ("Ben", 1, 0), ("Cy", 1, 40)]
    assert rows(by_name.where(count__gt=1)) == [("Ana", 2, 30)]
    assert rows(by_name.top(1)) == [("Cy", 1, 40)]
    assert rows(visits.by("day__week").count()) == [
        (date(2026, 10, 26), 1),
        (date(2026, 11, 2), 2),
        (date(2026, 11, 9), 1),
    ]
    assert rows(visits.by("day__month").count()) == [("2026-10", 1), ("2026-11", 3)]


def test_shares(visits, rows):
    assert rows(visits.share(name="Ana")) == [(0.5,)]
    assert rows(visits.share(of="cost", name="Ana")) == [(4 / 9,)]
    assert rows(visits.by("name").share()) == [("Ana", 0.5), ("Ben", 0.25), ("Cy", 0.25)]
    assert rows(visits.by("name").share(minutes__gt=15)) == [("Ana", 0.5), ("Ben", 0.0), ("Cy", 1.0)]
    assert rows(visits.by("name").share().where(share__gt=0.3)) == [("Ana", 0.5)]


def test_aggregates_over_nothing(visits, rows):
    assert rows(visits.where(name="Zoe").sum("cost").avg("cost").count()) == [(0, None, 0)]


def test_steps_apply_in_the_order_written(visits, rows):
    assert rows(visits.sort("-cost").top(2).sum("cost")) == [(8.0,)]
    assert rows(visits.sort("-cost").top(2).where(name="Ana").select("cost")) == [(3.0,)]
    assert rows(visits.sort("-minutes").select("name")) == [("Cy",), ("Ana",), ("Ana",), ("Ben",)]


def test_either_and_members(visits, rows):
    either = any_of(visits.where(name="Cy"), visits.where(minutes__lt=15)).select("name")
    assert rows(either) == [("Ana",), ("Cy",)]
    frequent = visits.by("name").count().where(count__gt=1).select("name")
    assert rows(visits.where(name__in=frequent).count()) == [(2,)]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda q: q.where(nmae="Ana"), "no column 'nmae'"),
        (lambda q: q.where(name__gt="Ana"), "takes no __gt"),
        (lambda q: q.where(day="soon"), "not a date"),
        (lambda q: q.where(day__month="Nov"), "not a month"),
        (lambda q: q.where(minutes="ten"), "compared with a number"),
        (lambda q: q.sum("name"), "not a number"),
        (lambda q: q.top(0), "from 1"),
        (lambda q: q.by("name__week"), "cannot group"),
        (lambda q: q.share(), "needs a condition"),
        (lambda q: q.where(name__in="Ana"), "list or a one-column query"),
        (lambda q: q.where(name__in=q), "one column"),
        (lambda q: any_of(q.top(1), q), "only filter"),
    ],
)
def test_what_does_not_fit_is_told(visits, step, message):
    with pytest.raises(ProgramError, match=message):
        step(visits)
