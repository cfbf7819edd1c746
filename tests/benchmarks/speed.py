"""Where the milliseconds of an answer go: the floor, drafts against plain greedy decoding, many callers, a cold start.

`python -m tests.benchmarks.speed [QUESTIONS]`: each question is asked once, no program is remembered.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from copilot import Copilot
from copilot.fulfilment.app import app
from copilot.model.drafting import NO_DRAFTS
from copilot.model.llama import LlamaWriter
from copilot.model.passes import Likeliest, Read
from copilot.model.weights import DEFAULT, habits, located
from copilot.model.writer import Request, Written
from copilot.settings import Settings
from finetune.examples import Example, read
from fixtures.build import build
from tests.benchmarks.table import Row, shown

UNSEEN = Path("fixtures/questions/unseen.jsonl")
AT_ONCE = (1, 2, 4, 8, 16, 64)
CALLERS = (1, 4, 16)
ASKED_TOGETHER = 96
RUNS = 7


@dataclass(frozen=True)
class Timed:
    """What some calls took.

    Args:
        ms: of each, milliseconds.
        seconds: of all, from the first begin to the last end.
    """

    ms: Sequence[float]
    seconds: float

    def quantile(self, q: float) -> float:
        """A quantile of the times, in milliseconds."""
        return float(np.quantile(self.ms, q))

    def said(self) -> str:
        """Its median, 95th percentile and slowest."""
        return f"p50 {self.quantile(0.5):,.0f} ms, p95 {self.quantile(0.95):,.0f} ms, slowest {max(self.ms):,.0f} ms"


def floor(writer: LlamaWriter) -> Iterator[Row]:
    """What a pass costs by the number of tokens read in it; ratios are to a single one."""
    one = 0.0
    for count in AT_ONCE:
        took = min(_passed(writer, count) for _ in range(RUNS))
        one = one or took
        yield Row("the floor", f"a pass of {count}", f"{took:.1f} ms", f"{took / one:.2f}")


def _passed(writer: LlamaWriter, count: int) -> float:
    took = 0.0

    def text() -> Generator[Read, list[Likeliest], None]:
        nonlocal took
        yield Read(0, range(100, 140), 1)
        began = time.perf_counter()
        yield Read(40, range(200, 200 + count), 1)
        took = 1000 * (time.perf_counter() - began)

    writer._passes.write(text(), 40 + count)
    return took


def drafts(writer: LlamaWriter, requests: Sequence[Request], group: str) -> Iterator[Row]:
    """Writing every program token by token, and drafted; and whether the programs are the same."""
    drafter, both = writer.drafter, list[tuple[Written, float, Written, float]]()
    for request in track(requests, "drafting", console=Console(stderr=True), transient=True):
        writer.drafter = NO_DRAFTS
        plain, slow = _timed(writer, request)
        writer.drafter = drafter
        drafted, fast = _timed(writer, request)
        both.append((plain, slow, drafted, fast))
    slow_ones, fast_ones = [b[1] for b in both], [b[3] for b in both]
    yield Row(group, "plain greedy decoding", Timed(slow_ones, sum(slow_ones)).said(), "1.00")
    ratio = np.median(fast_ones) / np.median(slow_ones)
    yield Row(group, "drafted", Timed(fast_ones, sum(fast_ones)).said(), f"{ratio:.2f}")
    same = sum(b[0].program == b[2].program for b in both)
    yield Row(group, "the same programs", f"{same} of {len(both)}", f"{same / len(both):.2f}")


def _timed(writer: LlamaWriter, request: Request) -> tuple[Written, float]:
    began = time.perf_counter()
    written = writer.write(request)
    return written, 1000 * (time.perf_counter() - began)


def callers(copilot: Copilot, questions: Sequence[str]) -> Iterator[Row]:
    """Answers a second with several callers at once; ratios are to one caller."""
    alone = 0.0
    for count in CALLERS:
        timed = _together(copilot, questions, count)
        pace = len(timed.ms) / timed.seconds
        alone = alone or pace
        took = f"{pace:.2f} answers a second, {timed.said()}"
        yield Row("callers, data questions", f"{count} at once", took, f"{pace / alone:.2f}")


def _together(copilot: Copilot, questions: Sequence[str], count: int) -> Timed:
    def ask(question: str) -> float:
        began = time.perf_counter()
        copilot.ask(question)
        return 1000 * (time.perf_counter() - began)

    began = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        ms = list(pool.map(ask, questions))
    return Timed(ms, time.perf_counter() - began)


def cold() -> Iterator[Row]:
    """`copilot ask` from a terminal, and what of it is importing."""
    python, copilot = sys.executable, str(Path(sys.executable).parent / "copilot")
    imports = min(_run([python, "-c", "import copilot.cli, copilot.copilot"]) for _ in range(3))
    bare = min(_run([python, "-c", "pass"]) for _ in range(3))
    asked = min(_run([copilot, "ask", "how many orders are late?"]) for _ in range(3))
    yield Row("cold", "a cold copilot ask", f"{asked:.2f} s", "1.00")
    yield Row("cold", "of that, imports", f"{imports - bare:.2f} s", f"{(imports - bare) / asked:.2f}")


def _run(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def requests_of(copilot: Copilot, examples: Sequence[Example]) -> list[Request]:
    """What the model is asked for each example."""
    linker, spelling = copilot.world.linker, copilot.writer.spelling
    linked = [linker.link(e.question, spelling) for e in examples]
    return [Request(links.question, links.shown(), e.context, app) for e, links in zip(examples, linked, strict=True)]


def rows(questions: Path) -> Iterator[Row]:
    """Every measurement of the model that ships."""
    examples, settings = read(questions), Settings.load()
    path = located(DEFAULT, settings)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        build(url, "demo")
        known = habits(DEFAULT, settings)
        writer = LlamaWriter(path, settings.gpu_layers, settings.threads, DEFAULT, *known, remembered=0)
        own = settings.model_copy(update={"home": Path(folder)})
        copilot = Copilot(app, database_url=url, model=writer, settings=own)
        copilot.ready()
        alone = [e.question for e in examples if e.family == "data" and not e.context][:ASKED_TOGETHER]
        yield from floor(writer)
        yield from drafts(writer, requests_of(copilot, examples), "writing, all questions")
        data = [e for e in examples if e.family == "data"]
        yield from drafts(writer, requests_of(copilot, data), "writing, data questions")
        yield from callers(copilot, alone)
        yield from cold()


if __name__ == "__main__":
    shown(rows(Path(sys.argv[1]) if len(sys.argv) > 1 else UNSEEN))
