"""How good a model is: every question asked once, its answer judged, its stages timed. Nothing is written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import text

from copilot.answer import Answer, Result, Timings
from copilot.app import App
from copilot.copilot import Copilot
from copilot.errors import CopilotError
from copilot.pace import quantiles
from copilot.program import check
from copilot.settings import Settings
from finetune import calibrate
from finetune.examples import Example, task_of
from finetune.judged import Judged
from finetune.right import Bench, gives, meaning, right
from finetune.significance import wilson

STAGES = ("link", "write", "check", "run", "show")
SCOPE = ("declined", "steered")
ASIDE = {"decline": "declined", "unsupported": "steered", "clarify": "clarify"}
WORLDS = (1, 2, 3)


class Unsaved(Copilot):
    """A copilot whose drafts are not saved: an evaluation writes nothing, whatever its database."""

    def _keep(self, result: Result) -> str:
        return "a draft that is not kept"

    def using(self, model: Any) -> Unsaved:
        """The same, with another model."""
        url = self.database.url.render_as_string(hide_password=False)
        return Unsaved(self.app, database_url=url, model=model, settings=self.settings)


class Miss(BaseModel):
    """A question answered wrongly."""

    question: str
    gold: str
    program: str
    outcome: str
    why: str


def evaluate(
    copilot: Copilot,
    examples: Sequence[Example],
    benches: Sequence[Bench],
    tell: Callable[[Judged], None] = lambda _: None,
) -> list[Judged]:
    """Ask every question once and judge the answers.

    Args:
        benches: the worlds on which a query's rows must agree; the copilot's own is the first.
    """
    judged = []
    for example in examples:
        answer = _asked(copilot, example)
        judged.append(Judged(example, answer, right(example, answer, benches), _asked_right(example, answer, benches)))
        tell(judged[-1])
    return judged


def report(judged: Sequence[Judged], copilot: Copilot) -> dict[str, Any]:
    """The figures of an evaluation, as DESIGN's contract has them; shares are 0..1, times milliseconds.

    Beside the contract: ``by_task``, as ``by_family``; ``intervals``, the 95% interval of each share, by its name; and
    ``confidence``, what it was worth and what each threshold would cost and gain.
    """
    count, counts = len(judged), _counts(judged)
    wrong = [j for j in judged if j.why]
    families, tasks = _grouped(judged, _family), _grouped(judged, lambda j: task_of(j.example))
    return {
        "questions": count,
        **{name: _share(part, count) for name, part in counts.items()},
        "out_of_scope": _out_of_scope(judged),
        "by_family": {name: _group(group) for name, group in families.items()},
        "by_task": {name: _group(group) for name, group in tasks.items()},
        "intervals": {
            **{name: wilson(part, count) for name, part in counts.items()},
            "by_family": {name: wilson(_rights(group), len(group)) for name, group in families.items()},
            "by_task": {name: wilson(_rights(group), len(group)) for name, group in tasks.items()},
        },
        "ms": _milliseconds(judged),
        "linked": {"recall": _recall(judged, copilot)},
        "confidence": {
            "curve": [point.model_dump() for point in calibrate.curve(judged)],
            "thresholds": [price.model_dump() for price in calibrate.prices(judged)],
        },
        "misses": [_miss(j).model_dump() for j in wrong],
    }


def check_gold(examples: Sequence[Example], bench: Bench) -> list[str]:
    """What is wrong with the gold programs themselves: they do not pass, or give other rows than their SQL."""
    return [f"{example.id or example.question}: {wrong}" for example in examples if (wrong := _gold(example, bench))]


@contextmanager
def throwaway(
    app: App, model: Any, url: str | None, build: Callable[[str, int], None]
) -> Iterator[tuple[Unsaved, list[Bench]]]:
    """A copilot on a copy of the database (or on demo worlds of its own), with a home that is thrown away.

    Args:
        url: the database to copy; demo worlds from the seeds 1 to 3 if None.
        build: builds a world at a URL from a seed.
    """
    settings = Settings.load()
    with tempfile.TemporaryDirectory() as folder:
        urls = [_copied(url, Path(folder))] if url else [f"sqlite:///{folder}/{seed}.db" for seed in WORLDS]
        for seed, made in zip(WORLDS, () if url else urls, strict=False):
            build(made, seed)
        home = Path(folder) / "home"
        home.mkdir()
        for kept in ("models", "installed"):
            (home / kept).symlink_to(_made(settings.home / kept))
        own = settings.model_copy(update={"home": home})
        copilots = [Unsaved(app, database_url=u, model=model, settings=own) for u in urls]
        yield copilots[0], [Bench(c.world, c.database) for c in copilots]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _copied(url: str, folder: Path) -> str:
    if not url.startswith("sqlite:///"):
        return url
    copy = folder / "copy.db"
    shutil.copy(url.removeprefix("sqlite:///"), copy)
    return f"sqlite:///{copy}"


def _asked(copilot: Copilot, example: Example) -> Answer:
    *_, answer = copilot.stream(example.question, example.context)
    assert isinstance(answer, Answer)
    return answer


def _asked_right(example: Example, answer: Answer, benches: Sequence[Bench]) -> bool:
    if not answer.readings:
        return False
    word, _, _ = answer.program.partition("(")
    as_run = answer.model_copy(update={"outcome": ASIDE.get(word, "answered"), "readings": {}})
    return not right(example, as_run, benches)


def _gold(example: Example, bench: Bench) -> str:
    if not example.program:
        return ""
    try:
        meant = meaning(example.program, bench)
        if not example.sql:
            return ""
        with bench.database.reading() as connection:
            rows = [tuple(row) for row in connection.execute(text(example.sql))]
    except CopilotError as error:
        return str(error)
    agree = gives(meant, rows)
    return "" if agree else f"{meant.count} rows of the program, {len(rows)} of the SQL, and they differ"


def _counts(judged: Sequence[Judged]) -> dict[str, int]:
    wrong = [j for j in judged if j.why]
    return {
        "right": _rights(judged),
        "silently_wrong": sum(j.answer.outcome in ("answered", "empty") for j in wrong),
        "asked_needlessly": sum(j.answer.outcome == "clarify" for j in wrong),
        "failed": sum(j.answer.outcome == "failed" for j in judged),
    }


def _grouped(judged: Sequence[Judged], name: Callable[[Judged], str]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = {}
    for item in judged:
        groups.setdefault(name(item), []).append(item)
    return groups


def _family(item: Judged) -> str:
    return item.example.family or "other"


def _group(group: Sequence[Judged]) -> dict[str, float]:
    return {"questions": len(group), "right": _share(_rights(group), len(group))}


def _rights(judged: Sequence[Judged]) -> int:
    return sum(not j.why for j in judged)


def _out_of_scope(judged: Sequence[Judged]) -> dict[str, float]:
    said = [j for j in judged if j.answer.outcome in SCOPE]
    due = [j for j in judged if j.example.outcome in SCOPE]
    both = sum(j.answer.outcome in SCOPE for j in due)
    precision, recall = _share(both, len(said)), _share(both, len(due))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": round(f1, 4)}


def _milliseconds(judged: Sequence[Judged]) -> dict[str, Any]:
    timings = [j.answer.timings for j in judged]
    stages = {stage: quantiles([getattr(t, stage) for t in timings]) for stage in STAGES}
    families = {name: _total([j.answer.timings for j in group]) for name, group in _grouped(judged, _family).items()}
    return {**_total(timings), "stages": stages, "by_family": families}


def _total(timings: Sequence[Timings]) -> dict[str, float]:
    return quantiles([t.total for t in timings])


def _recall(judged: Sequence[Judged], copilot: Copilot) -> float:
    """The part of the gold programs' names that the linker found in the questions (follow-ups aside)."""
    world, found, due = copilot.world, 0, 0
    for item in judged:
        if not item.example.program or item.example.context:
            continue
        wanted = _names_in(item.example.program, copilot)
        linked = {name for _, name in world.linker.link(item.example.question).names()}
        reached = linked | {m for name in linked for group in world.names.members.values() for m in group.get(name, ())}
        found, due = found + len(wanted & reached), due + len(wanted)
    return _share(found, due)


def _names_in(program: str, copilot: Copilot) -> set[str]:
    app, names = copilot.app, copilot.world.names
    try:
        mentions = list(check.mentions(app, check.parse(program)))
        return {names.resolve(m.kind, m.text).names[0] for m in mentions if m.text != "current"}
    except CopilotError:
        return set()


def _miss(item: Judged) -> Miss:
    example, answer = item.example, item.answer
    gold = example.program or example.outcome or ""
    return Miss(question=example.question, gold=gold, program=answer.program, outcome=answer.outcome, why=item.why)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
