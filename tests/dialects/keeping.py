"""What of a question a dialect has kept: the differences that no loss speaks of."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tollway.dialects.meaning import (
    Ask,
    Loss,
    Media,
    Part,
    Reasoning,
    Think,
    ToolCall,
    ToolChoice,
    ToolResult,
)

_PLACE = re.compile(r"turns\[(\d+)\](?:\.parts\[(\d+)\])?(?:\.parts\[(\d+)\])?(?:\.(\w+))?$")
_TOOL = ("description", "strict", "cache")
_BLANK: dict[str, Any] = {"failed": False}
_SEPARATE = (
    "model",
    "turns",
    "system",
    "system_speaker",
    "tools",
    "think",
    "wants_usage",
    "unread",
)


def kept(before: Ask, after: Ask, losses: Sequence[Loss]) -> list[str]:
    """Where two questions differ without a loss that says so."""
    lost = [loss.path for loss in losses]
    different = [
        name
        for name in Ask.__struct_fields__
        if name not in _SEPARATE
        and getattr(before, name) != getattr(after, name)
        and not _said(lost, name)
        and not (name == "max_output" and before.max_output is None)  # Anthropic demands one
    ]
    if not (_same_thought(before.think, after.think) or _said(lost, "think")):
        different.append("think")
    same = _same_choice(before, after)
    different = [name for name in different if name not in same]
    if before.format is not None and before.format.name is None and after.format is not None:
        unnamed = msgspec.structs.replace(after.format, name=None)  # OpenAI demands a name
        different = [n for n in different if n != "format" or unnamed != before.format]
    different += _tools(before, after, lost)
    different += _conversation(before, after, lost)
    return different


def _said(lost: Iterable[str], name: str) -> bool:
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for path in lost)


def _same_choice(before: Ask, after: Ask) -> set[str]:
    """What may differ and is the same: to say nothing is auto; and where none may be called, nobody
    asks how many at a time. For questions without tools see `_tools`."""
    wanted, found = before.tool_choice, after.tool_choice
    if found == ToolChoice("none") and wanted == found:
        return {"parallel_tools"}
    if found == ToolChoice("none") and not before.tools:
        return {"tool_choice"}
    if wanted is not None and {tool.name for tool in before.tools} == set(wanted.names):
        wanted = ToolChoice(wanted.mode)  # all of them
    same = found == (wanted or ToolChoice("auto"))
    return {"tool_choice"} if same else set()


def _same_thought(before: Think | None, after: Think | None) -> bool:
    """To think, and not to show thoughts, is what some APIs do unless they are told otherwise."""
    said, found = thought(before), thought(after)
    if said == Think(on=True) and found is None:
        return True
    if said is not None and said.shown is False and (found is None or found.shown is None):
        said = msgspec.structs.replace(said, shown=None)
    return (None if said == Think() else said) == found


def thought(think: Think | None) -> Think | None:
    """One way of saying it: who names an effort or a budget, or wants to see thoughts, wants
    thinking; an effort of none is not to."""
    if think is None:
        return None
    if think.on is False or think.effort == "none":
        return Think(on=False)
    shown = True if think.shown is None and think.summary is not None else think.shown
    on = None if think.effort is not None or think.budget is not None or shown else think.on
    summary = None if think.summary == "auto" or shown is False else think.summary
    said = msgspec.structs.replace(think, on=on, shown=shown, summary=summary)
    return None if said == Think() else said


def _tools(before: Ask, after: Ask, lost: Sequence[str]) -> list[str]:
    if _said(lost, "tool_choice") and len(after.tools) < len(before.tools):
        return []
    wanted = [
        msgspec.structs.replace(
            tool, **{name: None for name in _TOOL if f"tools[{at}].{name}" in lost}
        )
        for at, tool in enumerate(before.tools)
    ]
    if not wanted and any(isinstance(p, ToolCall) for turn in before.turns for p in turn.parts):
        return []  # Anthropic wants the tools of earlier calls defined
    found = [msgspec.structs.replace(tool, strict=tool.strict or None) for tool in after.tools]
    return [] if wanted == found else ["tools"]


def _conversation(before: Ask, after: Ask, lost: Sequence[str]) -> list[str]:
    """The parts that were said must come again, in their order; others only where a loss says
    that one was put otherwise."""
    wanted, changed = _parts_kept(before, lost)
    wanted = _joined((speaker, _said_plainly(part)) for speaker, part in wanted)
    found = _joined(
        (turn.speaker, _said_plainly(part)) for turn in after.turns for part in turn.parts
    )
    system = [
        msgspec.structs.replace(text, cache=None) if f"system[{at}].cache" in lost else text
        for at, text in enumerate(before.system)
        if f"system[{at}]" not in lost
    ]
    different = [] if list(after.system)[: len(system)] == system else ["system"]
    if not changed and wanted != found:
        return [*different, "turns"]
    rest = iter(found)
    if not all(part in rest for part in wanted):
        different.append("turns")
    names = [turn.name for at, turn in enumerate(before.turns) if f"turns[{at}].name" not in lost]
    if not changed and [n for n in names if n] != [t.name for t in after.turns if t.name]:
        different.append("turns.name")
    return different


def _joined(said: Iterable[tuple[str, Part]]) -> list[tuple[str, Part]]:
    """Thoughts beside each other that nobody signed, as one."""
    out: list[tuple[str, Part]] = []
    for speaker, part in said:
        before = out[-1][1] if out else None
        if (
            isinstance(part, Reasoning)
            and isinstance(before, Reasoning)
            and part.signature is None
            and before.signature is None
        ):
            out[-1] = speaker, Reasoning(before.text + part.text)
        else:
            out.append((speaker, part))
    return out


def _said_plainly(part: Part) -> Part:
    """A thought of Gemini's is always a summary; one without a signature is not sealed; and a file
    without a name is given one where OpenAI demands it."""
    if isinstance(part, Media) and (part.name or "").startswith(("document.", "unnamed.")):
        return msgspec.structs.replace(part, name=None)
    if not isinstance(part, Reasoning):
        return part
    sealed = part.sealed and part.signature is not None
    return msgspec.structs.replace(part, summary=False, sealed=sealed)


def _parts_kept(ask: Ask, lost: Sequence[str]) -> tuple[list[tuple[str, Part]], bool]:
    """The parts less what was lost of them, and whether any was put otherwise as a whole."""
    places = [found for path in lost if (found := _PLACE.match(path))]
    gone = {(int(p[1]), int(p[2])) for p in places if p[2] and p[4] in (None, "arguments")}
    silent = {int(p[1]) for p in places if not p[2] and p[4] in (None, "speaker")}
    changed = bool(gone or silent)
    wanted: list[tuple[str, Part]] = []
    for at, turn in enumerate(ask.turns):
        for place, part in enumerate(turn.parts):
            if at in silent or (at, place) in gone:
                continue
            inner = [p for p in places if (int(p[1]), int(p[2] or -1)) == (at, place)]
            wanted.append((turn.speaker, _less(part, inner)))
    return wanted, changed


def _less(part: Part, places: Sequence[re.Match[str]]) -> Part:
    for place in places:
        member = place[4]
        if place[3] is not None and isinstance(part, ToolResult) and member:
            at = int(place[3])
            inner = msgspec.structs.replace(part.parts[at], **{member: _BLANK.get(member)})
            parts = (*part.parts[:at], inner, *part.parts[at + 1 :])
            part = msgspec.structs.replace(part, parts=parts)
        elif member:
            part = msgspec.structs.replace(part, **{member: _BLANK.get(member)})
    return part
