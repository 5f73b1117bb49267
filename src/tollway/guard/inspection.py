"""One call for a text and one object for a stream: scanner, fingerprints and rules together."""

from collections.abc import Iterable, Mapping

from tollway.fleet.guarding import GuardSettings
from tollway.guard.detector import Detector, standing_detectors
from tollway.guard.finding import Finding
from tollway.guard.fingerprint import Document, Fingerprints
from tollway.guard.known import known_values, terms
from tollway.guard.layers import Bounds
from tollway.guard.memory import Memory
from tollway.guard.rules import Asked, Decision, decide
from tollway.guard.scanner import Scanner
from tollway.guard.stream import Hold, Passage, StreamScanner


class Guard:
    """What the fleet file declares of the guard, ready for traffic. One serves every request of a
    process; it keeps nothing of what it inspects."""

    __slots__ = ("_hold", "scanner", "settings")

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
        self.scanner = Scanner(detectors, bounds, registered if registered.documents else None)
        self._hold = Hold(self.scanner)

    def inspect(self, body: bytes, asked: Asked, memory: Memory | None = None) -> Decision:
        """What is done with a body: the bytes as they are on the wire, JSON or not. `memory` is
        what its sender sent lately: with it, a secret in pieces is found too."""
        return decide(self.settings, self.scanner.scan(body), asked)

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
