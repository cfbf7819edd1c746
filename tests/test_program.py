"""What a program may be: the stub, the check, the sandbox."""

from __future__ import annotations

import ast
import random
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot import Copilot
from copilot.errors import Ambiguous, LimitReached, NameMistake, ProgramError
from copilot.fulfilment.app import app
from copilot.program import check, sandbox
from copilot.program.stub import stub
from finetune.drawn import draw

NAMES = draw(app, random.Random(1), demo=True)


def settled(program: str) -> check.Settled:
    return check.settle(app, NAMES, program)


def test_the_stub_is_python_and_names_all_of_the_app() -> None:
    text = stub(app)
    tree = ast.parse(text)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(app.tasks) <= defined
    assert {"warehouses", "datacenters", "decline", "unsupported", "clarify"} <= defined
    assert all(f"{view}: " in text for view in app.views)
    assert "def warehouses(region: str | None = None)" in text


@pytest.mark.parametrize(("program", "meant"), [
    ('orders.where(city="dublin")', 'orders.where(city="Dublin")'),
    ('orders.where(sku="h100")', 'orders.where(sku="GPU-H100")'),
    ('orders.where(datacenter="Dublin")', 'orders.where(datacenter__in=["DUB1", "DUB2"])'),
    ('orders.where(datacenter__in=("Dublin", "fra1"))', 'orders.where(datacenter__in=("DUB1", "DUB2", "FRA1"))'),
    ('explain("ord 1042")', 'explain("ORD-1042")'),
    ('what_if(limit_dock("dublin 2", 9))', 'what_if(limit_dock("DUB2", 9))'),
    ('warehouses(region="apac")', 'warehouses(region="Asia Pacific")'),
    ('compare("current", "plan 2")', 'compare("PLN-1", "PLN-2")'),
    ('orders.where(status="open").count()', 'orders.where(status="open").count()'),
])  # fmt: skip
def test_names_are_settled(program: str, meant: str) -> None:
    assert settled(program) == check.Settled(meant)


def test_a_near_name_is_a_mend_and_a_far_one_a_mistake() -> None:
    found = settled('inventory.where(supplier="Brightrak")')
    assert found.program == 'inventory.where(supplier="Brightrack")'
    assert [mend.value for mend in found.mended] == ["Brightrak"]
    with pytest.raises(NameMistake, match="no supplier 'Vantara'"):
        settled('inventory.where(supplier="Vantara")')


@pytest.mark.parametrize("program", ['what_if(limit_dock("Dublin", 9))', 'docks.where(datacenter__ne="Dublin")'])
def test_a_name_that_fits_several_where_one_is_due_is_ambiguous(program: str) -> None:
    with pytest.raises(Ambiguous) as caught:
        settled(program)
    assert caught.value.choices == ("DUB1", "DUB2")


@pytest.mark.parametrize("program", [
    'orders.by("vendor").count()', 'orders.where(arrival_date="2026-11-09")', 'orders.sum("sku")', "orders.top('3')",
    'orders.where(status="late")', 'what_if(limit_dock("DUB1"))', 'what_if("Memphis")', "inventory.delete()",
    'what_if(scale_demand("20"))', "open('x')", "orders.view", 'plan(explain("ORD-1001"))',
])  # fmt: skip
def test_what_the_stub_does_not_allow_does_not_pass(program: str) -> None:
    with pytest.raises(ProgramError):
        sandbox.check_types(program, stub(app))


@pytest.mark.parametrize("program", [
    'orders.where(quantity__gt=number(orders.avg("quantity"))).count()',
    'docks.where(booked__gte=col("capacity"), week__week="next").select("datacenter")',
    'orders.where(supplier__in=suppliers.where(on_time_rate__lt=0.9).select("supplier")).by("supplier").count().top(3)',
    '[what_if(close_warehouse(w)) for w in warehouses(region="Europe")]',
    'compare(what_if(close_warehouse("Memphis")), what_if(close_warehouse("Reno")))',
    'a = number(orders.count())\nb = number(plans.count())\na / b',
])  # fmt: skip
def test_what_the_stub_allows_passes(program: str) -> None:
    sandbox.check_types(program, stub(app))


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_no_text_breaks_the_check(text: str) -> None:
    try:
        settled(text)
    except ProgramError as error:
        assert "\n" not in str(error)


def test_an_endless_program_ends() -> None:
    began = time.monotonic()
    with pytest.raises(LimitReached, match="longer than 2 s"):
        sandbox.run("n = 0\nwhile True:\n    n = n + 1", {}, {})
    assert time.monotonic() - began < 10


