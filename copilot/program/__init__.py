"""From a program's text to its result: the stub, the check, the sandbox."""
