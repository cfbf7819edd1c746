"""The fine-tuned model in this process: llama.cpp, greedy, with drafts, layers on the GPU by setting."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from copilot.confidence import UNCALIBRATED, Calibration
from copilot.errors import SetupError
from copilot.model.drafting import MOST as MOST_DRAFTED
from copilot.model.drafting import NO_DRAFTS, Drafter, Named, named
from copilot.model.passes import Passes, Read, Text
from copilot.model.prompt import END, prompt
from copilot.model.writer import Beginning, Request, Written
from copilot.progress import Stopped, never
from copilot.spelling import NO_SPELLING, Spelling

CONTEXT = 1024
MOST_TOKENS = 200
MOST_THREADS = 4
"""A model this small waits for memory, not for more cores."""
MOST_OTHERS = 4
NOTHING = Beginning((), 1.0)
REMEMBERED = 256
GGUF_MAGIC = b"GGUF"


class LlamaWriter:
    """A GGUF file that writes programs.

    Args:
        path: of the merged model.
        gpu_layers: how many to offload; None offloads all if this build of llama.cpp can.
        threads: None for one a core, up to MOST_THREADS.
        calibration: how its probabilities are to be taken.
        drafter: guesses how programs go on, which only makes them faster to write.
        words: of the questions that it was trained on, with how many of them each is in; see `Spelling`.
        remembered: how many programs are known again when exactly the same is asked: the same words, with the same
            names in the database and after the same turns. 0 for none.

    Raises:
        SetupError: there is no such file, or llama.cpp cannot load it.
    """

    def __init__(
        self, path: Path, gpu_layers: int | None = None, threads: int | None = None, name: str = "",
        calibration: Calibration = UNCALIBRATED, drafter: Drafter = NO_DRAFTS,
        words: Mapping[str, int] = NO_SPELLING.words, remembered: int = REMEMBERED,
    ) -> None:  # fmt: skip
        self.path, self.name, self.calibration, self.drafter = path, name or path.stem, calibration, drafter
        self.spelling = Spelling(words, self._keeps_whole)
        self._known: dict[str, Written] = {}
        self.remembered = remembered
        self._llm = loaded(path, gpu_layers, threads, context=1)  # `Passes` has a context of its own
        self._eos = self._llm.token_eos()
        self.gpu_layers = layers_to_offload(gpu_layers)
        try:
            self._passes = Passes(self._llm, threads_to_use(threads))
            self._passes.write(self._warm_up(), CONTEXT)
        except RuntimeError as error:
            raise SetupError(f"{path} cannot write text ({error}); set COPILOT_MODEL to a model that can") from error

    def write(self, request: Request) -> Written:
        """The likeliest program. Raises GivenUp between two passes, if nobody waits any more."""
        text = prompt(request.question, request.links, request.context)
        if known := self._known.get(text):
            return replace(known, tokens_in=0, tokens_out=0)
        written = self.write_from(request, NOTHING)
        self._remember(text, written)
        return written

    def write_from(self, request: Request, beginning: Beginning) -> Written:
        """The likeliest program that begins so; the beginning's chance counts among those of its tokens."""
        earlier = [turn.program for turn in request.context]
        names = named(request.links, request.question, earlier, self.tokenised) if self.drafter.follows else []
        text = prompt(request.question, request.links, request.context)
        return self._written(text, request.stopped, beginning, names, request.since)

    def sure_of(self, request: Request, program: str) -> float:
        """How sure it is of a given program, 0..1: the chance of the least sure token; 0 if it would not write it."""
        begun = self.tokenised(prompt(request.question, request.links, request.context))[MOST_TOKENS - CONTEXT :]
        due = self.tokenised(f" {program}{END}")
        return self._passes.write(_agreed(begun, due), len(begun) + len(due), request.since, request.stopped)

    def _remember(self, text: str, written: Written) -> None:
        """Keep a program for when the same is asked again; of too many the oldest is forgotten."""
        self._known[text] = written
        for old in list(self._known)[: max(0, len(self._known) - self.remembered)]:
            self._known.pop(old, None)

    def complete(self, text: str, stopped: Stopped = never) -> Written:
        """The likeliest completion of a prompt, up to the end of its line."""
        return self._written(text, stopped)

    def _written(
        self, text: str, stopped: Stopped, begun: Beginning = NOTHING, names: Sequence[Named] = (),
        since: float | None = None,
    ) -> Written:  # fmt: skip
        tokens = self.tokenised(text)[MOST_TOKENS - CONTEXT :]
        room = len(tokens) + MOST_TOKENS
        return self._passes.write(self._completed(tokens, begun, names), room, since, stopped)

    def tokenised(self, text: str) -> list[int]:
        """The tokens of a text, as they stand in the middle of one."""
        tokens: list[int] = self._llm.tokenize(text.encode(), add_bos=False, special=False)
        return tokens

    def _completed(self, tokens: list[int], begun: Beginning, names: Sequence[Named]) -> Text[Written]:
        written, least, whole, others = list(begun.tokens), begun.chance, begun.whole, list[Beginning]()
        known, unread = 0, [*tokens, *written]
        while len(written) < MOST_TOKENS - MOST_DRAFTED and not self._ended(written):
            draft = self.drafter.draft(written, names)
            found = yield Read(known, [*unread, *draft], 1 + len(draft), again=bool(begun.tokens))
            for (token, chance, second, rival), guess in zip_longest(found, draft):
                others.append(Beginning((*written, second), rival, whole * rival))
                least, whole = min(least, chance), whole * chance
                written.append(token)
                if token != guess or self._ended(written):
                    break
            known, unread = len(tokens) + len(written) - 1, written[-1:]
        others.sort(key=lambda other: -other.chance)
        return Written(self._text(written), len(tokens), len(written), least, whole, tuple(others[:MOST_OTHERS]))

    def _keeps_whole(self, word: str) -> bool:
        return len(self.tokenised(f" {word}")) == 1

    def _ended(self, written: list[int]) -> bool:
        return bool(written) and (written[-1] == self._eos or self._bytes(written[-1:]).endswith(END.encode()))

    def _bytes(self, tokens: list[int]) -> bytes:
        """What tokens spell; some tokenizers have one for a bracket and the end of its line together."""
        spelt: bytes = self._llm.detokenize([token for token in tokens if token != self._eos], special=False)
        return spelt

    def _text(self, tokens: list[int]) -> str:
        return self._bytes(tokens).decode(errors="replace").strip()

    def _warm_up(self) -> Text[None]:
        yield Read(0, self.tokenised(prompt("warm up")), 1)


