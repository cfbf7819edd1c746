"""Models against each other on the same questions: how right, how fast, how large. Goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import os
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import altair as alt
from pydantic import BaseModel, ValidationError

from copilot.answer import Answer
from copilot.app import App
from copilot.copilot import Copilot
from copilot.errors import CopilotError, DataError, SetupError
from copilot.files import whole
from copilot.model import incontext, weights
from copilot.model.incontext import Shot
from copilot.model.instruct import InstructWriter
from copilot.model.remote import RemoteWriter
from copilot.model.writer import Writer
from copilot.pace import quantiles
from copilot.program.grammar import grammar
from copilot.progress import Progress, silent
from copilot.settings import Settings
from finetune.curve import few
from finetune.evaluate import evaluate
from finetune.examples import Example
from finetune.judged import Judged
from finetune.report import drawn
from finetune.right import Bench
from finetune.significance import Interval, wilson

LARGER = {"0.5B": "Qwen2.5-Coder-0.5B-Instruct", "1.5B": "Qwen2.5-Coder-1.5B-Instruct"}
SHOTS = (0, 5)
SEED = 1
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Row:
    """A configuration.

    Args:
        name: in the table, and of the file of its answers.
        model: a name or a GGUF path, or the URL of a server.
        shots: worked examples of each task in its prompt; None for a model that was fine-tuned.
        held: to the app's grammar.
        model_name: what a server calls the model.
    """

    name: str
    model: str
    shots: int | None = None
    held: bool = False
    model_name: str = ""

    @property
    def remote(self) -> bool:
        return self.model.startswith(("http://", "https://"))


class Line(BaseModel):
    """A question asked, as it stands in a file of answers.

    Args:
        key: of the question; see `key`.
        rss: the most memory that the process had until then, in bytes.
        load: how many processes wanted a core, over the last minute.
    """

    key: str
    answer: Answer
    why: str
    asked_right: bool = False
    rss: int = 0
    load: float = 0.0


class Figures(BaseModel):
    """A row of the table; shares are 0..1, times milliseconds, sizes bytes.

    Args:
        size: of the model's file; 0 if that is elsewhere.
        load: its median while the questions were asked.
    """

    name: str
    questions: int
    right: float
    interval: Interval
    silently_wrong: float
    p50: float
    p95: float
    tokens_in: float
    tokens_out: float
    rss: int
    size: int
    load: float


# Which rows, which questions ------------------------------------------------------------------------------------------


def rows(tuned: str, shots: Sequence[int], more: Sequence[str] = (), model_name: str = "") -> list[Row]:
    """The fine-tuned model, the larger ones in each way of asking them, and further models.

    Args:
        more: GGUF files, names or URLs; a fine-tuned adapter, which has its card beside it, is asked as it was trained.
    """
    made = [Row(tuned, tuned)]
    for name, model in LARGER.items():
        made += _ways(name, model, shots)
    for model in more:
        made += _further(model, shots, model_name)
    return made


def chosen(made: Sequence[Row], patterns: Sequence[str]) -> list[Row]:
    """The rows whose names fit one of some patterns, such as ``0.5B-*``. Raises SetupError if one fits none."""
    for pattern in patterns:
        if not any(fnmatch(row.name, pattern) for row in made):
            raise SetupError(f"no row is called {pattern!r}; there are {', '.join(row.name for row in made)}")
    return [row for row in made if not patterns or any(fnmatch(row.name, pattern) for pattern in patterns)]


def sample(questions: Sequence[Example], limit: int | None) -> list[Example]:
    """So many of the questions at most, each family in its proportion, the same each time; in their order."""
    if limit is None or limit >= len(questions):
        return list(questions)
    families: dict[str, list[int]] = {}
    for at in random.Random(SEED).sample(range(len(questions)), len(questions)):
        families.setdefault(questions[at].family or "", []).append(at)
    ranked = sorted(((n + 0.5) / len(group), at) for group in families.values() for n, at in enumerate(group))
    return [questions[at] for at in sorted(at for _, at in ranked[:limit])]


def _ways(name: str, model: str, shots: Sequence[int]) -> list[Row]:
    return [
        Row(f"{name}-k{k}{'-grammar' if held else ''}", model, k, held)
        for k in sorted(set(shots))
        for held in (False, True)
    ]


def _further(model: str, shots: Sequence[int], model_name: str) -> list[Row]:
    if model.startswith(("http://", "https://")):
        name = _file_name(model_name or model.partition("://")[2])
        return [Row(f"{name}-k{k}", model, k, model_name=model_name) for k in sorted(set(shots))]
    name = Path(model).stem
    return [Row(name, model)] if weights.adapter_of(model) else _ways(name, model, shots)


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in text).strip("-")


# Asking a row ---------------------------------------------------------------------------------------------------------


def worked(row: Row, examples: Sequence[Example]) -> list[Shot]:
    """The worked examples of a row's prompt."""
    return [Shot(e.question, e.links, e.program or "", e.context) for e in few(examples, row.shots or 0, SEED)]


