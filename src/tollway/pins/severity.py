"""How much a rule's break matters: what to read first."""

from typing import Literal

Severity = Literal["alarm", "look", "low"]
"""Somebody may be attacking; a person has to look; it can wait."""

ORDER: tuple[Severity, ...] = ("alarm", "look", "low")

_ALARMS = frozenset(
    {
        "artifact.hostile-archive",
        "artifact.other-bytes",
        "artifact.replaced",
        "package.artifact-replaced",
        "package.attestation-invalid",
        "package.known-bad",
        "package.malware",
        "package.publisher-changed",
        "package.publisher-missing",
        "package.vanished",
        "publisher.changed",
        "publisher.lost",
        "index.changed",
        "startup.added",
        "script.added",
        "tool.changed",
        "weights.replaced",
        "wheel.other-digest",
        "wheel.unlisted-file",
        "wheel.unlike-sdist",
    }
)
_LOW = frozenset(
    {"component.removed", "fallback.missing", "model.shutdown-in-90-days", "threats.changed"}
)


def severity_of(rule: str) -> Severity:
    """How much it matters that a rule is broken; what is not known wants a look."""
    return "alarm" if rule in _ALARMS else "low" if rule in _LOW else "look"
