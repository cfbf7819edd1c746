"""Mentions in questions: which names, dates and words of the app they mean."""

from __future__ import annotations

import random
import shutil
import sqlite3
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.copilot import Copilot
from copilot.fulfilment.app import app
from copilot.link import Linker
from copilot.names import Names, plain
from copilot.settings import Settings
from copilot.spelling import Spelling
from copilot.testing import Scripted
from finetune.drawn import draw
from tests import clinics

TODAY = date(2026, 11, 2)
NAMES = draw(app, random.Random(1), demo=True)
WORDS = {plain(word): meaning for word, meaning in app.words.items()}


@pytest.fixture
def linker(copilot: Copilot) -> Linker:
    return copilot.world.linker


@pytest.mark.parametrize(("question", "shown"), [
    ("H100s free in rotterdam", "GPU-H100 = sku; Rotterdam = warehouse"),
    ("gen 10 compute for the Gdańsk site", "CPU-GEN10 = sku; Compute = category; Gdansk = warehouse"),
    ("generation ten racks", "CPU-GEN10 = sku"),
    ("Dublin 2 dock", "DUB2 = datacenter"),
    ("docks in dublin", "Dublin = city"),
    ("ferrovia two weeks late", "Ferrovia = supplier; 14 = days"),
    ("slips by a week, a third less", "7 = days; 33 = percent"),
    ("12 racks a week, third quarter", ""),
    ("three quarters of it, a fortnight later", "75 = percent; 14 = days"),
    ("demand doubles for 3 wks", "100 = percent; 21 = days"),
    ("frankfurt", "FRA1 = datacenter, Frankfurt = city"),
    ("toronto", "Toronto = warehouse/city, YYZ1 = datacenter"),
    ("APAC and latam", "Asia Pacific = region; South America = region"),
    ("ord 1042 and order ten forty three", "ORD-1042 = order; ORD-1043 = order"),
    ("where is shp 5017", "SHP-5017 = shipment"),
    ("p l n three", "PLN-3 = plan"),
    ("brightrak and glacier", "Brightrack = supplier; Glacier Compute = supplier"),
    ("Sao Paulo, São Paulo", "GRU1 = datacenter, Sao Paulo = city"),
    ("Memfis, Qebra, Aldertek or Roterdamm", "Memphis = warehouse; Aldertech = supplier; Rotterdam = warehouse"),
    ("vendors by whse, eta", "vendors = supplier; whse = warehouse; eta = expected_date"),
    ("due on 9 nov", "2026-11-09 = date"),
    ("wk of Nov 9th or 2026-11-16", "2026-11-09 = date; 2026-11-16 = date"),
    ("in december", "2026-12 = month"),
    ("may it be late", ""),
    ("orders due 31 Nov", ""),
    ("we work 24/7", ""),
    ("cap the dock at 1001 racks", ""),
    ("how is the weather", ""),
])  # fmt: skip
def test_what_is_linked(linker: Linker, question: str, shown: str) -> None:
    assert linker.link(question).shown() == (f"[{shown}]" if shown else "")


def test_money_and_percentages_are_no_names(linker: Linker) -> None:
    assert linker.link("over $1042 and up 20%").shown() == ""


def test_a_typo_is_told_as_a_guess(linker: Linker) -> None:
    (link,) = linker.link("stock in Rotterdm").links
    assert (link.meanings, link.guessed) == ((("Rotterdam", "warehouse"),), True)
    assert not linker.link("stock in Rotterdam").links[0].guessed


@pytest.mark.parametrize(("word", "shown"), [
    ("memph", "[Memphis = warehouse]"),
    ("rott", "[Rotterdam = warehouse]"),
    ("leip", "[Leipzig = warehouse]"),
    ("renno", "[Reno = warehouse]"),
    ("rena", "[Reno = warehouse]"),
    ("late", ""),
    ("xqz", ""),
])  # fmt: skip
def test_a_short_form_that_is_no_word_is_the_one_name_that_it_can_be(linker: Linker, word: str, shown: str) -> None:
    known = Spelling({"late": 9, "orders": 9, "at": 9})
    assert linker.link(f"late orders at {word}", known).shown() == shown
    assert linker.link(f"late orders at {word}", Spelling({"late": 9}, lambda word: True)).shown() == ""


@pytest.mark.parametrize(("word", "shown"), [("ber", ""), ("berx", ""), ("bret", "[Bert = clinic]")])
def test_what_two_names_begin_with_or_are_a_slip_away_from_is_neither(word: str, shown: str) -> None:
    linker = Linker(Names({"clinic": ("Bera", "Bert")}, kinds=dict(clinics.app.kinds)), {}, TODAY)
    assert linker.link(f"doses at {word}", Spelling({"doses": 9, "at": 9})).shown() == shown


def test_a_northern_clinic_is_one_of_the_north() -> None:
    linker = Linker(Names({"area": ("North", "South")}, kinds=dict(clinics.app.kinds)), {}, TODAY)
    assert linker.link("the northern and the southern clinics").shown() == "[North = area; South = area]"


def test_what_sounds_like_two_names_is_linked_to_both() -> None:
    by_kind = NAMES.by_kind | {"supplier": ("Quickphyra", "Kuyckphiera")}
    found = Linker(replace(NAMES, by_kind=by_kind), WORDS, TODAY).link("what has cuiqfyra got").names()
    assert found == {("supplier", "Quickphyra"), ("supplier", "Kuyckphiera")}


@given(st.integers(0, 10_000), st.sampled_from(["supplier", "warehouse", "carrier", "sku"]), st.data())
def test_any_name_is_found_however_it_is_written(seed: int, kind: str, data: st.DataObject) -> None:
    names = draw(app, random.Random(seed))
    name = data.draw(st.sampled_from(names.by_kind[kind]))
    written = data.draw(
        st.sampled_from([name, name.lower(), name.upper(), name.replace("-", " "), f"({name})", f"{name},"])
    )
    found = Linker(names, WORDS, TODAY).link(f"what about {written} then").names()
    assert (kind, name) in found


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_links_stand_where_they_say(text: str) -> None:
    links = Linker(NAMES, WORDS, TODAY).link(text).links
    assert all(text[link.start : link.end] == link.text for link in links)
    assert all(a.end <= b.start for a, b in pairwise(links))


def test_a_name_added_today_is_linked_today(small_world: Path, tmp_path: Path, home: Path) -> None:
    path = Path(shutil.copy(small_world, tmp_path / "own.db"))
    with sqlite3.connect(path) as raw:
        columns = [row[1] for row in raw.execute("PRAGMA table_info(supplier)")]
        others = ", ".join(name for name in columns if name != "name")
        raw.execute(f"INSERT INTO supplier (name, {others}) SELECT 'Zyphrix', {others} FROM supplier LIMIT 1")
    copilot = Copilot(app, database_url=f"sqlite:///{path}", model=Scripted({}), settings=Settings(home=home))
    assert copilot.world.linker.link("what has zyphrix got?").names() == {("supplier", "Zyphrix")}
