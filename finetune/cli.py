"""`finetune`: make training text, train an adapter, export it, and see how good it is."""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, track
from rich.text import Text

from copilot.app import App
from copilot.cli import interrupted
from copilot.errors import CopilotError, DataError, SetupError
from copilot.model.weights import DEFAULT
from copilot.settings import Settings
from finetune import examples as data_file
from finetune.pairs import VOICES
from finetune.recipe import Method, OptimizerName, Recipe, usual_rate
from finetune.training_set import Judge, linked, read_examples, split

if TYPE_CHECKING:
    from copilot.copilot import Copilot
    from copilot.names import Names
    from finetune.calibrate import Price
    from finetune.compare import Row
    from finetune.curve import Point
    from finetune.evaluate import Unsaved
    from finetune.gate import Comparison
    from finetune.judged import Judged
    from finetune.right import Bench

cli = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console(stderr=True)

AppName = Annotated[str, typer.Option("--app", help="the app, as module:name")]
Base = Annotated[str, typer.Option(help="a named base, a GGUF file or a transformers folder")]
FULFILMENT = "copilot.fulfilment.app:app"
SMALL = "SmolLM2-135M-Instruct"
FIXTURES = Path(__file__).parent.parent / "fixtures"
QUESTIONS = FIXTURES / "questions"
UNSEEN = QUESTIONS / "unseen.jsonl"
WORKED = FIXTURES / "examples" / "fulfilment.jsonl"


@cli.command()
def synthesize(
    out: Annotated[Path, typer.Argument(help="where the examples go (JSON Lines)")],
    voices: Annotated[
        Path | None, typer.Option(help="a folder of phrasings with slots, one file a voice; ours for our app")
    ] = None,
    fills: Annotated[int, typer.Option(min=1, help="how often each phrasing is filled")] = 2,
    composed: Annotated[int, typer.Option(min=0, help="questions composed of fragments besides")] = 10_000,
    seed: int = 1,
    avoid: Annotated[
        list[Path] | None, typer.Option(help="question files that nothing may come near; ours are")
    ] = None,
    app: AppName = FULFILMENT,
    database_url: Annotated[str | None, typer.Option(help="mixes its names with those invented for your app")] = None,
) -> None:
    """Make training examples from voices and from an app's description, with drawn names, linked and checked."""
    from finetune.compose import composed_pairs
    from finetune.synthesize import Report, spoken, synthesize

    report = Report()
    questions = [*(avoid or []), *(sorted(QUESTIONS.glob("*.jsonl")) if app == FULFILMENT else [])]
    near = [example.question for path in questions for example in data_file.read(path)]
    loaded, folder = load_app(app), voices or (VOICES if app == FULFILMENT else None)
    files, own = sorted(folder.glob("*.jsonl")) if folder else [], _own_names(loaded, database_url)
    made = synthesize(loaded, spoken(files), fills, seed, near, report, own)
    more = synthesize(loaded, composed_pairs(loaded, composed, seed), 1, seed, near, report, own)
    found = list(track(chain(made, more), "filling", console=console))
    if not found:
        raise DataError(0, "nothing was made: there are no phrasings that can be filled; see --voices, --composed")
    random.Random(seed).shuffle(found)
    data_file.write(out, found)
    console.print(f"{len(found):,} examples in {out}; by voice {dict(report.made)}; dropped {dict(report.dropped)}")


