"""Worlds that tests share: built once, and a copilot on each whose model is scripted."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot import Copilot, cli
from copilot.model import weights
from copilot.model.llama import LlamaWriter
from copilot.settings import Settings, default_home
from copilot.testing import Scripted
from finetune import cli as finetune_cli
from fixtures.build import build
from tests import clinics
from tests.postgres import schema


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own settings, history or demo world."""
    for name in [name for name in os.environ if name.startswith("COPILOT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("COPILOT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small demo world, read only by convention: copy it to change it."""
    path = tmp_path_factory.mktemp("worlds") / "small.db"
    build(f"sqlite:///{path}", "small")
    return path


@pytest.fixture(scope="session")
def demo_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo world of 400 open orders, read only by convention."""
    path = tmp_path_factory.mktemp("worlds") / "demo.db"
    build(f"sqlite:///{path}", "demo")
    return path


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of an empty schema on PostgreSQL."""
    with schema() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_world() -> Iterator[str]:
    """The small demo world on PostgreSQL, read only by convention."""
    with schema() as url:
        build(url, "small")
        yield url


@pytest.fixture
def copilot(small_world: Path, home: Path) -> Copilot:
    """The fulfilment copilot on the small world; its model answers what a test tells it to."""
    from copilot.fulfilment.app import app

    return Copilot(app, database_url=f"sqlite:///{small_world}", model=Scripted({}), settings=Settings(home=home))


@pytest.fixture
def own(small_world: Path, home: Path, tmp_path: Path) -> Copilot:
    """As `copilot`, on a world of its own, which a test may change."""
    from copilot.fulfilment.app import app

    url = f"sqlite:///{shutil.copy(small_world, tmp_path / 'own.db')}"
    return Copilot(app, database_url=url, model=Scripted({}), settings=Settings(home=home))


@pytest.fixture
def pages(own: Copilot, monkeypatch: pytest.MonkeyPatch) -> Copilot:
    """The copilot that the UI's pages open: `own`, its model following the script of tests/ui.py."""
    from tests.ui import scripted

    return scripted(own, monkeypatch)


@pytest.fixture(scope="session")
def cache() -> Settings:
    """Settings whose cache outlives the tests, so that the base is fetched once a machine."""
    return Settings(home=default_home())


@pytest.fixture(scope="session")
def base(cache: Settings) -> Path:
    return weights.located("SmolLM2-135M-Instruct", cache)


@pytest.fixture(scope="session")
def shipped(cache: Settings) -> Path:
    return weights.located(weights.DEFAULT, cache)


@pytest.fixture(scope="session")
def writer(shipped: Path, cache: Settings) -> LlamaWriter:
    return LlamaWriter(shipped, 0, None, weights.DEFAULT, *weights.habits(weights.DEFAULT, cache))


@pytest.fixture
def clinic_copilot(tmp_path: Path, home: Path) -> Copilot:
    """The clinics' copilot."""
    url = clinics.create(tmp_path / "clinics.db")
    return Copilot(clinics.app, database_url=url, model=Scripted({}), settings=Settings(home=home))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], small_world: Path):  # type: ignore[no-untyped-def]
    """Runs a command on the small world; gives its exit status, output and errors."""
    monkeypatch.setenv("COPILOT_DATABASE_URL", f"sqlite:///{small_world}")
    monkeypatch.setenv("COLUMNS", "300")

    def run(*words: str) -> tuple[int, str, str]:
        main = finetune_cli.main if words[0] == "finetune" else cli.main
        monkeypatch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        status = ended.value.code
        said = capsys.readouterr()
        return int(status or 0), said.out, said.err

    return run
