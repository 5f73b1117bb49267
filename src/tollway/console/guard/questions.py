"""A question to a person in plain words: who wants to do what, why it was held, what follows.

Rules
1. Nothing is left out: what the guard said stands there in its own words, with every fact.
2. Text of agents and clients stays what it is here; the page shows it so that nothing hides in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Told = Mapping[str, Any]
"""A question as the gateway's `GET /approvals` tells it."""


@dataclass(frozen=True, slots=True)
class Question:
    """`wants` is one sentence; `whose` are tenant and task; `facts` what and where, by name; `why`
    is what the guard said; `yes` and `no` say what follows. Times are UTC seconds."""

    id: str
    concern: str
    state: str
    wants: str
    whose: str
    facts: tuple[tuple[str, str], ...]
    why: str
    yes: str
    no: str
    asked: float
    until: float
    decided: float | None
    who: str | None
    note: str | None


def question_of(told: Told) -> Question:
    """The question that the gateway tells of."""
    facts: Mapping[str, Any] = told.get("facts") or {}
    wants, rows, yes, no = _KINDS.get(told["concern"], _other)(told, facts)
    return Question(
        id=told["id"],
        concern=told["concern"],
        state=told["state"],
        wants=wants,
        whose=_whose(told),
        facts=tuple((name, value) for name, value in rows if value),
        why=told["words"],
        yes=f"{yes} {_reach(told)}",
        no=f"{no} The answer stands for {_span(told['holds'])}.",
        asked=told["asked"],
        until=told["silent"],
        decided=told["decided"],
        who=told["who"],
        note=told["note"],
    )


Rows = list[tuple[str, str]]
Parts = tuple[str, Rows, str, str]


def _traffic(told: Told, facts: Mapping[str, Any]) -> Parts:
    sources = ", ".join(map(str, facts.get("sources", ())))
    route = facts.get("route", "")
    rows = [
        ("To the route", str(route)),
        ("Served by", sources),
        ("With the key", str(facts.get("key", ""))),
        ("Found in it", ", ".join(map(str, facts.get("detectors", ())))),
    ]
    wants = f"{_client(told)} wants to send a model a request that holds something sensitive"
    yes = f"Requests on this route that hold exactly this may go to {sources or 'those sources'}."
    no = "The request stays refused; the client is told that a person denied it."
    return wants, rows, yes, no


def _tool(told: Told, facts: Mapping[str, Any]) -> Parts:
    given: Mapping[str, Any] = facts.get("arguments") or {}
    rows = [("Tool", str(facts.get("tool", ""))), ("Of the server", str(facts.get("server", "")))]
    rows += [
        (f"With {name}", "(empty)" if value == "" else str(value)) for name, value in given.items()
    ]
    wants = f"{_agent(told)} wants to use a tool"
    yes = "This very call is made, with exactly these values."
    no = "The call is not made; the agent is told that a person denied it."
    return wants, rows, yes, no


def _egress(told: Told, facts: Mapping[str, Any]) -> Parts:
    place = "{scheme}://{host}:{port}{path}".format_map(
        {name: facts.get(name, "") for name in ("scheme", "host", "port", "path")}
    )
    rows = [
        ("To", place),
        ("Method", str(facts.get("method", ""))),
        ("Query", _query(facts)),
        ("Headers", _headers(facts)),
        ("Sending", _body(facts)),
        ("Found in it", ", ".join(map(str, facts.get("found", ())))),
    ]
    wants = f"{_agent(told)} wants to reach something outside its sandbox"
    yes = "Exactly this request passes; another one is asked about anew."
    no = "The request stays refused; the agent is told that a person denied it."
    return wants, rows, yes, no


def _query(facts: Mapping[str, Any]) -> str:
    """How much stands behind the path, and how it begins; nothing of a question from before."""
    if "query" not in facts:
        return ""
    query: Mapping[str, Any] | None = facts["query"]
    if query is None:
        return "none"
    size = f"{query['bytes']:,} bytes"
    if query["start"] is None:
        return f"{size}, not shown: what was found may be in it"
    if query["whole"]:
        return f"{size}, decoded: {query['start']}"
    return f"{size}, of which the rest is not shown; decoded it begins: {query['start']}"


def _headers(facts: Mapping[str, Any]) -> str:
    if "headers" not in facts:
        return ""
    found: Mapping[str, int] = facts["headers"]
    named = ", ".join(f"{name} ({size:,} bytes)" for name, size in found.items())
    return named or "none beyond those that every client sends"


def _body(facts: Mapping[str, Any]) -> str:
    size = facts.get("bytes") or 0
    if not size:
        return "no body"
    unpacked = facts.get("unpacked", size)
    more = f", {unpacked:,} bytes once unpacked" if unpacked != size else ""
    kind = f", said to be {facts['kind']}" if facts.get("kind") else ""
    return f"{size:,} bytes{more}{kind}"


def _package(told: Told, facts: Mapping[str, Any]) -> Parts:
    digests = facts.get("digests", ())
    rows = [
        ("Package", f"{facts.get('kind', '')}:{facts.get('name', '')}"),
        ("Version", str(facts.get("version", ""))),
        ("Files", f"{len(digests)}, known by their digests"),
        ("Held by the rules", ", ".join(map(str, facts.get("rules", ())))),
    ]
    wants = "A package release is held in the package index"
    yes = "These files may be installed from the index, by everyone whom it serves."
    no = "The release stays held; whoever asks for it is told so."
    return wants, rows, yes, no


def _other(told: Told, facts: Mapping[str, Any]) -> Parts:
    rows = [(str(name), str(value)) for name, value in facts.items()]
    wants = f"{_agent(told)} wants something that needs a person"
    return wants, rows, "It may be done, exactly as it says.", "It is not done."


_KINDS: Mapping[str, Callable[[Told, Mapping[str, Any]], Parts]] = {
    "traffic": _traffic,
    "tool": _tool,
    "egress": _egress,
    "package": _package,
}


def _client(told: Told) -> str:
    return "A client" if told["tenant"] is None else f"A client of tenant {told['tenant']}"


def _agent(told: Told) -> str:
    return "An agent" if told["tenant"] is None else f"An agent of tenant {told['tenant']}"


def _whose(told: Told) -> str:
    said = ((word, told[word]) for word in ("tenant", "task"))
    return ", ".join(f"{word} {value}" for word, value in said if value)


def _reach(told: Told) -> str:
    """How long and how often a yes is good."""
    uses, span = told["uses"], _span(told["holds"])
    if uses is None:
        return f"The answer stands for {span}, however often."
    return f"The answer is good for {'one time' if uses == 1 else f'{uses} times'}, within {span}."


def _span(seconds: float) -> str:
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {word}" if count == 1 else f"{count} {word}s"
    return f"{seconds:,.0f} seconds"