@cli.command()
def train(
    data: Annotated[Path, typer.Argument(help="examples (JSON Lines): question and program, or question and answer")],
    out: Annotated[Path, typer.Option(help="the run's folder: checkpoints, log, adapter")] = Path("runs/adapter"),
    app: Annotated[str | None, typer.Option(help="module:name; checks the programs, links the questions")] = None,
    database_url: Annotated[str | None, typer.Option(help="where the app's names are, for the links")] = None,
    base: Base = SMALL,
    method: Annotated[Method, typer.Option(help="an adapter, or all weights")] = "lora",
    optimizer: Annotated[OptimizerName, typer.Option(help="sgd keeps nothing beside the gradients")] = "adamw",
    freeze_embeddings: Annotated[bool, typer.Option(help="with --method full")] = False,
    rank: Annotated[int, typer.Option(min=1)] = 32,
    alpha: Annotated[int, typer.Option(min=1)] = 64,
    lr: Annotated[str | None, typer.Option(help="peak learning rate; auto finds one by short runs")] = None,
    epochs: Annotated[float, typer.Option(min=0.0)] = 2.0,
    batch: Annotated[int, typer.Option(min=1, help="examples an optimizer step")] = 32,
    micro_tokens: Annotated[int, typer.Option(min=1, help="tokens read at once; bounds the memory")] = 700,
    max_tokens: Annotated[int, typer.Option(min=1, help="longer examples are left out")] = 600,
    every: Annotated[int, typer.Option(min=1, help="steps between checkpoints, at most")] = 200,
    patience: Annotated[int, typer.Option(min=0, help="checkpoints without improvement that end it; 0: never")] = 5,
    quantisation: Annotated[str, typer.Option(help="as it ships; an adapter learns around Q4_0's rounding")] = "Q8_0",
    seed: int = 1,
    start: Annotated[Path | None, typer.Option(help="an adapter to train further: GGUF, or train's folder")] = None,
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint, with the recipe it has")] = False,
    overwrite: Annotated[bool, typer.Option(help="replace a run that is there")] = False,
    skip_bad: Annotated[bool, typer.Option(help="list lines that are no examples, and go on without them")] = False,
) -> None:
    """Train a model on examples; stop it at any time and go on with --resume."""
    from copilot.model.merge import file_type

    file_type(quantisation)  # rather than after the training
    found = _training_examples(data, app, database_url, skip_bad)
    from finetune import bases, run
    from finetune.train import train

    rate = None if lr == "auto" else _rate(lr, method, optimizer)
    recipe = Recipe(
        method, optimizer, freeze_embeddings, rank, alpha, rate, epochs, batch, micro_tokens, seed, every, patience,
        max_tokens, quantisation,
    )  # fmt: skip
    resume = run.resumes(out, resume, overwrite)
    recipe = Recipe.read(out / "recipe.json") if resume else recipe
    model, tokenizer = bases.load(bases.base_file(base, Settings.load()))
    examples, held_out = split(found)
    with console.status("training") as status:
        say = status.update if console.is_terminal else _every_so_often(_say)
        score = train(model, tokenizer, examples, held_out, out, recipe, resume, say, start)
    if held_out:
        _say(f"held-out loss {score.loss:.4f}, {score.exact:.1%} of {len(held_out)} answers exactly right")
    _say(f"the {'adapter' if recipe.method == 'lora' else 'model'} is in {out}")


@cli.command()
def sift(
    data: Annotated[Path, typer.Argument(help="examples (JSON Lines)")],
    out: Annotated[Path, typer.Argument(help="where those worth training on go (JSON Lines)")],
    model: Annotated[
        str, typer.Option(help="a GGUF file or a named model: the one that is to be trained further")
    ] = DEFAULT,
    sure: Annotated[float, typer.Option(min=0.0, max=1.0, help="known: every token at least so likely")] = 0.9,
    keep: Annotated[float, typer.Option(min=0.0, max=1.0, help="the part of the known that stays")] = 0.2,
    seed: int = 1,
    app: AppName = FULFILMENT,
    database_url: Annotated[str | None, typer.Option(help="where the app's names are, for the links")] = None,
) -> None:
    """Leave out most of the examples that a model knows already, before it is trained further on the others."""
    from copilot.model.llama import LlamaWriter
    from copilot.model.weights import opened
    from finetune.sift import Sifted
    from finetune.sift import sift as sifting

    writer, report = opened(model, Settings.load(), _say_once()), Sifted()
    if not isinstance(writer, LlamaWriter):
        raise SetupError(f"{model} is no model in this process; give a GGUF file or a named model")
    examples = _training_examples(data, app, database_url, False)
    found = sifting(examples, writer, load_app(app), sure, keep, seed, report)
    kept = [one for one in track(found, "sifting", total=len(examples), console=console) if one]
    data_file.write(out, kept)
    known = ", ".join(f"{note or 'all'} {share:.0%}" for note, share in report.hardest())
    _say(f"{len(kept):,} of {len(examples):,} examples in {out}; known already: {known}")