def _agreed(begun: list[int], due: list[int]) -> Text[float]:
    found = yield Read(0, [*begun, *due[:-1]], len(due))
    return min(one.chance if one.token == token else 0.0 for one, token in zip(found, due, strict=True))


def threads_to_use(wanted: int | None) -> int:
    """Threads of the processor: as wanted, or one a core, up to MOST_THREADS."""
    return wanted or min(os.cpu_count() or 1, MOST_THREADS)


def layers_to_offload(wanted: int | None) -> int:
    """How many layers go to the GPU: as wanted, or all (-1) if this build can offload, else 0."""
    import llama_cpp

    if not llama_cpp.llama_supports_gpu_offload():
        return 0
    return -1 if wanted is None else wanted


def loaded(
    path: Path, gpu_layers: int | None, threads: int | None, context: int = CONTEXT, vocab_only: bool = False
) -> Any:
    """A model of llama.cpp with a context of so many tokens. Raises SetupError if it cannot be loaded."""
    _must_be_gguf(path)
    import llama_cpp

    layers = layers_to_offload(gpu_layers)
    try:
        return llama_cpp.Llama(
            str(path),
            n_gpu_layers=layers,
            n_threads=threads_to_use(threads),
            n_threads_batch=threads_to_use(threads),
            n_ctx=context,
            n_batch=512,
            vocab_only=vocab_only,
            verbose=False,
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise SetupError(f"llama.cpp cannot load {path}: {_what_is_wrong(path)}") from error


def _what_is_wrong(path: Path) -> str:
    """Why a GGUF file cannot be loaded, as far as its header tells."""
    from copilot.model.merge import read_gguf

    try:
        fields = read_gguf(path).fields
    except SetupError:
        return "it is cut short; delete it, and fetch or make it again"
    if "adapter.lora.alpha" in fields:
        return f"it is an adapter, and its card {path.stem}.json is not beside it"
    architecture = fields["general.architecture"].contents() if "general.architecture" in fields else "not told"
    todo = "update llama-cpp-python, or use another model"
    return f"its architecture ({architecture}) or form is none that this build knows; {todo}"


def _must_be_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise SetupError(f"there is no model at {path}; set COPILOT_MODEL to a GGUF file or leave it unset") from error
    if magic != GGUF_MAGIC:
        raise SetupError(f"{path} is not a GGUF file; set COPILOT_MODEL to one or leave it unset")
