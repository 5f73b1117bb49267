"""How much a Claude is to think, as its generation takes it.

Rules
1. A Claude from 4.6 on decides itself, guided by an effort; an earlier one has a budget of tokens,
   which counts towards `max_tokens`.
2. Thinking is left out where Anthropic would refuse it: see `writing`.
"""

from typing import Any, Final, Literal

import msgspec

from tollway.dialects.anthropic.models import adapts, takes_budget
from tollway.dialects.meaning import Ask, Loss, Part, Reasoning, Think, ToolResult

LEAST: Final = 1024
"""Tokens of the smallest budget that Anthropic takes."""

_BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens of a budget for an effort, as Google's chat endpoint maps them; more is `high`."""

_EFFORTS: Final = ((1024, "low"), (8192, "medium"))
"""Tokens up to which a budget is that effort, else high."""

_KNOWN: Final = ("low", "medium", "high", "xhigh", "max")


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """`thinking`, the `effort` of `output_config`, and the `max_tokens` that hold both."""

    max_tokens: int
    said: dict[str, Any] | None = None
    effort: str | None = None
    on: bool = False


def write_thinking(ask: Ask, model: str, usual: int, losses: list[Loss]) -> Thinking:
    """What `ask.think` is here. `usual` is `max_tokens` where the client sets none."""
    think = ask.think
    most = ask.max_output or usual
    if think is None or think in (Think(), Think(shown=False)):
        return Thinking(most)
    if think.on is False or think.effort == "none":
        return Thinking(most, {"type": "disabled"})
    effort = _effort(think, model, losses)
    if ask.tool_choice is not None and ask.tool_choice.mode == "any":
        losses.append(Loss("think", "Claude does not think where a tool is forced"))
        return Thinking(most, effort=effort if adapts(model) else None)
    shown = _shown(think, losses)
    if adapts(model) and (think.budget is None or not takes_budget(model)):
        return Thinking(most, {"type": "adaptive"} | shown, effort, on=True)
    return _budgeted(ask, model, usual, shown, losses)


def _budgeted(
    ask: Ask, model: str, usual: int, shown: dict[str, Any], losses: list[Loss]
) -> Thinking:
    think = ask.think or Think()
    most = ask.max_output or usual
    if _amid_tools(ask):
        losses.append(Loss("think", "the thought that led to the tool's use is not at hand"))
        return Thinking(most)
    budget = think.budget or _BUDGETS.get(think.effort or "medium", _BUDGETS["high"])
    if ask.max_output is None:
        most = budget + usual
    elif budget >= most:
        losses.append(Loss("think.budget", f"it must be below max_output, {most}"))
        budget = most - 1
    if budget < LEAST:
        losses.append(Loss("think", f"Claude's least budget is {LEAST} tokens"))
        return Thinking(most)
    effort = think.effort if adapts(model) and think.effort in _KNOWN else None
    said = {"type": "enabled", "budget_tokens": budget} | shown
    return Thinking(most, said, effort, on=True)


def _effort(think: Think, model: str, losses: list[Loss]) -> str | None:
    """The effort in Anthropic's words."""
    effort = think.effort
    if effort is None and think.budget is not None and not takes_budget(model):
        effort = next((word for most, word in _EFFORTS if think.budget <= most), "high")
        losses.append(Loss("think.budget", f"{model} takes an effort: {effort} is asked"))
    if effort is not None and effort not in _KNOWN:
        losses.append(Loss("think.effort", f"Messages has no effort {effort}: low is asked"))
        return "low"
    return effort


def _shown(think: Think, losses: list[Loss]) -> dict[str, Any]:
    if think.summary not in (None, "auto"):
        losses.append(Loss("think.summary", "Messages has one kind of summary"))
    display: Literal["summarized", "omitted"] | None = None
    if think.shown is not None:
        display = "summarized" if think.shown else "omitted"
    elif think.summary is not None:
        display = "summarized"
    return {} if display is None else {"display": display}


def _amid_tools(ask: Ask) -> bool:
    """Whether results of tools are brought whose call has no thought of Anthropic's before it."""
    brought = False
    for turn in reversed(ask.turns):
        if turn.speaker == "assistant":
            return brought and not any(_is_claudes(part) for part in turn.parts)
        brought = brought or any(isinstance(part, ToolResult) for part in turn.parts)
    return False


def _is_claudes(part: Part) -> bool:
    signature = part.signature if isinstance(part, Reasoning) else None
    return signature is not None and signature.made_in == "anthropic"