def made_of(row: Row, shots: Sequence[Shot], app: App, settings: Settings) -> str:
    """What a row's answers depend on, in few letters: the model's file or server, and what it is told."""
    told = json.dumps(incontext.fixed(app, shots)) if row.shots is not None else ""
    model = row.model + row.model_name if row.remote else weights.sha256(weights.located(row.model, settings))
    return _digest(model, told, grammar(app) if row.held else "")


def opened(row: Row, shots: Sequence[Shot], app: App, settings: Settings) -> Writer:
    """A row's model; what its questions begin with is read."""
    if row.remote:
        return RemoteWriter(row.model, row.model_name, shots)
    if row.shots is None:
        return weights.opened(row.model, settings)
    path = weights.located(row.model, settings)
    writer = InstructWriter(path, shots, row.held, settings.gpu_layers, settings.threads, row.name)
    writer.warm_up(app)
    return writer


def left(row: Row, made: str, questions: Sequence[Example], folder: Path) -> list[Example]:
    """The questions that a row's file does not answer yet; the file is begun if there is none.

    Args:
        made: as `made_of` tells it.

    Raises:
        SetupError: the file's answers are of another model, or of other words to it.
    """
    done = _begun(folder / f"{row.name}.jsonl", row, made)
    return [question for question in questions if key(question) not in done]


def ask(
    row: Row, copilot: Copilot, questions: Sequence[Example], benches: Sequence[Bench], folder: Path,
    tell: Callable[[], object] = lambda: None,
) -> None:  # fmt: skip
    """Ask a row's model some questions; each answer goes into its file as it comes."""
    copilot.ready()
    with (folder / f"{row.name}.jsonl").open("a", encoding="utf-8") as file:

        def keep(judged: Judged) -> None:
            file.write(_dumped(_line(judged)) + "\n")
            file.flush()
            tell()

        evaluate(copilot, questions, benches, keep)


