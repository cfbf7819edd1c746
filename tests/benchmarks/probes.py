"""`python -m tests.benchmarks.probes [MODEL]`: is it copied and composed, or only recalled?

Chains of up to eight changes (training text now holds up to six), numbers of six to nine digits (trained on up to
five), names of a world never seen beside those of the demo world, and typos beside clean text: the last two in pairs.
A program is right if it is the one due, its keywords and changes in any order; a number if the program holds it, digit
by digit.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import track
from rich.table import Table

from copilot.fulfilment.app import app
from copilot.model.weights import DEFAULT, opened
from copilot.model.writer import Request, Writer
from copilot.settings import Settings
from copilot.spelling import NO_SPELLING
from finetune.compose import composed_pairs
from finetune.examples import Example
from finetune.fill import VALUES, slipped
from finetune.fragments import read_changes
from finetune.pairs import Pair
from finetune.right import InOrder
from finetune.scenarios import Scenarios
from finetune.significance import wilson
from finetune.synthesize import Dropped, World, fill, worlds

SEED = 4242
CHAINS = 60
NUMBERS = 60
PAIRED = 300
ANY_ORDER = {"what_if", "plan", "compare"}
LONG = re.compile(r"\b\d{6,9}\b")
Asked = tuple[Example, World]
Judge = Callable[[Writer, Asked], bool]

VALUES["long"] = lambda filler: (text := str(filler.rng.randint(10**5, 10**9 - 1)), text)


def chains(changes: int, rng: random.Random, drawn: Sequence[World]) -> Iterator[Asked]:
    """What-ifs of so many changes."""
    scenarios = Scenarios(read_changes(), rng)
    yield from _filled((scenarios.pair(changes) for _ in iter(int, 1)), CHAINS, rng, drawn)


def numbers(rng: random.Random, drawn: Sequence[World]) -> Iterator[Asked]:
    """Questions with a number of six to nine digits."""
    pairs = (pair for _, pair in composed_pairs(app, 20_000, SEED) if "{quantity}" in pair.p and not pair.context)
    longer = (Pair(q=p.q.replace("{quantity}", "{long}"), p=p.p.replace("{quantity}", "{long}")) for p in pairs)
    yield from _filled(longer, NUMBERS, rng, drawn)


def names(rng: random.Random, drawn: Sequence[World]) -> Iterator[tuple[Asked, Asked]]:
    """The same question with the demo world's names and with others."""
    demo, others = [w for w in drawn if _is_demo(w)], [w for w in drawn if not _is_demo(w)]
    for _, pair in composed_pairs(app, 20_000, SEED + 1):
        seed = rng.random()
        both = [list(_filled([pair], 1, random.Random(seed), kind)) for kind in (demo, others)]
        if all(both):
            yield both[0][0], both[1][0]


def typos(rng: random.Random, drawn: Sequence[World]) -> Iterator[tuple[Asked, Asked]]:
    """The same question clean and with a slip of the finger in two of its words."""
    for example, world in _filled((p for _, p in composed_pairs(app, 20_000, SEED + 2)), PAIRED, rng, drawn):
        question = slipped(example.question, rng, 2)
        yield (example, world), (example.model_copy(update={"question": question}), world)


def right(writer: Writer, asked: Asked) -> bool:
    """Whether the model writes the program that is due."""
    return normal(written(writer, asked)) == normal(asked[0].program or "")


def copied(writer: Writer, asked: Asked) -> bool:
    """Whether the program that the model writes holds the long numbers that are due."""
    program = written(writer, asked)
    return all(re.search(rf"\b{number}\b", program) for number in LONG.findall(asked[0].program or ""))


def written(writer: Writer, asked: Asked) -> str:
    """What the model writes, the question read as the copilot reads it."""
    example, world = asked
    links = world.linker.link(example.question, getattr(writer, "spelling", NO_SPELLING))
    return writer.write(Request(links.question, links.shown(), example.context, app)).program


def normal(program: str) -> str:
    """A program, with what may stand in any order sorted; the text itself if it is none."""
    try:
        return ast.dump(_Sorted().visit(ast.parse(program)))
    except SyntaxError:
        return program


class _Sorted(InOrder):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        super().visit_Call(node)
        if isinstance(node.func, ast.Name) and node.func.id in ANY_ORDER:
            node.args.sort(key=ast.dump)
        return node


def _is_demo(world: World) -> bool:
    return "Memphis" in world.names.by_kind["warehouse"] and "PNQ1" in world.names.by_kind["datacenter"]


def _filled(
    pairs: Iterator[Pair] | list[Pair], most: int, rng: random.Random, drawn: Sequence[World]
) -> Iterator[Asked]:
    made = 0
    for pair in pairs:
        world = rng.choice(drawn)
        try:
            example = fill(app, pair, world, rng)
        except Dropped:
            continue
        yield example, world
        made += 1
        if made == most:
            return


def main() -> None:
    """Ask all of them, and print one table."""
    settings = Settings.load()
    writer = opened(sys.argv[1] if len(sys.argv) > 1 else DEFAULT, settings)
    rng = random.Random(SEED)
    drawn = worlds(app, rng, 40)
    table = Table("probe", "right", "95% interval", "of")
    console = Console(stderr=True)

    def row(name: str, asked: Sequence[Asked], judge: Judge = right) -> None:
        part = sum(judge(writer, one) for one in track(asked, name, console=console, transient=True))
        low, high = wilson(part, len(asked))
        table.add_row(name, f"{part / len(asked):.1%}", f"{low:.1%} to {high:.1%}", str(len(asked)))

    for changes in range(1, 9):
        row(f"{changes} changes", list(chains(changes, rng, drawn)))
    row("numbers of 6 to 9 digits", list(numbers(rng, drawn)), copied)
    for name, pairs in (
        ("the demo world's names, others", names(rng, drawn)),
        ("clean, with typos", typos(rng, drawn)),
    ):
        both = [pair for pair, _ in zip(pairs, range(PAIRED), strict=False)]
        for said, side in zip(name.split(", "), zip(*both, strict=True), strict=True):
            row(said, side)
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
