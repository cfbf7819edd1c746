"""Files that appear whole or not at all, whatever stops their making."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from copilot.errors import SetupError

WORK = ".making-"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` when all went well, and is gone otherwise."""
    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A folder inside `folder` to make files in, gone afterwards; other processes wait until it is free.

    Raises:
        SetupError: nothing can be written there, or there is no room.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            for left in folder.glob(f"{WORK}*"):  # of a killed process: who holds the lock is alone
                shutil.rmtree(left, ignore_errors=True)
            with TemporaryDirectory(dir=folder, prefix=WORK) as place:
                yield Path(place)
    except OSError as error:
        raise SetupError(no_writing(folder, error)) from error


def no_writing(folder: Path, error: OSError) -> str:
    """That nothing can be written to a folder, why, and what to do."""
    why = error.strerror or "is the disk full?"
    return f"nothing can be written to {folder}: {why}; make room there, or set COPILOT_HOME to a folder of yours"