@cli.command()
def export(
    run: Annotated[Path, typer.Argument(help="the folder that train wrote")],
    out: Annotated[Path, typer.Option(help="the GGUF file to write; an adapter's card and PEFT form go beside it")],
    data: Annotated[Path | None, typer.Option(help="the examples it was trained on, for an adapter's card")] = None,
    base: Base = SMALL,
    quantisation: Annotated[str | None, typer.Option(help="of the merged file; as trained for if not given")] = None,
    merged: Annotated[Path | None, typer.Option(help="write the merged model, too")] = None,
    evaluation: Annotated[Path | None, typer.Option(help="what evaluate --json printed, for the card")] = None,
) -> None:
    """Write a trained adapter as GGUF with its model card, or a wholly trained model as a quantised GGUF."""
    from finetune.bases import base_file
    from finetune.export import export_run

    file = base_file(base, Settings.load())
    export_run(run, file, base, out, quantisation, data, merged, evaluation)
    console.print(f"{out}, {out.stat().st_size / 1e6:.1f} MB")


@cli.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="questions with what is right for each (JSON Lines)")],
    model: Annotated[
        str | None, typer.Option(help="a GGUF file or a named model; the one that ships if not given")
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="copied first; three demo worlds if not given")] = None,
    app: AppName = FULFILMENT,
    as_json: Annotated[bool, typer.Option("--json", help="the whole report, as JSON")] = False,
    report: Annotated[Path | None, typer.Option(help="write an HTML report, plots and misses in it")] = None,
    gold: Annotated[bool, typer.Option("--gold", help="only check the file's own programs against its SQL")] = False,
) -> None:
    """Ask every question once, judge the answers, time the stages. Nothing is written."""
    from finetune import evaluate as evaluation

    questions = data_file.read(file)
    with _evaluating(app, model, database_url) as (copilot, benches):
        if gold:
            _show_gold(evaluation.check_gold(questions, benches[0]), len(questions), as_json)
            return
        figures = evaluation.report(_asked(copilot, questions, benches), copilot)
    if report is not None:
        from finetune.report import write_report

        write_report(figures, f"{model or 'the model that ships'} on {file.name}", report)
    sys.stdout.write(json.dumps(figures, indent=1, ensure_ascii=False) + "\n" if as_json else _summary(figures))


@cli.command()
def calibrate(
    file: Annotated[Path, typer.Argument(help="questions that the model has not seen (JSON Lines)")],
    model: Annotated[str, typer.Option(help="the adapter whose card takes the calibration: a name or a GGUF file")],
    database_url: Annotated[str | None, typer.Option(help="copied first; three demo worlds if not given")] = None,
    app: AppName = FULFILMENT,
    as_json: Annotated[bool, typer.Option("--json", help="what each threshold would cost and gain, as JSON")] = False,
) -> None:
    """Fit how sure the copilot may be of what a model writes, and note it in the model's card."""
    from copilot.model.weights import adapter_of, chosen
    from finetune import calibrate as calibrating

    if (adapter := adapter_of(chosen(model, Settings.load()))) is None:
        raise SetupError(f"{model} is no adapter with its card beside it; make one: finetune export RUN --data DATA")
    with _evaluating(app, str(adapter), database_url) as (copilot, benches):
        copilot.settings = copilot.settings.model_copy(update={"ask_below": 0.0})
        judged = _asked(copilot, data_file.read(file), benches)
    fitted = calibrating.fit(judged)
    calibrating.write(fitted, adapter)
    prices = calibrating.prices([calibrating.recalibrated(item, fitted) for item in judged])
    sys.stdout.write(json.dumps([p.model_dump() for p in prices], indent=1) + "\n" if as_json else _prices(prices))


