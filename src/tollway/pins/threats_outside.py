"""Threats that no check judges: which, and why not.

Rules
1. What attackers prepare on their own machines is no threat to a thing here. Everything else that
   no check judges is named as not judged: silence would read as a pass.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tollway.pins.threats_judged import Verdict, inapplicable, unjudged

_PREPARED = (
    "It is prepared on attackers' own machines; what comes of it is judged where it arrives."
)
_NUMBERS = "It is worked on a model's numbers by many queries; only bounds on use are seen here."
_RETRIEVAL = (
    "A fleet file declares no retrieval store, so none is judged; your application may have one."
)
_MACHINES = "It happens on machines outside sandboxes, which nobody here watches."
_PEOPLE = "It works on people; nobody here sees what they believe or click."
_TRAINING = "Nothing is trained here: the fleet file knows no training data."
_MODEL_INSIDE = "It is done inside a model or by its words; nobody here tests the model for it."
_AGENTS = "What agents keep, and what they say to each other, is not seen here."

_TACTICS: Mapping[str, Verdict] = MappingProxyType(
    {
        "AML.TA0002": inapplicable(_PREPARED),
        "AML.TA0003": inapplicable(_PREPARED),
        "AML.TA0001": unjudged(_NUMBERS),
        "AML.TA0013": unjudged(_MACHINES),
        "AML.TA0008": unjudged(_MACHINES),
        "AML.TA0015": unjudged(_MACHINES),
        "AML.TA0009": unjudged(_MACHINES),
    }
)

_GROUPS: tuple[tuple[Verdict, tuple[str, ...]], ...] = (
    (
        unjudged(_RETRIEVAL),
        ("LLM08", "AML.T0064", "AML.T0066", "AML.T0070", "AML.T0071", "AML.T0082", "AML.T0085.000"),
    ),
    (
        inapplicable(_TRAINING),
        ("AML.T0010.002", "AML.T0019", "AML.T0020", "AML.T0059", "AML.T0043.004"),
    ),
    (
        unjudged(_PEOPLE),
        ("ASI09", "AML.T0011.003", "AML.T0048", "AML.T0052", "AML.T0073", "AML.T0088"),
    ),
    (unjudged(_AGENTS), ("ASI07", "AML.T0092", "AML.T0096", "AML.T0103", "AML.T0108")),
    (
        unjudged(_NUMBERS),
        ("AML.T0015", "AML.T0024", "AML.T0040", "AML.T0041", "AML.T0044", "AML.T0046", "AML.T0047"),
    ),
    (
        unjudged(_MODEL_INSIDE),
        ("AML.T0013", "AML.T0014", "AML.T0018.001", "AML.T0061", "AML.T0062", "AML.T0063",
         "AML.T0067", "AML.T0068", "AML.T0069", "AML.T0094", "AML.T0100", "AML.T0102"),
    ),
    (
        unjudged(_MACHINES),
        ("AML.T0010.000", "AML.T0049", "AML.T0074", "AML.T0078", "AML.T0097", "AML.T0107"),
    ),
)  # fmt: skip


def outside(threat: str, tactics: tuple[str, ...]) -> Verdict:
    """Why no check judges a threat. A part of a technique goes with its whole."""
    whole = ".".join(threat.split(".")[:2])
    for word in (threat, whole):
        for verdict, ids in _GROUPS:
            if word in ids:
                return verdict
    for tactic in tactics:
        if tactic in _TACTICS:
            return _TACTICS[tactic]
    return unjudged("No check of it is written here.")
