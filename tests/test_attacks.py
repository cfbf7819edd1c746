"""Every attack of the corpus, each on its own wall; and what must be so after it."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from copilot import Copilot, cli
from copilot.app import Context
from copilot.chain import told
from copilot.database import Database
from copilot.deadline import Deadline
from copilot.errors import LimitReached, ProgramError, SetupError
from copilot.fulfilment.app import app
from copilot.model.prompt import prompt
from copilot.names import Names
from copilot.program import check, runtime, sandbox
from copilot.program.stub import stub
from copilot.query import Query
from copilot.settings import Settings
from copilot.testing import Scripted
from finetune.drawn import draw
from tests import clinics
from tests.attacks import WALLS, Attack
from tests.fuzz import Ground
from tests.unharmed import Scene, answers, complaint

DRAWN = draw(app, random.Random(1), demo=True)


def on(wall: str) -> pytest.MarkDecorator:
    """Every attack on a wall."""
    return pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in WALLS[wall]])


@pytest.fixture(scope="module")
def ground(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground.open(small_world, tmp_path_factory.mktemp("ground"))


@pytest.fixture(autouse=True)
def unharmed(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After each attack the database, its folder (where we stand) and the processes are as before it."""
    monkeypatch.chdir(ground.folder)
    before = ground.scene()
    yield
    assert ground.scene() == before
    assert answers(ground.copilot)


def reached(ground: Ground, text: str) -> Any:
    """What a program comes to that nothing checked: neither its form, nor its types, nor its literal names."""
    world = ground.copilot.world
    with ground.copilot.database.reading() as connection:
        context = Context(connection, world.today)
        functions = runtime.functions(app, world.names, context, lambda query: 0.0)
        value = sandbox.run(text, functions, runtime.values(app, world.names, context))
        return ground.copilot.database.rows(connection, value.select_statement()) if isinstance(value, Query) else value


@on("Check")
def test_the_check_refuses(attack: Attack) -> None:
    with pytest.raises(ProgramError, match=attack.says):
        check.code(check.settle(app, DRAWN, attack.text).program)


@on("Type check")
def test_the_type_check_refuses(attack: Attack) -> None:
    with pytest.raises(ProgramError, match=attack.says):
        sandbox.check_types(check.code(attack.text), stub(app))


@on("Arrival")
def test_arrival_refuses(ground: Ground, attack: Attack) -> None:
    with pytest.raises(ProgramError, match=attack.says):
        reached(ground, attack.text)


@on("Sandbox")
def test_the_sandbox_holds(ground: Ground, attack: Attack) -> None:
    sandbox.run("left_behind = 1", {}, {})
    if not attack.says:
        reached(ground, attack.text)
        return
    with pytest.raises(ProgramError, match=attack.says):
        reached(ground, attack.text)


@on("Query compiler")
def test_no_sql_is_made_of_a_value(ground: Ground, attack: Attack) -> None:
    if attack.says:
        with pytest.raises(ProgramError, match=attack.says):
            reached(ground, attack.text)
        return
    _, rows, _ = reached(ground, attack.text)
    assert rows == [[0]] or attack.name == "a column grouped by twice"


@on("Connection")
def test_the_connection_refuses(ground: Ground, attack: Attack) -> None:
    database = Database(f"sqlite:///{ground.database}", seconds=0.3)
    with pytest.raises((SetupError, LimitReached), match=attack.says), database.reading() as connection:
        connection.exec_driver_sql(attack.text).all()


@on("Limits of an answer")
def test_an_answer_is_bounded(ground: Ground, attack: Attack) -> None:
    answer = ground.copilot.run(attack.text)
    assert not complaint(answer)
    assert re.search(attack.says, answer.text) and (answer.outcome == "failed") == bool(attack.says)
    assert answer.text.count("PLN-") <= 1
    assert all(len(name) <= 100 for (name,) in drafts(ground))


def drafts(ground: Ground) -> list[tuple[str]]:
    """The names of the plans that were saved."""
    twin = sqlite3.connect(ground.copilot.twin.removeprefix("sqlite:///"))
    return twin.execute("SELECT name FROM plan").fetchall()


@on("What the model writes")
def test_what_a_model_says_by_itself_is_no_answer(ground: Ground, attack: Attack) -> None:
    answer = ground.ask("which orders are late?", attack.text)
    assert not complaint(answer)
    assert answer.outcome == "clarify" and re.search(attack.says, answer.text)


