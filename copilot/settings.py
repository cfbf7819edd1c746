"""Settings, from the environment: `COPILOT_…` variables, each with a default that works."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from copilot.errors import SetupError
from copilot.near import nearest

PREFIX = "COPILOT_"


def default_home() -> Path:
    """The copilot's folder in the user's cache: `$XDG_CACHE_HOME/copilot`, or `~/.cache/copilot`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "copilot"


class Settings(BaseSettings):
    """What can be set.

    Args:
        database_url: an SQLAlchemy URL; the demo world in `home` if not set.
        model: a GGUF path or a named base; the one that ships if not set.
        gpu_layers: layers to offload, -1 for all; all if the build can, else none, if not set.
        threads: for the model; all cores if not set.
        home: cache, feedback and history.
        query_seconds: how long one query may take.
        max_rows: how many rows an answer holds at most.
        ask_below: a program less likely than this to be what was meant, 0..1, is asked back and not run.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    database_url: str | None = None
    model: str | None = None
    gpu_layers: int | None = Field(default=None, ge=-1)
    threads: int | None = Field(default=None, ge=1)
    home: Path = Field(default_factory=default_home)
    query_seconds: float = Field(default=5.0, gt=0)
    max_rows: int = Field(default=1000, ge=1)
    ask_below: float = Field(default=0.45, ge=0, le=1)

    @field_validator("home")
    @classmethod
    def _without_tilde(cls, home: Path) -> Path:
        return home.expanduser()

    @classmethod
    def load(cls) -> Settings:
        """The settings in force. Raises SetupError for an unknown or ill-formed variable."""
        if complaints := cls.unknown():
            raise SetupError(complaints[0])
        return cls.known()

    @classmethod
    def known(cls) -> Settings:
        """The settings, whatever else is set. Raises SetupError for an ill-formed variable."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            raise SetupError(f"{PREFIX}{str(first['loc'][0]).upper()}: {first['msg']}") from error

    @classmethod
    def unknown(cls) -> list[str]:
        """A complaint for each `COPILOT_…` variable that is none of ours: pydantic-settings lets them pass."""
        known = sorted(name.upper() for name in cls.model_fields)
        ours = [name for name in sorted(os.environ) if name.upper().startswith(PREFIX)]
        return [_unknown(name, known) for name in ours if name.upper().removeprefix(PREFIX) not in known]

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'demo.db'}"


def _unknown(name: str, known: list[str]) -> str:
    near = nearest(name.upper().removeprefix(PREFIX), known)
    hint = f" (did you mean {PREFIX}{near}?)" if near else ""
    return f"{name} is not a setting{hint}; the settings are {', '.join(PREFIX + setting for setting in known)}"
