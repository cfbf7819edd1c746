"""Runs a command and says what it took: wall seconds, and the most memory that it held at once."""

from __future__ import annotations

import resource
import subprocess
import sys
import time


def main() -> None:
    """``python -m tests.measured COMMAND …``; ends with the command's exit status."""
    began = time.monotonic()
    status = subprocess.call(sys.argv[1:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # kilobytes on Linux
    print(f"{time.monotonic() - began:.0f} s, {peak / 1e9:.1f} GB at most: {' '.join(sys.argv[1:3])}", file=sys.stderr)
    raise SystemExit(status)


if __name__ == "__main__":
    main()
