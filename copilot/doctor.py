"""What is in use, and what is wrong with it, before the user meets it."""

from __future__ import annotations

import platform
import shutil
from importlib import metadata

from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError

from copilot.database import Database, reason, writable
from copilot.errors import CopilotError, SetupError
from copilot.history import History
from copilot.progress import Progress, silent
from copilot.settings import Settings

ROOM = 10 << 20
"""Bytes to be free for the log of questions."""
ROOM_FOR_MODELS = 600 << 20
"""Bytes to be free while a base is fetched and merged."""
PACKAGES = ("llama-cpp-python", "pydantic-monty", "sqlalchemy", "highspy", "langchain-core")


class Diagnosis(BaseModel):
    """Facts by name, and problems, each one line that says what to do."""

    facts: dict[str, str]
    problems: list[str]


def examine(progress: Progress = silent) -> Diagnosis:
    """Look at the settings, the home, the database and the model, each even if another is wrong.

    Args:
        progress: told what is being prepared, as on first use: the demo world, the model.
    """
    found = Diagnosis(facts=versions(), problems=Settings.unknown())
    try:
        settings = Settings.known()
    except CopilotError as error:
        return Diagnosis(facts=found.facts, problems=[*found.problems, str(error)])
    for look in (_home, _database, _drafts, _model):
        try:
            found.facts |= look(settings, progress) if look is not _drafts or "database" in found.facts else {}
        except CopilotError as error:
            found.problems.append(str(error))
    return found


def versions() -> dict[str, str]:
    """Of Python and of the packages that matter."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}


def _home(settings: Settings, _: Progress) -> dict[str, str]:
    """That answers can be kept, and that there is room for the models that are not there yet."""
    History(settings.home)
    free = shutil.disk_usage(settings.home).free
    needed = ROOM if any((settings.home / "models").glob("*.gguf")) else ROOM_FOR_MODELS
    if free < needed:
        todo = "make room there, or set COPILOT_HOME to a folder of yours"
        raise SetupError(f"{settings.home} has {free >> 20} MB free, and {needed >> 20} MB are needed; {todo}")
    return {"home": str(settings.home)}


def _database(settings: Settings, progress: Progress) -> dict[str, str]:
    from copilot.fulfilment.app import app
    from copilot.fulfilment.demo import prepare

    if settings.database_url is None:
        prepare(settings.database, progress)
    database = Database(settings.database, settings.query_seconds, settings.max_rows)
    with database.reading() as connection:
        today = app.today(connection)
    return {"database": database.url.render_as_string(), "today": today.isoformat()}


def _drafts(settings: Settings, _: Progress) -> dict[str, str]:
    """That a draft could be saved."""
    from copilot.fulfilment.store import try_saving

    try:
        with writable(settings.database).connect() as connection:
            try_saving(connection)
    except DBAPIError as error:
        raise SetupError(f"no draft can be saved, the database cannot be written to: {reason(error)}") from error
    return {"drafts": "can be saved"}


def _model(settings: Settings, progress: Progress) -> dict[str, str]:
    """That the model loads, and writes what its card says."""
    from copilot.model import llama, weights

    writer = weights.opened(settings.model, settings, progress)
    adapter = weights.adapter_of(weights.chosen(settings.model or weights.DEFAULT, settings))
    if adapter and isinstance(writer, llama.LlamaWriter):
        weights.check(writer, weights.read_card(adapter))
    layers = llama.layers_to_offload(settings.gpu_layers)
    return {"model": writer.name, "gpu layers": "all" if layers == -1 else str(layers)}