def test_a_host_error_reaches_the_caller_as_it_was() -> None:
    def refuse() -> None:
        raise NameMistake("warehouse", "Atlantis", ("Atlanta",))

    with pytest.raises(NameMistake) as caught:
        sandbox.run("refuse()", {"refuse": refuse}, {})
    assert caught.value.choices == ("Atlanta",)


def test_only_the_steps_of_a_query_can_be_reached() -> None:
    from copilot.query import Query

    query = Query.over(app.views["orders"], date(2026, 11, 2))
    for attribute in ("source", "cells", "select_statement", "view", "_wrapped", "replace"):
        with pytest.raises(ProgramError):
            sandbox.run(f"orders.{attribute}()", {}, {"orders": query})


# What is wrong with a program, where, and what may be meant ------------------------------------------------------


@pytest.mark.parametrize(("program", "says"), [
    ("", "there is no program; `copilot stub` shows"),
    ("len()", "line 1, column 1: No argument provided for required parameter `obj` of function `len`"),
    ("abs(1, 2)", "Too many positional arguments to function `abs`: expected 1, got 2"),
    ("orders.count()\norders.where(a b)", "line 2, column 14: this is not a program: invalid syntax"),
    ("orders.where(", "line 1, column 13: this is not a program: '(' was never closed"),
    ("SELECT * FROM orders", "line 1, column 15: this is not a program"),
    ("\x00orders.count()", "this is not a program"),
    ("1; import os", "line 1, column 4: a program imports nothing"),
    ("orders.__class__", "line 1, column 1: a program may not use __class__"),
    ("ordrs.count()", "line 1, column 1: there is no ordrs; did you mean orders?"),
    ("what_if(close_warehous('Reno'))", "line 1, column 9: there is no close_warehous; did you mean close_warehouse?"),
    ("zzz()", "line 1, column 1: there is no zzz; `copilot stub` shows what there is"),
    ("orders.sum(quantity)", 'line 1, column 12: there is no quantity; a text stands in quotes: "quantity"'),
    ("orders.cont()", "line 1, column 1: orders has no step cont; did you mean count?"),
    ("orders.count().foo", "a table has no step foo; there is where, by, count"),
    ("x = orders\nx.where(\n    region='Europe',\n    statu='open')",
     "line 4, column 5: orders has no statu; did you mean status?"),
    ("orders.where(quantity__gtt=3)", "line 1, column 14: orders has no quantity__gtt; did you mean quantity__gt?"),
    ("orders.where(xyz=3)", "line 1, column 14: orders has no xyz; there is order_id, datacenter"),
    ("delay_order('ORD-1001', 3, dayz=3)", "delay_order() takes no dayz; did you mean days?"),
    ("orders.sum('quantty')", 'line 1, column 12: sum() takes no "quantty"; did you mean quantity?'),
    ("orders.avg('city')", 'line 1, column 12: avg() takes no "city"; there is quantity, priority'),
    ("orders.where(status='plannd')", 'line 1, column 14: where() takes no "plannd"; did you mean planned?'),
    ("orders.where(quantity__gt='many')", 'line 1, column 14: where() takes a number, not "many"'),
    ("orders.top('five')", 'line 1, column 12: top() takes a whole number, not "five"'),
    ("what_if('close Reno')", 'line 1, column 9: what_if() takes a change, not "close Reno"'),
    ("delay_order('ORD-1001')", "line 1, column 1: delay_order() needs days; write delay_order(order_id, days)"),
    ("close_warehouse('Reno', 3)", "line 1, column 25: too many values for close_warehouse(); write close_warehouse("),
    ("orders.where('x')", "line 1, column 14: too many values for where(); write where(order_id=…)"),
    ("orders.where(quantity__gt=col('quantty'))", "orders has no column 'quantty'; did you mean quantity?"),
    ("orders.where(due_date='soon')", "'soon' is not a date; write it as 2026-11-20"),
    ("orders.where(quantity__in=3)", "__in takes a list or a one-column query"),
    ("plans.where(name__contains='a\\0b')", "no NUL character"),
    ("orders.top(0)", "top() takes a whole number from 1, not 0"),
    ("explain('ORD-9999')", "there is no order 'ORD-9999'; did you mean ORD-"),
    ("x = 1", "its last line must be a query, a task or a value"),
    ("x" * 5000, "a program is at most 4000 characters long; this one has 5000"),
    ("(" * 60 + "1," + ")," * 60, "nested more than"),
])  # fmt: skip
def test_what_is_wrong_with_a_program_is_told_with_its_place_and_what_may_be_meant(
    copilot: Copilot, program: str, says: str
) -> None:
    answer = copilot.run(program)
    assert answer.outcome in ("failed", "clarify")
    assert says in answer.text and "\n" not in answer.text