@cli.command()
def gate(
    old: Annotated[str | None, typer.Argument(help="the model in use: a name or a GGUF file")] = None,
    new: Annotated[str | None, typer.Argument(help="the model that may take its place")] = None,
    questions: Annotated[Path | None, typer.Option(help="what both are asked (JSON Lines)")] = None,
    level: Annotated[float, typer.Option(min=0, max=1, help="worse: less likely by chance than this")] = 0.05,
    name: Annotated[str, typer.Option(help="under which the copilot takes it")] = DEFAULT,
    database_url: Annotated[str | None, typer.Option(help="copied first; three demo worlds if not given")] = None,
    app: AppName = FULFILMENT,
    rollback: Annotated[bool, typer.Option("--rollback", help="put back what was in use before")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the comparison, as JSON")] = False,
) -> None:
    """Install NEW if it is not worse than OLD: both asked the same questions, compared in pairs."""
    from finetune import gate as gates

    if rollback:
        _say(f"in use again: {gates.roll_back(name, Settings.load())}")
        return
    if old is None or new is None or questions is None:
        raise typer.BadParameter("give OLD, NEW and --questions FILE, or --rollback")
    compared = _compared(data_file.read(questions), old, new, database_url, app, level)
    sys.stdout.write(compared.model_dump_json(indent=1) + "\n" if as_json else _pairs(compared))
    if compared.worse:
        raise CopilotError(f"{new} is worse than {old} and was not installed")
    _say(f"installed as {name}: {gates.install(new, name, Settings.load())}; --rollback undoes it")


@cli.command()
def curve(
    data: Annotated[Path, typer.Argument(help="examples (JSON Lines)")],
    test: Annotated[Path, typer.Option(help="the questions that each point is asked")],
    out: Annotated[Path, typer.Option(help="the curve's folder: curve.json, curve.svg")] = Path("runs/curve"),
    counts: Annotated[str, typer.Option(help="examples of each task, with commas")] = "1,5,20,50,100",
    base: Base = SMALL,
    rank: Annotated[int, typer.Option(min=1)] = 32,
    lr: Annotated[str | None, typer.Option(help="peak learning rate; auto finds one by short runs")] = None,
    epochs: Annotated[float, typer.Option(min=0.0, help="at least; few examples are read more often")] = 2.0,
    database_url: Annotated[str | None, typer.Option(help="copied first; three demo worlds if not given")] = None,
    app: AppName = FULFILMENT,
    as_json: Annotated[bool, typer.Option("--json", help="the points, as JSON")] = False,
) -> None:
    """Right against examples per task: trains and evaluates once a number; goes on where it was stopped."""
    from finetune.curve import curve, picture

    rate = None if lr == "auto" else _rate(lr, "lora", "adamw")
    recipe = Recipe(rank=rank, alpha=2 * rank, lr=rate, epochs=epochs)
    examples, questions = _training_examples(data, app, database_url, False), data_file.read(test)
    point = _point(questions, base, app, database_url)
    points = []
    for reached in curve(examples, _numbers(counts), recipe, out, point):
        points.append(reached)
        _say(f"{reached.per_task} of each task: {reached.right:.1%} right ({reached.low:.1%} to {reached.high:.1%})")
        (out / "curve.json").write_text(json.dumps([p.model_dump() for p in points], indent=1) + "\n")
        (out / "curve.svg").write_text(picture(points))
    if as_json:
        sys.stdout.write((out / "curve.json").read_text())


@cli.command()
def compare(
    questions: Annotated[Path, typer.Option(help="what every model is asked (JSON Lines)")] = UNSEEN,
    out: Annotated[Path, typer.Option(help="the folder of answers, compare.md, compare.svg")] = Path("runs/compare"),
    rows: Annotated[str | None, typer.Option(help="which, by name, with commas and *: fulfilment,0.5B-*")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="a sample of so many questions, by family")] = None,
    shots: Annotated[str, typer.Option(help="worked examples of each task in a prompt, with commas")] = "0,5",
    model: Annotated[list[str] | None, typer.Option(help="one more: a GGUF file, or a URL such as http://…/v1")] = None,
    model_name: Annotated[str, typer.Option(help="what the server at the URL calls it")] = "",
    tuned: Annotated[str, typer.Option(help="the fine-tuned model: a name or a GGUF file")] = DEFAULT,
    examples: Annotated[Path, typer.Option(help="the worked examples (JSON Lines)")] = WORKED,
    database_url: Annotated[str | None, typer.Option(help="copied first; three demo worlds if not given")] = None,
    app: AppName = FULFILMENT,
    as_json: Annotated[bool, typer.Option("--json", help="the rows, as JSON")] = False,
) -> None:
    """The fine-tuned model against larger ones that are prompted; goes on where it was stopped.

    A prompted model is told what the app has, with worked examples or without, and is held to the app's grammar or not.
    A server at a URL takes its key from OPENAI_API_KEY.
    """
    from finetune import compare as comparing

    settings, known = Settings.load(), comparing.rows(tuned, _numbers(shots, 0, "--shots"), model or [], model_name)
    asked, told = comparing.sample(data_file.read(questions), limit), data_file.read(examples)
    wanted = comparing.chosen(known, [name.strip() for name in rows.split(",")] if rows else [])
    found = []
    for row in wanted:
        size = comparing.size(row, settings, _say_once())
        comparing.apart(row.name, _ask_row, row, asked, told, out, app, database_url)
        found += [reached] if (reached := comparing.figures(row, asked, out, size)) else []
        (out / "compare.md").write_text(comparing.table(found), encoding="utf-8")
        (out / "compare.svg").write_text(comparing.picture(found), encoding="utf-8")
    sys.stdout.write(
        json.dumps([f.model_dump() for f in found], indent=1) + "\n" if as_json else comparing.table(found)
    )


