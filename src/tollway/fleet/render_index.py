"""The package index as it is written: blocks of a fleet file.

Rules
1. What is rendered parses to the same objects; what is as it is without a word is left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields

from tollway.fleet.credential import Credential
from tollway.fleet.findings import place
from tollway.fleet.indexing import IndexSettings, PackageRules, PackageUpstream
from tollway.fleet.render_egress import duration_text, size_text

_DURATIONS = frozenset(("cooldown", "waits", "holds", "fresh", "timeout"))
_SIZES = frozenset(("cache", "max_file", "max_page"))


def credentials_of(index: IndexSettings | None) -> list[tuple[Credential, str]]:
    """Each credential that an upstream uses, and a name for it."""
    upstreams = () if index is None else index.upstreams.values()
    return [(it.credential, f"index.{it.name}") for it in upstreams if it.credential is not None]


def blocks(index: IndexSettings | None, names: Mapping[Credential, str]) -> Iterator[list[str]]:
    """The tables, each a list of lines."""
    if index is None:
        return
    host = f"[{index.host}]" if ":" in index.host else index.host
    plain = (it for it in fields(index) if it.name not in ("rules", "ranked", "upstreams"))
    usual = IndexSettings(index.host, index.port)
    rows = [f"listen = {json.dumps(f'{host}:{index.port}')}"]
    for it in plain:
        value = getattr(index, it.name)
        if value != getattr(usual, it.name):
            rows.append(f"{it.name} = {_value(it.name, value)}")
    if index.ranked:
        pairs = ", ".join(f"{kind} = {json.dumps(it)}" for kind, it in index.ranked.items())
        rows.append(f"ranked = {{ {pairs} }}")
    yield ["[index]", *rows]
    ruled = [it.name for it in fields(PackageRules)]
    said = {it: getattr(index.rules, it) for it in ruled}
    changed = {it: value for it, value in said.items() if value != getattr(usual.rules, it)}
    if changed:
        yield ["[index.rules]", *(f"{it} = {_value(it, value)}" for it, value in changed.items())]
    for upstream in index.upstreams.values():
        yield _upstream(upstream, names)


def _upstream(upstream: PackageUpstream, names: Mapping[Credential, str]) -> list[str]:
    head = place("", ("index", "upstreams", upstream.name)).removeprefix(": ")
    credential = None if upstream.credential is None else names[upstream.credential]
    facts: dict[str, object] = {
        "kind": upstream.kind, "url": upstream.url, "names": upstream.names,
        "files": upstream.files or None, "credential": credential, "user": upstream.user,
        "ca_file": upstream.ca_file,
    }  # fmt: skip
    rows = [f"{key} = {_value(key, it)}" for key, it in facts.items() if it is not None]
    return [f"[{head}]", *rows]


def _value(name: str, value: object) -> str:
    if name in _DURATIONS and isinstance(value, float):
        return duration_text(value)
    if name in _SIZES and isinstance(value, int):
        return size_text(value)
    return json.dumps(value)
