"""Starting the server: what `copilot ui` does."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).with_name("app.py")


def serve(host: str, port: int) -> None:
    """Serve the chat until interrupted.

    Args:
        host: the address to listen on; loopback unless others are to reach it.
    """
    from streamlit.web.cli import main

    arguments = ["run", str(SCRIPT), "--server.address", host, "--server.port", str(port)]
    main(arguments, standalone_mode=False)