@cli.command()
def collect(
    out: Annotated[Path, typer.Argument(help="the examples file; what is in it is kept and not asked again")],
    app: AppName = FULFILMENT,
    database_url: Annotated[str | None, typer.Option(help="where the app's names are")] = None,
    redact: Annotated[bool, typer.Option(help="put drawn names in the place of the database's")] = False,
    seed: Annotated[int, typer.Option(help="of the drawn names")] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="keep all that has a program, without asking")] = False,
) -> None:
    """Make examples of what operators said of answers; each is shown, to be kept, mended or left out."""
    from copilot.copilot import Copilot
    from finetune import collect as collecting
    from finetune.redact import Left, Redactor

    copilot = Copilot(load_app(app), database_url=database_url)
    known = data_file.read(out) if out.exists() else []
    seen = [] if redact else known
    found = collecting.feedback(copilot.judged())
    kept = list(collecting.collect(found, seen, _keep if yes else _review, Judge(copilot.app)))
    if redact:
        redactor, examples = Redactor.drawn(copilot.world.linker, random.Random(seed)), []
        for example in kept:
            try:
                examples.append(redactor.redact(example))
            except Left:
                _say(f"left out, a name could not be replaced: {example.question}")
        kept = [example for example in examples if example not in known]
    if kept:
        data_file.write(out, [*known, *kept])
    _say(f"{len(kept)} examples added to {out}, which holds {len(known) + len(kept)}")


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


def _own_names(app: App, database_url: str | None) -> Names | None:
    if database_url is None:
        return None
    from copilot.copilot import Copilot

    return Copilot(app, database_url=database_url).world.names


def _training_examples(
    data: Path, app: str | None, database_url: str | None, skip_bad: bool
) -> list[data_file.Example]:
    """A file's examples, linked if there is an app with a database at hand."""
    loaded = load_app(app) if app else None
    found = read_examples(data, loaded, skip_bad, _say)
    if loaded is None or all(example.links for example in found):
        return found
    from copilot.copilot import Copilot

    try:
        return linked(found, Copilot(loaded, database_url=database_url).world.linker)
    except SetupError as error:
        if database_url is not None:
            raise
        _say(f"no database at hand, so questions without links stay without: {error}")
        return found


