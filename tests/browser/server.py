"""A server of the UI as `copilot ui` starts it, on a world and a log of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from copilot.settings import default_home
from fixtures.build import build

LONGEST_START = 60.0
"""Seconds."""


@contextmanager
def serving(home: Path, world: Path | None, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The URL of a server that runs as long as the context.

    Args:
        home: for the log; models are those of the user's cache, fetched once a machine.
        world: copied to where the demo world is looked for; None leaves it to be built.
        environment: further variables.
    """
    (home / "models").symlink_to(_models())
    if world:
        shutil.copy(world, home / "demo.db")
    port = _free_port()
    command = [str(Path(sys.executable).with_name("copilot")), "ui", "--port", str(port)]
    variables = {**os.environ, "COPILOT_HOME": str(home), **(environment or {})}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def fresh() -> Iterator[str]:
    """A server on a demo world of its own, which goes with it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        world, home = Path(folder) / "world.db", Path(folder) / "home"
        home.mkdir()
        build(f"sqlite:///{world}", "demo")
        with serving(home, world) as url:
            yield url


def _models() -> Path:
    folder = default_home() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + LONGEST_START
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not come up at {url}")
