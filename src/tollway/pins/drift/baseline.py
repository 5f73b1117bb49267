"""What a model behind a source said when it was locked: a file of JSON.

Rules
1. What is not understood is refused, with its place; a baseline of a later version too.
2. The same baseline gives the same bytes: the lock names them by their digest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from tollway.errors import Fault, FaultsFound

VERSION: Final = 2
Method = Literal["logprobs", "border"]
Amount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Noise = Annotated[float, msgspec.Meta(ge=0.0, le=1e4)]
Logprob = Annotated[float, msgspec.Meta(ge=-1e4, le=0.1)]


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How values of a baseline are read: unknown keys are faults."""


class Still(_Value, frozen=True):
    """A prompt of the log-probability test: its reference tokens, and a row for each call since it
    was chosen."""

    prompt: str
    tokens: tuple[str, ...]
    rows: tuple[tuple[Logprob, ...], ...]


class Tie(_Value, frozen=True):
    """A prompt of the border-input test, and how often each first token came: of calls one after
    the other, and of calls side by side."""

    prompt: str
    counts: tuple[Mapping[str, Amount], ...]


class Story(_Value, frozen=True):
    """A prompt of the confirmation, and its short answers."""

    prompt: str
    answers: tuple[str, ...]


class Baseline(_Value, frozen=True, kw_only=True):
    """What was heard. `upstream_model` is the model as the source knows it, `answered` and
    `fingerprints` what its answers said of themselves; `calls` is what all of it took;
    `near` is what links stills' calls of a lot (nats); `temperature` is that of the ties; `listed`
    says that the source listed the model. Exactly one of `stills` and `ties` is there, by
    `method`."""

    version: int = VERSION
    source: str
    model: str
    upstream_model: str
    method: Method
    made: datetime
    calls: Amount
    answered: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    temperature: float = 0.0
    near: Noise = 0.0
    listed: bool = False
    stills: tuple[Still, ...] = ()
    ties: tuple[Tie, ...] = ()
    stories: tuple[Story, ...] = ()

    @property
    def name(self) -> str:
        """`SOURCE/MODEL`."""
        return f"{self.source}/{self.model}"


def baseline_text(baseline: Baseline) -> bytes:
    """A baseline as its file (rule 2)."""
    return msgspec.json.format(msgspec.json.encode(baseline, order="sorted"), indent=1) + b"\n"


def read_baseline(text: bytes, place: str) -> Baseline:
    """A baseline from its file; `place` is what faults call it.

    Raises:
        FaultsFound: it is none.
    """
    try:
        read = msgspec.json.decode(text, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _fault(place, f"is no baseline: {error}") from None
    if read.version != VERSION:
        raise _fault(place, f"has version {read.version}; known: {VERSION}")
    there = read.stills if read.method == "logprobs" else read.ties
    if not there:
        raise _fault(place, f'has method "{read.method}" and no prompts for it')
    for still in read.stills:
        if not still.tokens or len(still.rows) < 2:
            raise _fault(place, f"has too little of the prompt {still.prompt[:60]!r}")
        if any(len(row) != len(still.tokens) for row in still.rows):
            raise _fault(place, f"has rows of several lengths for {still.prompt[:60]!r}")
    if any(sum(it.values()) < 2 for tie in read.ties for it in tie.counts or ({},)):
        raise _fault(place, "has a prompt with too few calls")
    return read


def _fault(place: str, problem: str) -> FaultsFound:
    return FaultsFound([Fault(f"{place}:", problem, "Run: tollway drift baseline SOURCE/MODEL")])
