"""Serving engines: what each takes where its user says nothing, by version and chip.

Rules
1. An engine's defaults are a list. Entries that hold for the version and the chip are laid over
   each other in the order of the file; the last that says a thing decides it.
2. A version that is not said, or is no number (a commit, a nightly build), counts as the newest,
   and `doubts` says so; it also names every fact whose confidence is a recollection or a guess.
3. What nothing says is None.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tollway.catalog.chips import Chip
from tollway.catalog.facts import Facts, Provenance
from tollway.errors import TollwayError, unknown

PREFILLS = ("chunked", "separate", "whole")
"""How prompts are computed: in chunks that share a step with decodes; in steps of their own; or
undivided, in a step with decodes."""

SHARES = ("all", "free")
"""What a memory share is a share of: all memory of a chip, weights included; or what is free once
weights and buffers are loaded, for KV alone."""

_DOUBTFUL = ("recollection", "guess")
_NUMBER = re.compile(r"[vb]?(\d+(?:\.\d+)*)(?:\.?(?:rc|post|dev).*|[+-].*)?")


@dataclass(frozen=True, slots=True)
class EngineDefaults:
    """What an engine takes by itself. `sequences` run at once at most, `batch_tokens` are computed
    in one step at most, `memory_share` of `memory_of` (`SHARES`) is for it, KV blocks hold `block`
    tokens, prompts are computed as `prefill` says (`PREFILLS`). `doubts` are sentences about what
    is guessed, ready for a warning; `facts` says where each comes from, by field."""

    engine: str
    version: str | None
    sequences: int | None
    batch_tokens: int | None
    memory_share: float | None
    memory_of: str
    block: int | None
    prefill: str | None
    prefix_cache: bool | None
    doubts: tuple[str, ...]
    facts: Mapping[str, Provenance]


@dataclass(frozen=True, slots=True)
class _Entry:
    since: tuple[int, ...]
    before: tuple[int, ...] | None
    memory_from: float
    chips: tuple[str, ...]
    except_chips: tuple[str, ...]
    says: Mapping[str, object]
    facts: Mapping[str, Provenance]


@dataclass(frozen=True, slots=True)
class Engine:
    """A serving engine. `same_as` names the engine whose defaults it takes (a wrapper of it)."""

    name: str
    label: str
    same_as: str | None
    entries: tuple[_Entry, ...]
    facts: Mapping[str, Provenance]

    def defaults(self, version: str | None, chip: Chip) -> EngineDefaults:
        """What it takes on a chip in a version such as "0.11.0" (None: not said)."""
        number = None if version is None else _version(version)
        says: dict[str, object] = {}
        facts: dict[str, Provenance] = {}
        for entry in self.entries:
            if _holds(entry, number, chip):
                says.update(entry.says)
                facts.update(entry.facts)
        doubts = [
            f"{self.name}'s {field} of {says[field]} on {chip.name} is a {origin.confidence}"
            for field, origin in facts.items()
            if origin.confidence.startswith(_DOUBTFUL)
        ]
        if number is None and any(entry.since or entry.before for entry in self.entries):
            said = "not said" if version is None else f'"{version}", no number'
            doubts.insert(0, f"{self.name}'s version is {said}; the newest defaults are taken")
        return EngineDefaults(
            engine=self.name,
            version=version,
            sequences=_number(says, "sequences"),
            batch_tokens=_number(says, "batch_tokens"),
            memory_share=_share(says),
            memory_of=str(says.get("memory_of", "all")),
            block=_number(says, "block"),
            prefill=_text(says, "prefill"),
            prefix_cache=_flag(says),
            doubts=tuple(doubts),
            facts=MappingProxyType(facts),
        )


def read_engine(name: str, text: str) -> Engine:
    """An engine from the text of its TOML file.

    Raises:
        TollwayError: the text is not an engine; the message names the key.
    """
    facts = Facts(text, f"engine {name}")
    tables = facts.tables("defaults")
    engine = Engine(
        name=name,
        label=facts.word("label") or name,
        same_as=facts.word("same_as"),
        entries=tuple(_entry(facts, table, at) for at, table in enumerate(tables)),
        facts=MappingProxyType(facts.provenance),
    )
    facts.end()
    if not engine.entries and engine.same_as is None:
        raise TollwayError(f"engine {name} has no defaults. Add a [[defaults]] table or same_as.")
    return engine


def _entry(facts: Facts, table: Mapping[str, object], at: int) -> _Entry:
    part = facts.part(table, f"defaults[{at}]")
    since, before = _bound(part, "since"), _bound(part, "before")
    says: dict[str, object] = {
        "sequences": part.whole("sequences"),
        "batch_tokens": part.whole("batch_tokens"),
        "memory_share": part.number("memory_share"),
        "memory_of": _one_of(part, "memory_of", SHARES),
        "block": part.whole("block"),
        "prefill": _one_of(part, "prefill", PREFILLS),
        "prefix_cache": part.maybe("prefix_cache"),
    }
    entry = _Entry(
        since=since or (),
        before=before,
        memory_from=(part.number("memory_from_gb") or 0) * 1e9,
        chips=part.words("chips"),
        except_chips=part.words("except_chips"),
        says=MappingProxyType({key: said for key, said in says.items() if said is not None}),
        facts=MappingProxyType(
            {
                key: facts.provenance[f"defaults[{at}].{key}"]
                for key, said in says.items()
                if said is not None
            }
        ),
    )
    part.end()
    return entry


def _one_of(part: Facts, key: str, known: tuple[str, ...]) -> str | None:
    word = part.word(key)
    if word is not None and word not in known:
        raise TollwayError(str(unknown(word, known, f"{part.place}: {key}")))
    return word


def _version(text: str) -> tuple[int, ...] | None:
    """The leading numbers of a version: (0, 5, 8) of "v0.5.8.post1"; None of a commit's name."""
    found = _NUMBER.fullmatch(text.strip())
    return None if found is None else tuple(int(piece) for piece in found[1].split("."))


def _bound(part: Facts, key: str) -> tuple[int, ...] | None:
    text = part.word(key)
    number = None if text is None else _version(text)
    if text is not None and number is None:
        raise TollwayError(
            f'{part.place}: {key} is "{text}"; it is a version in numbers, such as "0.11.0".'
        )
    return number


def _holds(entry: _Entry, number: tuple[int, ...] | None, chip: Chip) -> bool:
    if number is None:
        fits = entry.before is None
    else:
        fits = number >= entry.since and (entry.before is None or number < entry.before)
    named = not entry.chips or chip.name in entry.chips
    return (
        fits
        and named
        and chip.name not in entry.except_chips
        and chip.memory[0].size >= entry.memory_from
    )


def _number(says: Mapping[str, object], key: str) -> int | None:
    value = says.get(key)
    return value if isinstance(value, int) else None


def _share(says: Mapping[str, object]) -> float | None:
    value = says.get("memory_share")
    return value if isinstance(value, float) else None


def _text(says: Mapping[str, object], key: str) -> str | None:
    value = says.get(key)
    return value if isinstance(value, str) else None


def _flag(says: Mapping[str, object]) -> bool | None:
    value = says.get("prefix_cache")
    return value if isinstance(value, bool) else None
