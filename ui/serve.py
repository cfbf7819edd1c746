"""Starting the server: what `copilot ui` does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from copilot import SetupError

SCRIPT = Path(__file__).with_name("app.py")


def serve(host: str, port: int, told: Callable[[str], None]) -> None:
    """Serve the chat until interrupted.

    Args:
        host: the address to listen on; loopback unless others are to reach it.
        told: is given the URL, once it is sure that it can be had.

    Raises:
        SetupError: the address or the port cannot be had.
    """
    from streamlit.web.cli import main

    _must_be_free(host, port)
    told(f"http://{host}:{port}")
    main(["run", str(SCRIPT), "--server.address", host, "--server.port", str(port)], standalone_mode=False)


def _must_be_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            why = error.strerror or str(error)
            raise SetupError(f"cannot listen on {host}:{port} ({why}); give another --port or --host") from error
