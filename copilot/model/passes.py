"""Passes through a model: in each, llama.cpp reads the next tokens of one or of several texts at once.

A small model spends a pass on fetching its weights, so what several callers ask is read together: whoever waits leads
the next pass for all. Who came first is read first: a few at once read about as much a second as many do, and many that
share every pass would all wait as long as the last.
"""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from copilot.errors import GivenUp
from copilot.progress import Stopped, never

TOGETHER = 16
"""Texts that the model remembers, those that have begun and those that have ended."""
ABREAST = 6
"""Texts that are read in one pass."""
MEMORY = 4096
"""Tokens that the model remembers of all texts together."""
AT_ONCE = 1024
"""Tokens of a pass at most: the longest text and its draft fit."""
T = TypeVar("T")


class Read(NamedTuple):
    """What a text wants of the next pass.

    Args:
        kept: how many of its tokens the model remembers and is to keep; what it remembers beyond them is forgotten.
        tokens: those that are read now.
        wanted: after how many of the last of them the likeliest next token is wanted.
        again: whether a text that began so, and has ended, may have been read for this one too.
    """

    kept: int
    tokens: Sequence[int]
    wanted: int
    again: bool = False


class Likeliest(NamedTuple):
    """The likeliest next token and the one that comes second, with their probabilities, 0..1."""

    token: int
    chance: float
    second: int
    rival: float


Text = Generator[Read, list[Likeliest], T]
"""A text that is being written: asks for reads, is told what is likeliest, and returns what came of it."""


@dataclass(eq=False)
class _Turn(Generic[T]):
    text: Text[T]
    room: int
    since: float
    stopped: Stopped = never
    read: Read | None = None
    place: int = -1
    result: T | None = None
    error: BaseException | None = None

    def go_on(self, found: list[Likeliest] | None) -> None:
        """Let the text take what was found, up to its next read or its end."""
        try:
            self.read = next(self.text) if found is None else self.text.send(found)
        except StopIteration as ended:
            self.read, self.result = None, ended.value
        except BaseException as error:
            self.read, self.error = None, error
            if not isinstance(error, Exception):  # Ctrl-C is for whoever leads the pass, whose text this may not be
                raise

    @property
    def ended(self) -> bool:
        return self.read is None


