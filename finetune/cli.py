"""`finetune`: make training text, train an adapter, export it, and see how good it is."""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, track

from copilot.app import App
from copilot.cli import interrupted
from copilot.errors import CopilotError, SetupError
from copilot.settings import Settings
from finetune import examples as data_file

cli = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console(stderr=True)

AppName = Annotated[str, typer.Option("--app", help="the app, as module:name")]
Base = Annotated[str, typer.Option(help="a named base, a GGUF file or a transformers folder")]
FULFILMENT = "copilot.fulfilment.app:app"
SMALL = "SmolLM2-135M-Instruct"
VOICES = Path(__file__).parent / "voices"


@cli.command()
def synthesize(
    out: Annotated[Path, typer.Argument(help="where the examples go (JSON Lines)")],
    voices: Annotated[Path, typer.Option(help="a folder of phrasings with slots, one file a voice")] = VOICES,
    fills: Annotated[int, typer.Option(min=1, help="how often each phrasing is filled")] = 2,
    composed: Annotated[int, typer.Option(min=0, help="questions composed of fragments besides")] = 10_000,
    seed: int = 1,
    avoid: Annotated[list[Path] | None, typer.Option(help="question files that nothing may come near")] = None,
    app: AppName = FULFILMENT,
) -> None:
    """Make training examples: slots filled with drawn names, linked and checked."""
    from finetune.compose import composed_pairs
    from finetune.synthesize import Report, spoken, synthesize

    report = Report()
    near = [example.question for path in avoid or [] for example in data_file.read(path)]
    loaded, files = load_app(app), sorted(voices.glob("*.jsonl"))
    made = synthesize(loaded, spoken(files), fills, seed, near, report)
    more = synthesize(loaded, composed_pairs(composed, seed), 1, seed, near, report)
    found = list(track(chain(made, more), "filling", console=console))
    random.Random(seed).shuffle(found)
    data_file.write(out, found)
    console.print(f"{len(found):,} examples in {out}; by voice {dict(report.made)}; dropped {dict(report.dropped)}")


