"""A small part of the fuzzing, the same each time; `make fuzz` runs all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import fuzz


@pytest.fixture(scope="module")
def ground(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> fuzz.Ground:
    return fuzz.Ground.open(small_world, tmp_path_factory.mktemp("fuzz"))


def test_spoilt_programs_do_no_harm(ground: fuzz.Ground) -> None:
    figures = fuzz.programs(ground, 80, seed=3)
    assert figures.findings == []
    assert figures.ran >= 20


def test_spoilt_questions_do_no_harm(ground: fuzz.Ground) -> None:
    figures = fuzz.questions(ground, 20, seed=3)
    assert figures.findings == []
    assert figures.ran >= 7
