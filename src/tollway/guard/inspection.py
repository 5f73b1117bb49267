"""One call for a text and one object for a stream: scanner, fingerprints and rules together."""

from collections.abc import Iterable, Iterator, Mapping

from tollway.fleet.guarding import GuardSettings
from tollway.guard.detector import Detector, standing_detectors
from tollway.guard.finding import Finding
from tollway.guard.fingerprint import Document, Fingerprints
from tollway.guard.joining import Joining
from tollway.guard.known import known_values, terms
from tollway.guard.layers import Bounds
from tollway.guard.limit import NO_LIMIT, Limit
from tollway.guard.memory import Memory
from tollway.guard.parts import Parts
from tollway.guard.rules import Asked, Decision, decide
from tollway.guard.scanner import Reading, Scanner
from tollway.guard.stream import Hold, Passage, StreamScanner


class Guard:
    """What the fleet file declares of the guard, ready for traffic. One serves every request of a
    process; it keeps nothing of what it inspects."""

    __slots__ = ("_hold", "_joining", "_parts", "scanner", "settings")

    def __init__(
        self,
        settings: GuardSettings,
        known: Mapping[str, bytes] | None = None,
        documents: Iterable[Document] = (),
        salt: bytes = b"",
        bounds: Bounds | None = None,
    ) -> None:
        """`known` are secrets by name, `documents` what `fingerprint.read` gave, `salt` the
        installation's.

        Raises:
            TollwayError: google-re2 is missing, or a known value is too short.
        """
        self.settings = settings
        registered = Fingerprints(documents, salt)
        detectors = detectors_of(settings, known or {})
        documented = registered if registered.documents else None
        self._parts = Parts(known or {})
        self._joining = Joining(detectors)
        self.scanner = Scanner(detectors, bounds, documented, self._parts)
        self._hold = Hold(self.scanner)

    def inspect(
        self,
        body: bytes,
        asked: Asked,
        memory: Memory | None = None,
        limit: Limit = NO_LIMIT,
    ) -> Decision:
        """What is done with a body: the bytes as they are on the wire, JSON or not. `memory` is
        what its sender sent lately: with it, a secret in pieces is found too.

        Raises:
            OverLimitError: the limit of this inspection is reached.
        """
        reading = self.scanner.read(body, limit)
        findings = reading.findings
        if memory is not None:
            for one in (*self._sent(reading, memory), *self._joining.found(body, memory, limit)):
                if not _is_told(one, findings):
                    findings = (*findings, one)
        return decide(self.settings, findings, asked)

    def _sent(self, reading: Reading, memory: Memory) -> Iterator[Finding]:
        """The parts of known values in a body, of which by now so much was sent as is enough."""
        sent = memory.add(reading.parts)
        for part in reading.parts:
            count, size = sent[part.name], len(self._parts.values[part.name])
            if self._parts.is_sent(part.name, count):
                found = f"{part.last - part.first} bytes"
                why = f"Known secret {part.name}: {count} of its {size} bytes were sent by now"
                yield Finding(f"known:{part.name}", "secret", part.start, part.end, (), found, why)

    def begins(self, text: bytes) -> bool:
        """Whether a text ends in what may be the beginning of a secret: in what one begins with, or
        a part of that, in a known value's, or in digits."""
        return self._joining.begins(text) or self._parts.begins(text)

    def stream(self) -> StreamScanner:
        """For one stream of text: an answer's deltas, put together in order."""
        return StreamScanner(self.scanner, self._hold)

    def decide(self, found: Iterable[Finding] | Passage, asked: Asked) -> Decision:
        """What is done with findings, or with a passage of a stream."""
        findings = found.findings if isinstance(found, Passage) else tuple(found)
        return decide(self.settings, findings, asked)


def detectors_of(settings: GuardSettings, known: Mapping[str, bytes]) -> tuple[Detector, ...]:
    """The detectors that hold: those that ship and are not ignored, known values, terms."""
    kept = [one for one in standing_detectors() if one.id not in settings.ignore]
    return (*kept, *known_values(known), *terms(settings.terms))


def _is_told(one: Finding, findings: Iterable[Finding]) -> bool:
    """Whether the same was found there already."""
    return any(
        one.detector == other.detector and other.start < one.end and one.start < other.end
        for other in findings
    )
