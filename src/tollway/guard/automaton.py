"""RE2, behind two small classes: many patterns in one pass, and one pattern's matches.

Rules
1. RE2 is an extra (`tollway[guard]`), imported where the first automaton is made.
2. RE2 tells an automaton that ran out of memory as no match. A canary pattern that fits the end of
   every text tells the two apart, and its absence is an error: a scan fails closed.
3. Texts are bytes, and need not be UTF-8: what isn't is passed over byte by byte.
"""

from collections.abc import Iterator, Sequence
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


class Pattern:
    """One pattern and its matches."""

    __slots__ = ("_compiled", "groups")

    def __init__(self, pattern: str) -> None:
        """Raises:
        TollwayError: it is not RE2's, or google-re2 is not installed.
        """
        re2 = _re2()
        try:
            self._compiled = re2.compile(pattern, _options(re2))
        except re2.error as error:
            raise TollwayError(f"{pattern!r} is not an RE2 pattern: {error}.") from None
        self.groups = cast("int", self._compiled.groups)

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where it fits, from the left; of a group, if the pattern has one."""
        group = 1 if self.groups else 0
        for match in self._compiled.finditer(text):
            yield cast("tuple[int, int]", match.span(group))

    def first(self, text: bytes, at: int) -> int | None:
        """Where the first match from `at` on begins."""
        match = self._compiled.search(text, at)
        return None if match is None else cast("int", match.start())