def apart(name: str, work: Callable[..., None], *args: object) -> None:
    """Do a row's work in a process of its own, so that its memory is its own.

    Raises:
        SetupError: what the work complains of, or that the process broke down.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, work, args), daemon=True)
    process.start()
    theirs.close()
    try:
        complaint = ours.recv()
    except EOFError:
        process.join()
        complaint = f"its process ended early (status {process.exitcode})"
    finally:
        process.terminate()
        process.join()
    if complaint:
        raise SetupError(f"{name}: {complaint}")


def key(question: Example) -> str:
    """What tells a question, with the turns before it and its gold, from others."""
    return _digest(question.model_dump_json(exclude_defaults=True))


def _work(complaints: Connection, work: Callable[..., None], args: Sequence[object]) -> None:
    try:
        work(*args)
    except CopilotError as error:
        complaints.send(str(error))
    except KeyboardInterrupt:
        return  # who started it was interrupted, too
    else:
        complaints.send("")


def _begun(path: Path, row: Row, made: str) -> set[str]:
    """The keys of a file's answers; the file is begun if there is none, and what a kill left of a line is dropped."""
    head = json.dumps({"row": asdict(row), "made_of": made})
    if path.exists() and _read_head(path).get("made_of") != made:
        raise SetupError(f"{path} holds answers of another model or prompt; move it away, or give another --out")
    lines = list(answers(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text("".join(f"{line}\n" for line in (head, *map(_dumped, lines))), encoding="utf-8")
    return {line.key for line in lines}


def _line(judged: Judged) -> Line:
    answer = judged.answer.model_copy(update={"rows": [], "details": {}, "chart": None})
    load = os.getloadavg()[0]
    return Line(key=key(judged.example), answer=answer, why=judged.why, asked_right=judged.asked_right,
                rss=most_memory(), load=load)  # fmt: skip


def most_memory() -> int:
    """The most memory that this process had at once, in bytes.

    Linux's own count of a process, where there is one: `getrusage` counts that of the process which began it, too.
    """
    if STATUS.exists():
        told = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(told["VmHWM"].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


# What came of it ------------------------------------------------------------------------------------------------------


def answers(path: Path) -> Iterator[Line]:
    """The answers of a file, as far as they are whole."""
    for text in path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else ():
        try:
            yield Line.model_validate_json(text)
        except ValidationError:
            return


def figures(row: Row, questions: Sequence[Example], folder: Path, size: int) -> Figures | None:
    """What a row's answers to some questions come to; None if it has answered none of them."""
    known = {line.key: line for line in answers(folder / f"{row.name}.jsonl")}
    lines = [known[key(question)] for question in questions if key(question) in known]
    if not lines:
        return None
    right, count = sum(not line.why for line in lines), len(lines)
    silent = sum(bool(line.why) and line.answer.outcome in ("answered", "empty") for line in lines)
    timings = [line.answer.timings for line in lines]
    return Figures(
        name=row.name, questions=count, right=right / count, interval=wilson(right, count),
        silently_wrong=silent / count, **quantiles([t.total for t in timings]),
        tokens_in=statistics.median(t.tokens_in for t in timings),
        tokens_out=statistics.median(t.tokens_out for t in timings),
        rss=max(line.rss for line in lines), size=size, load=statistics.median(line.load for line in lines),
    )  # fmt: skip


def size(row: Row, settings: Settings, progress: Progress = silent) -> int:
    """How large a row's file is, in bytes, fetched first if need be; 0 if it is elsewhere."""
    return 0 if row.remote else weights.located(row.model, settings, progress).stat().st_size


def table(found: Sequence[Figures]) -> str:
    """The rows as Markdown, and under them what makes them hard to compare."""
    head = "| | right (95% interval) | silently wrong | p50 | p95 | tokens in / out | memory | file | questions |"
    return "\n".join([head, "|---|" + "---:|" * 8, *map(_table_row, found), "", *_notes(found)]).rstrip() + "\n"


def picture(found: Sequence[Figures]) -> str:
    """Right against p50 as SVG; each row with its interval and its name."""
    values = [
        {"name": f.name, "p50": f.p50, "right": f.right, "low": f.interval[0], "high": f.interval[1],
         "model": f.name.partition("-k")[0]}
        for f in found
    ]  # fmt: skip
    x = alt.X("p50:Q", title="milliseconds, half of the questions take less", scale=alt.Scale(type="log"))
    scale, color = alt.Scale(domain=[0, 1]), alt.Color("model:N", legend=None)
    base = alt.Chart(alt.InlineData(values=values)).encode(x=x, color=color)
    y = alt.Y("right:Q", title="right", scale=scale, axis=alt.Axis(format="%"))
    whiskers = base.mark_rule().encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    names = base.mark_text(align="left", dx=7, dy=-5).encode(y=y, text="name:N")
    return str(drawn(whiskers + base.mark_point(filled=True, size=60).encode(y=y) + names))


def _table_row(row: Figures) -> str:
    low, high = row.interval
    size = f"{row.size / 1e6:,.0f} MB" if row.size else "elsewhere"
    cells = (
        row.name, f"{row.right:.1%} ({low:.0%} to {high:.0%})", f"{row.silently_wrong:.1%}", f"{row.p50:,.0f} ms",
        f"{row.p95:,.0f} ms", f"{row.tokens_in:,.0f} / {row.tokens_out:,.0f}", f"{row.rss / 1e6:,.0f} MB", size,
        str(row.questions),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _notes(found: Sequence[Figures]) -> Iterator[str]:
    cores = os.cpu_count() or 1
    if busy := [f"{row.name} (load {row.load:.1f})" for row in found if row.load > cores + 0.5]:
        yield f"The times are too long of {', '.join(busy)}: {cores} cores had other work as well.\n"
    if len({row.questions for row in found}) > 1:
        yield "Not every row has answered every question yet.\n"


def _read_head(path: Path) -> dict[str, str]:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    try:
        head: dict[str, str] = json.loads(first)
    except ValueError as error:
        raise DataError(1, f"{path} is no file of answers; move it away, or give another --out") from error
    return head


def _dumped(line: Line) -> str:
    return line.model_dump_json(exclude_defaults=True)