def _rate(given: str | None, method: Method, optimizer: OptimizerName) -> float:
    try:
        rate = usual_rate(method, optimizer) if given is None else float(given)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise typer.BadParameter(f"{given!r} is no learning rate; give a number above 0, or auto", param_hint="--lr")
    return rate


def _every_so_often(say: Callable[[str], None], seconds: float = 5.0) -> Callable[[str], None]:
    """Where lines stay: every line that is no mere step, and a step now and then."""
    last = -seconds

    def sometimes(line: str) -> None:
        nonlocal last
        if not line.startswith("step ") or time.monotonic() - last >= seconds:
            last = time.monotonic() if line.startswith("step ") else last
            say(line)

    return sometimes


def _keep(example: data_file.Example, said: str) -> data_file.Example:
    return example


def _review(example: data_file.Example, said: str) -> data_file.Example | None:
    """Shown to a person: keep it, write another program, or leave it out."""
    for turn in example.context:
        console.print(f"  before: {turn.question}  →  {turn.program}", markup=False)
    console.print(f"{example.question}\n  {example.program or 'no program'}\n  {said}", markup=False)
    answer = typer.prompt("k keeps it, d drops it; or write the program that is right", default="k", err=True).strip()
    if answer == "d":
        return None
    return example if answer == "k" else example.model_copy(update={"program": answer})


def _numbers(text: str, least: int = 1, option: str = "--counts") -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) >= least for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of numbers from {least}, such as 1,5,20", param_hint=option)
    return [int(part) for part in parts]


def _point(questions: list[data_file.Example], base: str, app: str, database_url: str | None) -> Point:
    """Trains, merges and evaluates in a folder; a training that was stopped goes on."""

    def point(examples: Sequence[data_file.Example], recipe: Recipe, folder: Path) -> list[Judged]:
        from finetune import bases, run
        from finetune.export import export_run
        from finetune.train import train

        file = bases.base_file(base, Settings.load())
        resume = run.resumes(folder / "run", resume=True, overwrite=False)
        recipe = Recipe.read(folder / "run" / "recipe.json") if resume else recipe
        train(*bases.load(file), *split(examples), folder / "run", recipe, resume, _every_so_often(_say))
        merged = folder / "merged.gguf"
        export_run(folder / "run", file, base, folder / "adapter.gguf", merged=merged)
        with _evaluating(app, str(merged), database_url) as (copilot, benches):
            judged = _asked(copilot, questions, benches)
        merged.unlink()
        return judged

    return point


@contextmanager
def _evaluating(app: str, model: Any, database_url: str | None) -> Iterator[tuple[Unsaved, list[Bench]]]:
    """A copilot to ask without a trace, and the worlds in which its answers are judged."""
    if database_url is None and app != FULFILMENT:
        raise SetupError(f"give --database-url: demo worlds are the fulfilment app's, not {app}'s")
    from finetune.evaluate import throwaway
    from fixtures.build import build

    with throwaway(load_app(app), model, database_url, lambda url, seed: build(url, "demo", seed)) as opened:
        yield opened


def _compared(
    questions: list[data_file.Example], old: str, new: str, database_url: str | None, app: str, level: float
) -> Comparison:
    from finetune.gate import compare

    with _evaluating(app, old, database_url) as (copilot, benches):
        before, after = (_asked(one, questions, benches) for one in (copilot, copilot.using(new)))
    return compare(before, after, level)


def _asked(copilot: Copilot, questions: list[data_file.Example], benches: list[Bench]) -> list[Judged]:
    """Every question asked and judged, with a bar."""
    from finetune.evaluate import evaluate

    with Progress(*Progress.get_default_columns(), console=console, transient=True) as bar:
        shown = bar.add_task("asking", total=len(questions))
        return evaluate(copilot, questions, benches, lambda _: bar.advance(shown))