@dataclass
class Passes:
    """The passes of one model.

    Args:
        llm: a llama_cpp.Llama, whose weights are used.
        threads: of the processor.

    Raises:
        RuntimeError: llama.cpp has no memory for it.
    """

    llm: Any
    threads: int
    _turns: list[_Turn[Any]] = field(default_factory=list)
    _remembered: list[list[int]] = field(default_factory=lambda: [[] for _ in range(TOGETHER)])
    _reading: bool = False

    def __post_init__(self) -> None:
        import llama_cpp

        self._free = threading.Condition()
        params = llama_cpp.llama_context_default_params()
        self.memory = min(MEMORY, llama_cpp.llama_model_n_ctx_train(self.llm.model))
        params.n_ctx, params.n_batch, params.n_seq_max = self.memory, AT_ONCE, TOGETHER
        params.n_threads = params.n_threads_batch = self.threads
        params.kv_unified, params.no_perf = True, True
        self._context = llama_cpp.llama_init_from_model(self.llm.model, params)
        if not self._context:
            raise RuntimeError("llama.cpp has no memory for the model's context")
        self._batch = llama_cpp.llama_batch_init(AT_ONCE, 0, 1)
        self._words = self.llm.n_vocab()
        for free, held in ((llama_cpp.llama_free, self._context), (llama_cpp.llama_batch_free, self._batch)):
            weakref.finalize(self, free, held).atexit = False  # a thread may still read in it; it goes with the process

    def write(self, text: Text[T], room: int, since: float | None = None, stopped: Stopped = never) -> T:
        """What comes of a text.

        Args:
            room: tokens that it has at most in the end.
            since: when what it belongs to was asked, by `time.monotonic`; now if not given.
            stopped: whether nobody waits for it any more; asked before each pass.

        Raises:
            GivenUp: it was stopped.
            RuntimeError: llama.cpp cannot read it, or has no room for it; and whatever the text raises.
        """
        if room > min(self.memory, AT_ONCE):
            raise RuntimeError(f"a text of up to {room} tokens is more than the model reads")
        turn: _Turn[T] = _Turn(text, room, time.monotonic() if since is None else since, stopped)
        turn.go_on(None)
        with self._free:
            self._turns.append(turn)
            try:
                while not turn.ended:
                    self._lead_or_wait(turn)
            finally:
                self._turns.remove(turn)
                self._free.notify_all()
        if turn.error is not None:
            raise turn.error
        return turn.result  # type: ignore[return-value]

    def _lead_or_wait(self, own: _Turn[Any]) -> None:
        chosen = [] if self._reading else self._chosen()
        if not chosen:
            if not own.ended:
                self._free.wait()
            return
        self._reading = True
        self._free.release()
        try:
            self._pass(chosen)
        finally:
            self._free.acquire()
            self._reading = False
            self._free.notify_all()

    def _chosen(self) -> list[_Turn[Any]]:
        """The turns of the next pass: those of what was asked first, as many as there is room for."""
        self._let_go()
        chosen, tokens, waiting = list[_Turn[Any]](), AT_ONCE, False
        for turn in sorted(self._turns, key=lambda turn: turn.since):
            if turn.read and len(chosen) < ABREAST and len(turn.read.tokens) <= tokens:
                # a newer text takes no room that an older one waits for
                waiting = waiting or not self._placed(turn)
                if turn.place >= 0:
                    chosen.append(turn)
                    tokens -= len(turn.read.tokens)
        return chosen

    def _let_go(self) -> None:
        """End the turns that nobody waits for any more, before anything else is read for them."""
        for turn in self._turns:
            if turn.read and turn.stopped():
                turn.read, turn.error = None, GivenUp("stopped while the program was being written")
                self._free.notify_all()

    def _placed(self, turn: _Turn[Any]) -> bool:
        """Whether a turn has a place in the model's memory; it is given one if there is room."""
        if turn.place < 0 and turn.read:
            placed = {other.place: other.room for other in self._turns if other.place >= 0}
            free = [place for place in range(TOGETHER) if place not in placed]
            if free and turn.room + sum(placed.values()) <= self.memory:
                turn.place, turn.read = self._best_place(free, turn.read)
                self._make_room([place for place in free if place != turn.place], turn.room + sum(placed.values()))
        return turn.place >= 0

    def _best_place(self, free: Sequence[int], read: Read) -> tuple[int, Read]:
        """The place that remembers how a text begins, if it may be used, and what is left to read; or an empty one."""
        begun = list(read.tokens[: len(read.tokens) - read.wanted])
        for place in free if read.again else ():
            if self._remembered[place][: len(begun)] == begun:
                return place, Read(len(begun), read.tokens[len(begun) :], read.wanted)
        return min(free, key=lambda place: len(self._remembered[place])), read

    def _make_room(self, free: Sequence[int], taken: int) -> None:
        """Forget texts that have ended, if there is no room for them beside those that have not."""
        for place in free:
            if self._remembered[place] and taken + sum(len(self._remembered[other]) for other in free) > self.memory:
                self._forget(place, 0)

    def _pass(self, turns: Sequence[_Turn[Any]]) -> None:
        """One pass for all of them; each then goes on with what was found for it."""
        try:
            wanted = self._decode([(turn.place, turn.read) for turn in turns if turn.read])
        except RuntimeError as error:
            for turn in turns:
                turn.read, turn.error = None, error
                self._forget(turn.place, 0)
        else:
            for turn, places in zip(turns, wanted, strict=True):
                turn.go_on([self._likeliest(place) for place in places])

    def _forget(self, place: int, kept: int) -> None:
        """Keep only the first tokens of the text that has a place in the model's memory."""
        import llama_cpp

        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self._context), place, kept, -1)
        del self._remembered[place][kept:]

    def _decode(self, reads: Sequence[tuple[int, Read]]) -> list[range]:
        """Read the tokens of several texts; the places of the batch that hold what each of them wants."""
        import llama_cpp

        batch, at, wanted = self._batch, 0, list[range]()
        for text, read in reads:
            self._forget(text, read.kept)
            self._remembered[text] += read.tokens
            end = at + len(read.tokens)
            wanted.append(range(end - read.wanted, end))
            for offset, token in enumerate(read.tokens):
                batch.token[at], batch.pos[at] = token, read.kept + offset
                batch.n_seq_id[at], batch.logits[at] = 1, at >= end - read.wanted
                batch.seq_id[at][0] = text
                at += 1
        batch.n_tokens = at
        if (code := llama_cpp.llama_decode(self._context, batch)) != 0:
            raise RuntimeError(f"llama_decode returned {code}")
        return wanted

    def _likeliest(self, place: int) -> Likeliest:
        logits = logits_of(self._context, place, self._words)
        best = int(logits.argmax())
        chances = np.exp(logits - logits[best])
        total = float(chances.sum())
        chances[best] = -1.0
        second = int(chances.argmax())
        return Likeliest(best, 1.0 / total, second, float(chances[second]) / total)


def logits_of(context: Any, place: int, words: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The logits of the token after one of a batch, (words,); they are llama.cpp's own until it reads on.

    Args:
        place: of the token in the batch; -1 for the last.
        words: how many tokens the vocabulary has.
    """
    import llama_cpp

    pointer = llama_cpp.llama_get_logits_ith(context, place)
    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (words,))
