"""`copilot`: ask, run a program by hand, chat, and look after what the copilot stands on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from copilot.errors import CopilotError
from copilot.printable import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from copilot.answer import Answer
    from copilot.copilot import Copilot

cli = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console()
errors = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="the whole answer, as JSON")]
INTERRUPTED = 130
LONGEST_LINE = 2_000
SHOWN = 20
"""Rows of a table that are printed; --json gives all."""


@cli.command()
def ask(question: Annotated[str, typer.Argument(help="in plain words")], as_json: AsJson = False) -> None:
    """Answer a question."""
    with _opened() as copilot:
        _print(copilot.ask(question), as_json)


@cli.command()
def run(program: Annotated[str, typer.Argument(help="see `copilot stub`")], as_json: AsJson = False) -> None:
    """Check and run a program written by hand."""
    with _opened() as copilot:
        _print(copilot.run(program), as_json)


@cli.command()
def chat() -> None:
    """Ask one question after another; each may follow on from the last. An empty line ends it."""
    with _opened() as copilot:
        talk = copilot.chat()
        console.print(f"Ask about {copilot.app.about}. An empty line ends it.")
        while question := _asked():
            _show(talk.ask(question))


@cli.command()
def adopt(
    plan: Annotated[str, typer.Argument(help="the draft, such as PLN-3")],
    by: Annotated[str, typer.Option(help="your name; it is recorded with the time")],
    anyway: Annotated[bool, typer.Option("--anyway", help="even if the draft was made on older data")] = False,
) -> None:
    """Make a draft the current plan."""
    with _opened() as copilot:
        copilot.adopt(plan, by=by, anyway=anyway)
    console.print(f"{plan} is the current plan.")


def _asked() -> str:
    try:
        return console.input("[bold]> [/bold]").strip()
    except EOFError:
        return ""


@cli.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    host: Annotated[str, typer.Option(help="loopback unless you say otherwise")] = "127.0.0.1",
) -> None:
    """Open the chat in a browser; the server runs until Ctrl-C."""
    from ui.serve import serve

    serve(host, port, lambda url: console.print(f"The copilot is at {url} (Ctrl-C ends it).", soft_wrap=True))


@cli.command()
def stub() -> None:
    """Print the stub: everything that a program may call, with its types."""
    from copilot.fulfilment.app import app
    from copilot.program.stub import stub as made

    sys.stdout.write(made(app))


@cli.command()
def world(
    size: Annotated[str, typer.Argument(help="small (60 open orders), demo (400) or large (10,000)")] = "demo",
    seed: int = 1,
    database_url: Annotated[
        str | None, typer.Option(help="where to build it; the demo world's place if not given")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="replace a world that is there")] = False,
) -> None:
    """Build a demo world and plan it."""
    from copilot.settings import Settings
    from fixtures.build import build

    if size not in ("small", "demo", "large"):
        raise typer.BadParameter(f"{size!r} is not a size; use small, demo or large")
    url = database_url or Settings.load().database
    with _progress() as tell:
        build(url, size, seed, tell, overwrite=overwrite)
    console.print(f"The {size} world is at {url}.")


@cli.command()
def doctor(as_json: AsJson = False) -> None:
    """Tell what is in use, and what is wrong."""
    from copilot.doctor import examine

    with _progress() as tell:
        found = examine(tell)
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
    else:
        for name, value in found.facts.items():
            console.print(f"{name:14} {value}", highlight=False)
        for problem in found.problems:
            errors.print(f"[red]wrong:[/red] {problem}", highlight=False)
    if found.problems:
        raise SystemExit(1)


@contextmanager
def _opened() -> Iterator[Copilot]:
    """The copilot, ready to answer; what is being prepared is shown meanwhile."""
    with _progress() as tell:
        from copilot.copilot import Copilot

        copilot = Copilot.open(tell)
    yield copilot


@contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        shown = bar.add_task("opening", total=None)

        def tell(text: str, share: float | None = None) -> None:
            bar.update(shown, description=text, total=None if share is None else 1.0, completed=share or 0.0)

        yield tell


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(answer.model_dump_json(indent=1) + "\n")
    elif answer.outcome != "failed":
        _show(answer)
    if answer.outcome == "failed":
        raise _Failed(answer.text)


class _Failed(CopilotError):
    """An answer that failed: its text is the one line that is shown."""


def _show(answer: Answer) -> None:
    from copilot.show import paired

    console.print(_text(answer.text, style="bold"))
    if len(answer.rows) > 1 or len(answer.columns) > 1:
        console.print(_table(answer.columns, answer.rows))
    for title, table in answer.details.items():
        console.print(f"\n{title}")
        told = paired(table)
        console.print(_table(told.columns, told.rows))
    for number, choice in enumerate(answer.choices, start=1):
        console.print(_text(f"  {number} {choice}"))
    if answer.outcome in ("steered", "declined"):
        console.print(_text(f"try: {' · '.join(answer.suggestions)}", style="dim"))
    if answer.program:
        console.print(_text(f"{answer.program}  ({answer.timings.total:.0f} ms)", style="dim"))


def _text(text: str, style: str = "") -> Text:
    """Names of the database and a program's words reach the terminal through here: what would act on it is replaced."""
    return Text(printable(text), style=style)


def _table(columns: list[str], rows: list[list[Any]]) -> Table:
    table = Table(caption=f"{len(rows) - SHOWN:,} more rows; --json gives all" if len(rows) > SHOWN else None)
    for at, name in enumerate(columns):
        number = all(isinstance(row[at], int | float | None) for row in rows)
        table.add_column(
            name.replace("_", " "), justify="right" if number else "left", no_wrap=at == 0, overflow="fold"
        )
    for row in rows[:SHOWN]:
        table.add_row(*(_cell(cell) for cell in row))
    return table


def _cell(cell: Any) -> Text:
    if isinstance(cell, float):
        return Text(f"{cell:,.2f}" if abs(cell) >= 1 or not cell else f"{cell:.3g}")
    return _text("" if cell is None else str(cell))


def main() -> None:
    """The command: one clear line and exit status 1 when it fails, 2 for wrong usage."""
    try:
        cli()
    except CopilotError as error:
        errors.print(Text.assemble(("copilot: ", "red"), one_line(str(error), LONGEST_LINE)), soft_wrap=True)
        raise SystemExit(1) from None
    except (KeyboardInterrupt, SystemExit) as ended:
        if not interrupted(ended):
            raise
        errors.print("stopped")
        raise SystemExit(1) from None


def interrupted(ended: BaseException) -> bool:
    """Whether Ctrl-C ended a command: typer catches it, and exits with a status of its own."""
    return isinstance(ended, KeyboardInterrupt) or (isinstance(ended, SystemExit) and ended.code == INTERRUPTED)