def _ask_row(
    row: Row, questions: list[data_file.Example], examples: list[data_file.Example], out: Path, app: str,
    database_url: str | None,
) -> None:  # fmt: skip
    """What a process of its own does for a row of a comparison."""
    from finetune import compare as comparing

    loaded, settings, shots = load_app(app), Settings.load(), comparing.worked(row, examples)
    left = comparing.left(row, comparing.made_of(row, shots, loaded, settings), questions, out)
    if not left:
        return
    with console.status(f"{row.name}: reading what every question begins with"):
        writer = comparing.opened(row, shots, loaded, settings)
    with (
        _evaluating(app, writer, database_url) as (copilot, benches),
        Progress(*Progress.get_default_columns(), console=console, transient=True) as bar,
    ):
        shown = bar.add_task(row.name, total=len(questions), completed=len(questions) - len(left))
        comparing.ask(row, copilot, left, benches, out, lambda: bar.advance(shown))


def _say_once() -> Callable[[str, float | None], None]:
    """Says what is being done, and how far it is at each tenth."""
    told = set[str]()

    def say(doing: str, share: float | None) -> None:
        line = doing if share is None else f"{doing}: {share:.0%}"
        if line not in told:
            told.add(line)
            _say(line)

    return say


def _pairs(compared: Comparison) -> str:
    rows = {**compared.by_family, "all": compared.pairs}
    lines = [
        f"  {name:16} old {p.old_right:4}  new {p.new_right:4}  of {p.questions:4}  lost {p.lost}, won {p.won}"
        for name, p in rows.items()
    ]
    lost = [f"  lost: {question}" for question in compared.lost_questions]
    return "\n".join([*lines, *lost, f"chance of losing so often if equally good: {compared.chance:.3f}", ""])


def _show_gold(wrong: list[str], count: int, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"questions": count, "wrong": wrong}, indent=1) + "\n")
    else:
        sys.stdout.write("\n".join([*wrong, f"{count - len(wrong)} of {count} golds agree"]) + "\n")


def _summary(figures: dict[str, Any]) -> str:
    low, high = figures["intervals"]["right"]
    groups = [*sorted(figures["by_family"].items()), *sorted(figures["by_task"].items())]
    lines = [f"  {name:16} {group['right']:6.1%} of {group['questions']}" for name, group in groups]
    families, tasks = lines[: len(figures["by_family"])], lines[len(figures["by_family"]) :]
    return "\n".join([
        f"right {figures['right']:.1%} of {figures['questions']} questions "
        f"(95% interval {low:.1%} to {high:.1%}), "
        f"silently wrong {figures['silently_wrong']:.1%}, "
            f"asked needlessly {figures['asked_needlessly']:.1%}, failed {figures['failed']:.1%}",
        "by family", *families, "by task", *tasks,
        f"out of scope: F1 {figures['out_of_scope']['f1']:.2f}; linker recall {figures['linked']['recall']:.1%}",
        f"p50 {figures['ms']['p50']:.0f} ms, p95 {figures['ms']['p95']:.0f} ms",
        "",
    ])  # fmt: skip


def _prices(prices: Sequence[Price]) -> str:
    lines = [
        f"  {p.ask_below:9.0%}  {p.right:6.1%}  {p.silently_wrong:14.1%}  {p.asked_needlessly:16.1%}" for p in prices
    ]
    return "\n".join(["  ask below   right  silently wrong  asked needlessly", *lines, ""])


def _say(line: str) -> None:
    if os.environ.get("RANK", "0") == "0":  # under torchrun one process speaks for all
        console.print(line, highlight=False, soft_wrap=True)


def main(run: Callable[[], Any] = cli) -> None:
    """The command: one clear line and exit status 1 when it fails."""
    try:
        run()
    except CopilotError as error:
        console.print(Text.assemble(("finetune: ", "red"), str(error)), soft_wrap=True)
        raise SystemExit(1) from None
    except (KeyboardInterrupt, SystemExit) as ended:
        if not interrupted(ended):
            raise
        console.print("stopped; what was saved is kept", highlight=False)
        raise SystemExit(1) from None