@cli.command()
def train(
    data: Annotated[Path, typer.Argument(help="examples (JSON Lines)")],
    out: Annotated[Path, typer.Option(help="the run's folder: checkpoints, log, adapter")] = Path("runs/adapter"),
    base: Base = SMALL,
    rank: Annotated[int, typer.Option(min=1)] = 32,
    alpha: Annotated[int, typer.Option(min=1)] = 64,
    lr: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    epochs: Annotated[float, typer.Option(min=0.0)] = 2.0,
    batch: Annotated[int, typer.Option(min=1)] = 32,
    start: Annotated[Path | None, typer.Option(help="an adapter's folder to train further, instead of afresh")] = None,
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
    skip_bad: Annotated[bool, typer.Option(help="leave out lines that are no examples")] = False,
) -> None:
    """Train a LoRA adapter; stop it at any time and go on with --resume."""
    found = [example for example in data_file.read(data, skip_bad) if example.program]
    from finetune import bases, train

    model, tokenizer = bases.load(bases.base_file(base, Settings.load()))
    held = min(200, len(found) // 20)
    recipe = train.Recipe(rank=rank, alpha=alpha, lr=lr, epochs=epochs, batch=batch)
    with console.status("training") as status:
        say = status.update if console.is_terminal else _say
        loss = train.train(model, tokenizer, found[held:], found[:held], out, recipe, resume, say=say, start=start)
    console.print(f"held-out loss {loss:.4f}; the adapter is in {out / 'adapter'}")


@cli.command()
def export(
    run: Annotated[Path, typer.Argument(help="the folder that train wrote")],
    out: Annotated[Path, typer.Option(help="the GGUF adapter to write; its card goes beside it")],
    data: Annotated[Path, typer.Option(help="the examples it was trained on")],
    base: Base = SMALL,
    quantisation: Annotated[str, typer.Option(help="of the merged file that ships")] = "Q8_0",
    evaluation: Annotated[Path | None, typer.Option(help="what evaluate --json printed, for the card")] = None,
) -> None:
    """Write a trained adapter as GGUF, with its model card."""
    from finetune.bases import base_file
    from finetune.export import export_adapter, write_card

    file = base_file(base, Settings.load())
    out.parent.mkdir(parents=True, exist_ok=True)
    export_adapter(run / "adapter", file, out)
    write_card(out, file, base, data, run, quantisation, evaluation)
    console.print(f"{out}, {out.stat().st_size / 1e6:.1f} MB, and its card")


@cli.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="questions with what is right for each (JSON Lines)")],
    model: Annotated[
        str | None, typer.Option(help="a GGUF file or a named model; the one that ships if not given")
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="copied first; three demo worlds if not given")] = None,
    app: AppName = FULFILMENT,
    as_json: Annotated[bool, typer.Option("--json", help="the whole report, as JSON")] = False,
    gold: Annotated[bool, typer.Option("--gold", help="only check the file's own programs against its SQL")] = False,
) -> None:
    """Ask every question once, judge the answers, time the stages. Nothing is written."""
    from finetune import evaluate as evaluation
    from fixtures.build import build

    questions = data_file.read(file)
    with evaluation.throwaway(load_app(app), model, database_url, lambda url, seed: build(url, "demo", seed)) as (
        copilot,
        benches,
    ):
        if gold:
            _show_gold(evaluation.check_gold(questions, benches[0]), len(questions), as_json)
            return
        with Progress(*Progress.get_default_columns(), console=console, transient=True) as bar:
            shown = bar.add_task("asking", total=len(questions))
            judged = evaluation.evaluate(copilot, questions, benches, lambda _: bar.advance(shown))
        figures = evaluation.report(judged, copilot)
    sys.stdout.write(json.dumps(figures, indent=1, ensure_ascii=False) + "\n" if as_json else _summary(figures))


def load_app(name: str) -> App:
    """The app at ``module:name``. Raises SetupError if there is none."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute or "app")
    except (ImportError, AttributeError) as error:
        raise SetupError(f"there is no app at {name!r}; give it as module:name") from error
    if not isinstance(found, App):
        raise SetupError(f"{name} is no App")
    return found


def _show_gold(wrong: list[str], count: int, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"questions": count, "wrong": wrong}, indent=1) + "\n")
    else:
        sys.stdout.write("\n".join([*wrong, f"{count - len(wrong)} of {count} golds agree"]) + "\n")


def _summary(figures: dict[str, Any]) -> str:
    families = [
        f"  {name:12} {f['right']:6.1%} of {f['questions']}" for name, f in sorted(figures["by_family"].items())
    ]
    return "\n".join([
        f"right {figures['right']:.1%} of {figures['questions']} questions, "
        f"silently wrong {figures['silently_wrong']:.1%}, "
            f"asked needlessly {figures['asked_needlessly']:.1%}, failed {figures['failed']:.1%}",
        *families,
        f"out of scope: F1 {figures['out_of_scope']['f1']:.2f}; linker recall {figures['linked']['recall']:.1%}",
        f"p50 {figures['ms']['p50']:.0f} ms, p95 {figures['ms']['p95']:.0f} ms",
        "",
    ])  # fmt: skip


def _say(line: str) -> None:
    console.print(line, highlight=False)


def main(run: Callable[[], Any] = cli) -> None:
    """The command: one clear line and exit status 1 when it fails."""
    try:
        run()
    except CopilotError as error:
        console.print(f"[red]finetune:[/red] {error}", highlight=False)
        raise SystemExit(1) from None
    except (KeyboardInterrupt, SystemExit) as ended:
        if not interrupted(ended):
            raise
        console.print("stopped; what was saved is kept", highlight=False)
        raise SystemExit(1) from None
