"""What can go wrong, by who must act.

    CopilotError
    ├── ProgramError      the program is wrong: the model writes again, or the operator is asked
    │   ├── TypeMistake   what the type checker found, and where
    │   ├── NameMistake   a name that the database does not hold, with the nearest ones
    │   ├── Ambiguous     a name that fits several where one is due
    │   ├── Refused       a task cannot take these values; its text says why
    │   ├── Nothing       what a calculation needs is not there, such as an average over no rows
    │   ├── Doubtful      the model is not sure enough: the operator chooses between its readings
    │   └── LimitReached  it ran too long, grew too large or called too much
    ├── QuestionError     the operator says it differently
    ├── GivenUp           the one who asked no longer waits: nothing to do
    ├── SetupError        whoever installed it: a missing model, a wrong URL, a half-built database
    └── DataError         a file of examples: the line and what is wrong with it

Each message is one line that says what is wrong and what to do. Anything else that escapes is a bug.
"""

from __future__ import annotations


class CopilotError(Exception):
    """Base of every error that a user of the SDK may want to catch."""


class ProgramError(CopilotError):
    """The program does not pass the check, or asks for something that cannot be."""


class TypeMistake(ProgramError):
    """What the type checker found in a program.

    Args:
        complaint: what is wrong.
        line, column: where, from 1.
    """

    def __init__(self, complaint: str, line: int, column: int) -> None:
        self.complaint, self.line, self.column = complaint, line, column
        super().__init__(f"line {line}, column {column}: {complaint}")


class NameMistake(ProgramError):
    """A name that is not in the database.

    Args:
        kind: what kind of name was expected, such as ``"warehouse"``.
        value: the name as it stood in the program.
        choices: the nearest names, best first; empty if nothing is near.
    """

    def __init__(self, kind: str, value: str, choices: tuple[str, ...] = ()) -> None:
        self.kind, self.value, self.choices = kind, value, choices
        hint = f"; did you mean {' or '.join(choices)}?" if choices else ""
        super().__init__(f"there is no {kind} {value!r}{hint}")


class Ambiguous(ProgramError):
    """A name that fits several where one is due.

    Args:
        kind: the kind of name due.
        value: the name as it stood in the program.
        choices: the names that it fits.
    """

    def __init__(self, kind: str, value: str, choices: tuple[str, ...]) -> None:
        self.kind, self.value, self.choices = kind, value, choices
        super().__init__(f"{value!r} fits several: {', '.join(choices)}")


class Refused(ProgramError):
    """A task cannot do this with these values: the order has shipped, the percentage is out of range."""


class Nothing(ProgramError):
    """What a calculation needs is not there: an average over no rows, a division by a sum of nothing."""


class Doubtful(ProgramError):
    """A program that is not likely enough to be what was meant.

    Args:
        readings: the programs that may be meant, the likeliest first.
    """

    def __init__(self, readings: tuple[str, ...]) -> None:
        self.readings = readings
        super().__init__("it is not clear what is meant")


class LimitReached(ProgramError):
    """A limit of time, memory, recursion, calls or rows ended the program."""


class QuestionError(CopilotError):
    """The question cannot be taken as it is, such as an empty one."""


class GivenUp(CopilotError):
    """The one who asked stopped it: there is no answer, and nothing was changed."""


class SetupError(CopilotError):
    """Something around the copilot is missing or wrong: model, database, environment."""


class DataError(CopilotError):
    """A data file, or a line of it, is wrong.

    Args:
        line: its number, from 1; 0 if it is not about a line.
        problem: what is wrong with it.
    """

    def __init__(self, line: int, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"line {line}: {problem}" if line else problem)
