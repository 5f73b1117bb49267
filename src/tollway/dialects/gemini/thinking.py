"""How much a Gemini is to think: in levels since Gemini 3, in tokens before.

Rules
1. A budget is heard by all of them; a level by Gemini 3 and later; never both at once.
2. Words become tokens as Google's own OpenAI-compatible API has them: 1,024, 8,192 and 24,576.
"""

from typing import Any, Final

from tollway.dialects.meaning import Loss, Think

BUDGETS: Final = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
LEVELS: Final = ("minimal", "low", "medium", "high")
BEFORE_LEVELS: Final = ("gemini-1", "gemini-2", "gemma")
SUMMARY: Final = "auto"
"""The one kind of summary that there is."""


def takes_levels(model: str) -> bool:
    """Whether a model takes levels, and wants the signatures of its calls back."""
    return not model.rpartition("/")[2].startswith(BEFORE_LEVELS)


def write_think(think: Think | None, model: str, losses: list[Loss]) -> dict[str, Any]:
    """`thinkingConfig`; empty where nothing is to be said."""
    if think is None:
        return {}
    said: dict[str, Any] = {}
    if think.on is False or think.effort == "none":
        said.update(_write_off(model, losses))
    elif think.budget is not None:
        said["thinkingBudget"] = think.budget
        if think.effort is not None:
            losses.append(Loss("think.effort", f"{think.budget} tokens are said instead"))
    elif think.effort is not None:
        said.update(_write_effort(think.effort, model, losses))
    elif think.on and takes_levels(model):
        losses.append(Loss("think.on", "this Gemini thinks anyway, as much as it likes"))
    elif think.on:
        said["thinkingBudget"] = -1
    if think.shown is not None or think.summary is not None:
        said["includeThoughts"] = think.shown is not False
    if think.summary not in (None, SUMMARY):
        losses.append(Loss("think.summary", f'Gemini does not summarise "{think.summary}"'))
    return said


def _write_off(model: str, losses: list[Loss]) -> dict[str, Any]:
    if not takes_levels(model):
        return {"thinkingBudget": 0}
    # Flash thinks "minimal"ly; the others know no less than "low".
    level = "MINIMAL" if "flash" in model else "LOW"
    losses.append(Loss("think.on", f"this Gemini cannot but think; asked for {level.lower()}"))
    return {"thinkingLevel": level}


def _write_effort(effort: str, model: str, losses: list[Loss]) -> dict[str, Any]:
    if not takes_levels(model):
        budget = BUDGETS.get(effort, -1)
        losses.append(Loss("think.effort", f'this Gemini takes tokens: "{effort}" is {budget}'))
        return {"thinkingBudget": budget}
    if effort in LEVELS:
        return {"thinkingLevel": effort.upper()}
    losses.append(Loss("think.effort", f'Gemini has no "{effort}": asked for high'))
    return {"thinkingLevel": "HIGH"}
