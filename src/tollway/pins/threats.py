"""Which threats a component of the lock is open to by what it is.

Rules
1. A threat is named for what a component is, whatever is done against it; what answers it in a
   fleet is for the threat model to say.
2. Ids come in the order of the frameworks, each id once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tollway.catalog.threats import threats
from tollway.pins.component import Component, McpServer, ModelApi, NpmPackage, PypiPackage, Weights

_NO_CODE = frozenset({"safetensors", "gguf", "json", "txt", "text", "csv", "md"})
"""Formats of weights and their papers from which a loader takes numbers and text only."""


@dataclass(frozen=True, slots=True)
class Applies:
    """Threats that a kind of component is open to, and why; `when` asks more of the component."""

    kinds: tuple[str, ...]
    ids: tuple[str, ...]
    reason: str
    when: Callable[[Component], bool] = lambda _: True


def _is_moving(it: Component) -> bool:
    return isinstance(it, ModelApi) and it.moving


def _may_run_code(it: Component) -> bool:
    return isinstance(it, Weights) and (bool(it.globals) or not _NO_CODE.issuperset(it.formats))


def _runs_by_itself(it: Component) -> bool:
    """Where nobody opened it, it may."""
    if not isinstance(it, PypiPackage | NpmPackage):
        return False
    return it.startup is None or it.scripts is None or bool(it.startup or it.scripts)


def _is_asked_for(it: Component) -> bool:
    return isinstance(it, PypiPackage | NpmPackage) and it.direct


def _is_started(it: Component) -> bool:
    return isinstance(it, McpServer) and not it.runs[0].startswith(("http://", "https://"))


def _is_reached(it: Component) -> bool:
    return isinstance(it, McpServer) and not _is_started(it)


RULES = (
    Applies(
        ("model-api",),
        ("LLM01", "AML.T0051", "AML.T0054"),
        "it takes instructions and data in one text and cannot hold them apart",
    ),
    Applies(
        ("model-api",),
        ("LLM02", "AML.T0057"),
        "what is sent to it leaves for whoever runs it, and it may repeat what it was told",
    ),
    Applies(
        ("model-api",),
        ("LLM03", "AML.T0010.003"),
        "its vendor may change or retire it under the name by which it is asked for",
    ),
    Applies(("model-api",), ("LLM09",), "its answers may be wrong and sound right"),
    Applies(
        ("model-api",),
        ("LLM10", "AML.T0029", "AML.T0034"),
        "each answer takes money or machine time, and both end",
    ),
    Applies(("model-api",), ("ASI08",), "what builds on it fails when it does"),
    Applies(
        ("model-api",),
        ("AML.T0109",),
        "its id is an alias that may be pointed at another model",
        _is_moving,
    ),
    Applies(
        ("weights",),
        ("LLM03", "ASI04", "AML.T0010.003", "AML.T0058"),
        "somebody else made and published it",
    ),
    Applies(
        ("weights",),
        ("LLM04", "AML.T0018.000"),
        "what it was trained on, and what was done to it after, is in its numbers",
    ),
    Applies(
        ("weights",),
        ("ASI05", "AML.T0011.000", "AML.T0018.002", "AML.T0076", "AML.T0112.001"),
        "loading one of its formats may run code",
        _may_run_code,
    ),
    Applies(
        ("pypi", "npm"),
        ("LLM03", "ASI04", "AML.T0010.001", "AML.T0011.001"),
        "code of others that runs with the rights of what imports it",
    ),
    Applies(
        ("pypi", "npm"),
        ("AML.T0109", "AML.T0111"),
        "its next release is trusted for its name and its past",
    ),
    Applies(
        ("pypi", "npm"),
        ("ASI05", "AML.T0050"),
        "it runs code at its installation or at an interpreter's start, or nobody looked",
        _runs_by_itself,
    ),
    Applies(
        ("pypi", "npm"),
        ("AML.T0060",),
        "somebody asked for its name, and a model may have made that name up",
        _is_asked_for,
    ),
    Applies(
        ("prompt",),
        ("LLM01", "ASI01", "AML.T0081"),
        "who changes it changes what the model is told to do",
    ),
    Applies(
        ("prompt",),
        ("LLM07", "AML.T0056", "AML.T0069.002"),
        "a model may be made to repeat it",
    ),
    Applies(
        ("mcp",),
        ("LLM01", "ASI01", "AML.T0051.001", "AML.T0099"),
        "a model reads what its tools answer, whoever wrote that",
    ),
    Applies(
        ("mcp",),
        ("LLM06", "ASI02", "AML.T0053", "AML.T0086", "AML.T0101"),
        "its tools act, and a model says when",
    ),
    Applies(
        ("mcp",),
        ("ASI03", "AML.T0098"),
        "it acts with credentials that are not those of who asked",
    ),
    Applies(
        ("mcp",),
        ("LLM03", "ASI04", "AML.T0010.005", "AML.T0011.002", "AML.T0109", "AML.T0110"),
        "its code and its tools' descriptions may change after they were looked at",
    ),
    Applies(("mcp",), ("ASI05", "AML.T0050"), "it is a program that is started here", _is_started),
    Applies(("mcp",), ("ASI07",), "it is spoken to over a network", _is_reached),
    Applies(
        ("runtime",),
        ("LLM03", "ASI04", "AML.T0010.001"),
        "everything else runs in it, and others build it",
    ),
    Applies(
        ("image",),
        ("LLM03", "ASI04", "AML.T0010.004"),
        "a tag of a registry may be pointed at other bytes",
    ),
    Applies(("image",), ("AML.T0105",), "it shares a kernel with what it runs beside"),
)


def threats_of(component: Component) -> tuple[str, ...]:
    """Ids of the threats that a component is open to (rule 2)."""
    return tuple(reasons_of(component))


def reasons_of(component: Component) -> dict[str, str]:
    """The same with the reason of each, as a clause."""
    found: dict[str, str] = {}
    for rule in RULES:
        if component.kind in rule.kinds and rule.when(component):
            for id_ in rule.ids:
                found.setdefault(id_, rule.reason)
    return {id_: found[id_] for id_ in threats() if id_ in found}
