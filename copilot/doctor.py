"""What is in use, and what is wrong with it, before the user meets it."""

from __future__ import annotations

import platform
from importlib import metadata

from pydantic import BaseModel

from copilot.errors import CopilotError
from copilot.settings import Settings

PACKAGES = ("llama-cpp-python", "pydantic-monty", "sqlalchemy", "highspy", "langchain-core")


class Diagnosis(BaseModel):
    """Facts by name, and problems, each one line that says what to do."""

    facts: dict[str, str]
    problems: list[str]


def examine() -> Diagnosis:
    """Look at the settings, the database and the model, each even if another is wrong."""
    found = Diagnosis(facts=versions(), problems=[])
    try:
        settings = Settings.load()
    except CopilotError as error:
        return Diagnosis(facts=found.facts, problems=[str(error)])
    found.facts["home"] = str(settings.home)
    for look in (_database, _model):
        try:
            found.facts |= look(settings)
        except CopilotError as error:
            found.problems.append(str(error))
    return found


def versions() -> dict[str, str]:
    """Of Python and of the packages that matter."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}


def _database(settings: Settings) -> dict[str, str]:
    from copilot.database import Database
    from copilot.fulfilment.app import app

    database = Database(settings.database, settings.query_seconds, settings.max_rows)
    with database.reading() as connection:
        today = app.today(connection)
    return {"database": database.url.render_as_string(), "today": today.isoformat()}


def _model(settings: Settings) -> dict[str, str]:
    from copilot.model.llama import layers_to_offload
    from copilot.model.weights import opened

    writer = opened(settings.model, settings)
    layers = layers_to_offload(settings.gpu_layers)
    return {"model": writer.name, "gpu layers": "all" if layers == -1 else str(layers)}
