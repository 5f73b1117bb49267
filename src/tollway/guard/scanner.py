"""Finds in a text, and in every text within it, what detectors, known values and terms look for.

Rules
1. One pass of one automaton tells which detectors may fit and which layers may be undone; a pattern
   is run, and a match checked in Python, only where it told so.
2. What fires in a text and again in a decoding of it is told once, with the fewest layers.
3. A scan fails closed: what could not be inspected is a finding of kind `uninspected`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tollway.guard.automaton import OutOfMemoryError, Pattern
from tollway.guard.detector import Detector, standing_detectors
from tollway.guard.finding import Finding, masked
from tollway.guard.fingerprint import Fingerprints
from tollway.guard.layers import Bounds, Text, Unfolding
from tollway.guard.limit import NO_LIMIT, Limit
from tollway.guard.parts import Part, Parts
from tollway.guard.validators import VALIDATORS, entropy

UNINSPECTED = "uninspected"
"""The detector that stands for what could not be inspected."""

_MOST_HITS = 2000
"""Of one detector in one text: more is told as not inspected."""


@dataclass(frozen=True, slots=True)
class _Check:
    """A detector that is ready to be asked."""

    detector: Detector
    pattern: Pattern
    valid: Callable[[bytes], bool] | None
    keywords: tuple[bytes, ...]

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where it fires."""
        detector, lowest = self.detector, self.detector.entropy
        for start, end in self.pattern.spans(data):
            found = data[start:end]
            if lowest is not None and entropy(found) < lowest:
                continue
            if self.keywords:
                before = data[max(start - detector.near, 0) : start].lower()
                if not any(word in before for word in self.keywords):
                    continue
            if self.valid is None or self.valid(found):
                yield start, end


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scan found, and which parts of known values; both lie in the text handed in."""

    findings: tuple[Finding, ...]
    parts: tuple[Part, ...] = ()


class Scanner:
    """Detectors, ready to scan. It keeps nothing of what it scans; one may serve many threads.

    A text of 1 MB takes about 2 ms where it is prose; `docs/concepts/guard.md` has the figures.
    """

    __slots__ = ("_checks", "_documents", "_parts", "_unfolding", "detectors")

    def __init__(
        self,
        detectors: Iterable[Detector] | None = None,
        bounds: Bounds | None = None,
        documents: Fingerprints | None = None,
        parts: Parts | None = None,
    ) -> None:
        """`detectors` are those that ship, unless given; `known.known_values` and `known.terms`
        make further ones. `documents` are registered ones; `parts` are of known values.

        Raises:
            TollwayError: a pattern is not RE2's, or google-re2 is not installed.
        """
        self.detectors = tuple(standing_detectors() if detectors is None else detectors)
        self._documents = documents
        self._checks = tuple(map(_check, self.detectors))
        self._parts = parts if parts is not None and parts.values else None
        anchors = [detector.anchor for detector in self.detectors]
        watched = [] if self._parts is None else [self._parts.pattern]
        self._unfolding = Unfolding([*anchors, *watched], bounds or Bounds())

    def scan(self, data: bytes, limit: Limit = NO_LIMIT) -> tuple[Finding, ...]:
        """Everything found, from the left, each thing once; see `read`."""
        return self.read(data, limit).findings

    def read(self, data: bytes, limit: Limit = NO_LIMIT) -> Reading:
        """Everything found, from the left, each thing once; and the parts of known values.

        Raises:
            OverLimitError: the limit of this inspection is reached.
        """
        found: list[Finding] = []
        parts: list[Part] = []
        try:
            for text in self._unfolding.texts(data, limit):
                if isinstance(text, Text):
                    found += self._in(text)
                    parts += self._parts_in(text)
                    if self._documents is not None:
                        found += _located(self._documents.found(text.data, text.layers), text)
                else:
                    found.append(uninspected(data, text.layers, text.why))
        except (OutOfMemoryError, RecursionError, MemoryError):
            found.append(uninspected(data, (), "made an automaton run out of memory"))
        return Reading(_once(found) if found else (), tuple(parts))

    def _parts_in(self, text: Text) -> Iterator[Part]:
        if self._parts is None or len(self._checks) not in text.fitting:
            return
        for one in self._parts.found(text.data):
            start, end = text.origin(one.start, one.end)
            yield replace(one, start=start, end=end)

    def _in(self, text: Text) -> Iterator[Finding]:
        for index in text.fitting:
            if index == len(self._checks):
                continue  # the parts
            check = self._checks[index]
            for count, (start, end) in enumerate(check.spans(text.data)):
                if count == _MOST_HITS:
                    why = f"has over {_MOST_HITS} hits of {check.detector.id}"
                    yield uninspected(text.data, text.layers, why)
                    break
                yield _finding(check.detector, text, start, end)


def _check(detector: Detector) -> _Check:
    return _Check(
        detector,
        Pattern(detector.pattern),
        None if detector.validator is None else VALIDATORS[detector.validator],
        tuple(word.encode() for word in detector.keywords),
    )


def _finding(detector: Detector, text: Text, start: int, end: int) -> Finding:
    first, last = text.origin(start, end)
    shown = masked(text.data[start:end])
    return Finding(detector.id, detector.kind, first, last, text.layers, shown, detector.title)


def _located(found: Iterable[Finding], text: Text) -> Iterator[Finding]:
    for one in found:
        start, end = text.origin(one.start, one.end)
        yield replace(one, start=start, end=end)


def uninspected(data: bytes, layers: tuple[str, ...], why: str) -> Finding:
    """What stands for a text that could not be inspected."""
    return Finding(UNINSPECTED, "uninspected", 0, len(data), layers, "", f"The text {why}.")


def _once(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Each thing once: of two findings of one detector that overlap, the one with fewer layers."""
    kept: dict[str, list[Finding]] = {}
    for one in sorted(found, key=lambda it: (len(it.layers), it.start, -it.end)):
        others = kept.setdefault(one.detector, [])
        if not any(one.start < other.end and other.start < one.end for other in others):
            others.append(one)
    all_kept = [one for others in kept.values() for one in others]
    return tuple(sorted(all_kept, key=lambda it: (it.start, it.end, it.detector)))