@on("Questions")
def test_a_question_is_only_a_question(ground: Ground, attack: Attack) -> None:
    answer = ground.ask(attack.text, "orders.count()")
    assert not complaint(answer)
    assert re.search(attack.says, answer.text) and (answer.outcome == "failed") == bool(attack.says)
    assert len(answer.question) <= 2_000


@on("Names stored in the database")
def test_a_stored_name_is_only_a_name(attack: Attack, tmp_path: Path, home: Path) -> None:
    url = clinics.create(tmp_path / "clinics.db", [(attack.text, "North")], [(attack.text, "Flu", 7)])
    copilot = Copilot(clinics.app, database_url=url, model=Scripted({}), settings=Settings(home=home))
    before = Scene.of(tmp_path / "clinics.db", tmp_path)
    answer = copilot.run(f"doses.where(clinic={attack.text!r}).by('clinic').sum('left')")
    rows = dict(answer.rows)
    assert not complaint(answer) and rows[attack.text] == 7
    link = copilot.world.linker.link(f"doses of {attack.text[:500]}").shown()
    assert len(prompt("q", link).split("\n")) <= 3 and "\x1b" not in link
    seen = on_screen(copilot.run("doses")) + told(copilot.run("doses"))
    assert "\x1b" not in seen and "\u202e" not in seen
    assert Scene.of(tmp_path / "clinics.db", tmp_path) == before


def on_screen(answer: Any) -> str:
    """What the command line prints of an answer, in a terminal without colours."""
    out, cli.console = cli.console, Console(file=io.StringIO(), color_system=None, width=200)
    try:
        cli._show(answer)
        return cli.console.file.getvalue()  # type: ignore[attr-defined]
    finally:
        cli.console = out


def test_a_name_that_looks_like_another_takes_nothing_from_it() -> None:
    names = Names({"clinic": ("Alma", "Ａlma")}, kinds=dict(clinics.app.kinds))
    assert names.resolve("clinic", "Alma").names == ("Alma",)
    assert names.resolve("clinic", "alma").names == ("Alma", "Ａlma")


def test_nothing_new_is_begun_after_the_deadline() -> None:
    with pytest.raises(LimitReached, match="in all"):
        sandbox.run("f()", {"f": lambda: 1}, {}, Deadline(-1))


@pytest.fixture
def ctrl_c_soon() -> Iterator[None]:
    """A Ctrl-C in a fifth of a second, wherever the test is by then, and again after two seconds.

    One that falls into a garbage collection is lost: Python ignores what its callbacks (hypothesis has one) raise.
    """
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2, 2.0)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("program", ["while True:\n    pass", "[f() for i in range(400)]"])
def test_ctrl_c_ends_a_program(ctrl_c_soon: None, program: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(program, {"f": lambda: time.sleep(0.01)}, {})


def test_ctrl_c_ends_a_query(ctrl_c_soon: None, ground: Ground) -> None:
    with pytest.raises(KeyboardInterrupt), Database(f"sqlite:///{ground.database}", 30.0).reading() as connection:
        connection.exec_driver_sql("SELECT COUNT(*) FROM orders a, orders b, orders c, orders d").all()


def test_ctrl_c_in_a_terminal_reaches_the_workers_too_and_is_still_ctrl_c() -> None:
    def interrupted() -> None:
        for pid in _workers(os.getpid()):
            os.kill(int(pid), signal.SIGINT)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.run("f()", {"f": interrupted}, {})


ENDLESS = """
from copilot.program import sandbox
print(sandbox.run("1", {}, {}), flush=True)
sandbox.run("while True: 1", {}, {})
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in Linux's /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_copilot(ground: Ground, how: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"1\n"
    workers = _workers(process.pid)
    process.send_signal(how)
    process.communicate(timeout=20)
    assert workers and _ended(workers)


def _ended(pids: list[str]) -> bool:
    """Whether they end soon: a worker whose copilot was killed finds out after the 2 s of its program."""
    until = time.monotonic() + 20
    while any(_lives(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(_lives(pid) for pid in pids)


def _workers(pid: int) -> list[str]:
    return [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def _lives(pid: str) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_the_document_lists_the_attacks_by_wall() -> None:
    text = (Path(__file__).parent.parent / "docs" / "security.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    listed = {s.split("\n")[0]: tuple(re.findall(r"^- (.+)$", s, re.MULTILINE)) for s in sections}
    assert {wall: listed.get(wall) for wall in WALLS} == {
        wall: tuple(attack.name for attack in attacks) for wall, attacks in WALLS.items()
    }
    assert sum(len(attacks) for attacks in WALLS.values()) >= 60
