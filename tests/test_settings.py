"""Settings come from `COPILOT_…` variables, and a wrong one is told in one line."""

import os
from pathlib import Path

import pytest

from copilot.errors import SetupError
from copilot.settings import Settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("COPILOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_defaults_work(tmp_path: Path) -> None:
    settings = Settings.load()
    assert settings.home == tmp_path / "copilot"
    assert settings.database == f"sqlite:///{tmp_path}/copilot/demo.db"
    assert (settings.model, settings.gpu_layers, settings.threads) == (None, None, None)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_DATABASE_URL", "postgresql://db/world")
    monkeypatch.setenv("COPILOT_GPU_LAYERS", "12")
    monkeypatch.setenv("COPILOT_HOME", "/tmp/elsewhere")
    settings = Settings.load()
    assert (settings.database, settings.gpu_layers) == ("postgresql://db/world", 12)
    assert settings.home == Path("/tmp/elsewhere")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "COPILOT_MODLE",
            "x",
            "COPILOT_MODLE is not a setting (did you mean COPILOT_MODEL?); the settings are COPILOT_ASK_BELOW",
        ),
        ("copilot_speed", "9", "copilot_speed is not a setting"),
        ("COPILOT_THREADS", "many", "COPILOT_THREADS: "),
        ("COPILOT_THREADS", "0", "COPILOT_THREADS: "),
        ("COPILOT_GPU_LAYERS", "-2", "COPILOT_GPU_LAYERS: "),
    ],
)
def test_a_wrong_variable_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SetupError) as told:
        Settings.load()
    assert str(told.value).startswith(says) and "\n" not in str(told.value)
