"""RE2, behind two small classes: many patterns in one pass, and one pattern's matches.

Rules
1. RE2 is an extra (`tollway[guard]`), imported where the first automaton is made.
2. RE2 tells an automaton that ran out of memory as no match. A canary pattern that fits the end of
   every text tells the two apart, and its absence is an error: a scan fails closed.
3. Texts are bytes, and need not be UTF-8: what isn't is passed over byte by byte.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from tollway.errors import TollwayError

_MEMORY = 128 << 20
"""The most that one automaton may hold, in bytes; RE2 takes what it needs."""

_CANARY = r"\z"


class OutOfMemoryError(TollwayError):
    """An automaton could not be run to the end of a text."""


def _re2() -> Any:
    try:
        import re2  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise TollwayError(
            "The guard needs google-re2, which is not installed. "
            'Run `pip install "tollway[guard]"`.'
        ) from None
    return re2


def _options(re2: Any) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options


class Patterns:
    """Several patterns, asked in one pass which of them fit somewhere in a text."""

    __slots__ = ("_canary", "_set")

    def __init__(self, patterns: Sequence[str]) -> None:
        """Raises:
        TollwayError: a pattern is not RE2's, or google-re2 is not installed.
        """
        re2 = _re2()
        self._set = re2.Set.SearchSet(_options(re2))
        for pattern in (*patterns, _CANARY):
            try:
                self._set.Add(pattern)
            except re2.error as error:
                raise TollwayError(f"{pattern!r} is not an RE2 pattern: {error}.") from None
        try:
            self._set.Compile()
        except re2.error:
            raise OutOfMemoryError(f"{len(patterns)} patterns need too much memory.") from None
        self._canary = len(patterns)

    def fitting(self, text: bytes) -> list[int]:
        """The indices of the patterns that fit somewhere.

        Raises:
            OutOfMemoryError: the text could not be inspected.
        """
        found = cast("list[int]", self._set.Match(text) or [])
        try:
            found.remove(self._canary)
        except ValueError:
            raise OutOfMemoryError("The guard's automaton ran out of memory.") from None
        return found


_Match = Callable[[Any, bytes, int, int], list[tuple[int, int]]]


class Pattern:
    """One pattern and its matches. It calls what the binding's own `finditer` calls: the objects
    which that makes cost as much again as a match does, and code has hundreds in 100 KB."""

    __slots__ = ("_anchor", "_match", "groups")

    def __init__(self, pattern: str, binary: bool = False) -> None:
        r"""In a `binary` pattern `\xE9` is a byte; in others it is a letter of UTF-8, of two.

        Raises:
            TollwayError: it is not RE2's, or google-re2 is not installed.
        """
        re2 = _re2()
        options = _options(re2)
        if binary:
            options.encoding = re2.Options.Encoding.LATIN1
        try:
            compiled = re2.compile(pattern.encode("latin-1") if binary else pattern, options)
        except re2.error as error:
            raise TollwayError(f"{pattern!r} is not an RE2 pattern: {error}.") from None
        self.groups = cast("int", compiled.groups)
        self._match = cast("_Match", compiled._regexp.Match)
        self._anchor = re2._Anchor.UNANCHORED

    def spans(self, text: bytes) -> list[tuple[int, int]]:
        """Where it fits, from the left; of a group, if the pattern has one. What it takes of the
        text behind a group may be the beginning of the next match."""
        match, anchor, group = self._match, self._anchor, 1 if self.groups else 0
        found: list[tuple[int, int]] = []
        at, size = 0, len(text)
        while at <= size:
            fits = match(anchor, text, at, size)
            if fits[0][0] < 0:
                break
            _, end = fits[group]
            found.append(fits[group])
            at = end if end > at else at + 1
        return found

    def first(self, text: bytes, at: int) -> int | None:
        """Where the first match from `at` on begins."""
        start = self._match(self._anchor, text, at, len(text))[0][0]
        return None if start < 0 else start
