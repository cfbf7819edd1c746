"""The copilot in a browser: it draws, and everything else is the SDK's."""
