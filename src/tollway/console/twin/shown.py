"""An answer as a card: figures with their intervals in words, memory, and what is to be known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tollway.console.hand import Load, SetUp
from tollway.console.twin.grids import is_over, name_of
from tollway.console.twin.query import COUNTS
from tollway.console.twin.state import State
from tollway.simulator.answer_told import BINDING, MEANING, number, seconds

_SHOWN: Mapping[str, tuple[str, Callable[[float, float | None], str]]] = {
    "ttft_s": ("TTFT", seconds),
    "tpot_s": ("TPOT", seconds),
    "user_tokens_s": ("Tokens/s a user", number),
    "chip_tokens_s": ("Tokens/s a chip", number),
    "usd_mtok": ("USD a million tokens out", number),
    "requests_s": ("Requests/s", number),
}
_MISSING = {
    "ttft_s": "refused: its FLOPS are not known",
    "usd_mtok": "type a price an hour",
}
OVER = (
    "More than it can serve: the queue grows without end, and TTFT is that of the first 512 "
    "requests."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its key in the JSON, what it is called, its value and interval in words."""

    key: str
    name: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class Card:
    """One set-up. `refused` is why there is no answer; `meaning` what its provenance means."""

    at: int
    name: str
    refused: str | None
    provenance: str
    meaning: str
    figures: tuple[Figure, ...]
    price: str
    fits: str
    memory: tuple[str, ...]
    binds: str
    scenarios: tuple[str, ...]
    notes: tuple[str, ...]
    over: bool
    feel: str


def card(state: State, at: int, answer: dict[str, Any] | str) -> Card:
    """The card of set-up `at`; a text is why there is no answer."""
    one = state.set_ups[at]
    refused = answer if isinstance(answer, str) else None
    if not isinstance(answer, str) and answer["provenance"] is None:
        refused = " ".join(answer["refused"])
    if refused is not None or isinstance(answer, str):
        words = _mended(refused or "")
        return Card(at, name_of(one), words, "", "", (), "", "", (), "", (), (), False, "")
    origin = str(answer["provenance"])
    return Card(
        at=at,
        name=name_of(one),
        refused=None,
        provenance=origin,
        meaning=MEANING[origin],
        figures=tuple(_figure(key, answer[key]) for key in _SHOWN),
        price="" if one.price is None else f"A chip costs {one.price:g} USD an hour.",
        fits=_fits(answer),
        memory=tuple(_memory(tier) for tier in answer["memory"]),
        binds=f"{answer['binds']}: {BINDING[answer['binds']]}",
        scenarios=tuple(map(_scenario, answer["scenarios"])),
        notes=(*answer["refused"], *answer["warnings"]),
        over=is_over(answer),
        feel=feel(state, one, state.load()),
    )


def _mended(words: str) -> str:
    """A refusal in the words of the page: what a command line calls `--assume` is a field here."""
    return words.replace("--assume ", "under More, assume ")


def _figure(key: str, one: Mapping[str, float] | None) -> Figure:
    name, show = _SHOWN[key]
    if one is None:
        return Figure(key, name, "-", _MISSING.get(key, ""))
    value, low, high = one["value"], one["low"], one["high"]
    return Figure(key, name, show(value, None), f"{show(low, None)} to {show(high, None)}")


def _fits(answer: Mapping[str, Any]) -> str:
    tiers = answer["memory"]
    weights, usable, size = (
        sum(tier[name] for tier in tiers) / 1e9 for name in ("weights", "usable", "size")
    )
    return (
        f"Fits: {weights:,.1f} GB of weights a chip, of {size:,.0f} GB with {usable:,.1f} GB to "
        f"fill, leave KV cache for {answer['kv_tokens']:,} tokens a replica."
    )


def _memory(tier: Mapping[str, Any]) -> str:
    names = ("size", "usable", "weights", "kv_room", "kv_used")
    size, usable, weights, room, used = (tier[name] / 1e9 for name in names)
    return (
        f"{tier['kind']}, {size:,.0f} GB a chip: {weights:,.1f} GB of weights, room for "
        f"{room:,.1f} GB of KV cache, {used:,.1f} GB of it used; {usable:,.1f} GB may be filled."
    )


def _scenario(one: Mapping[str, Any]) -> str:
    ttft = "-" if one["ttft_s"] is None else seconds(one["ttft_s"])
    user, chip = number(1 / one["tpot_s"]), number(one["chip_tokens_s"])
    return (
        f"{one['name']}: TTFT {ttft}, TPOT {seconds(one['tpot_s'])}, {user} tokens/s a user, "
        f"{chip} a chip"
    )


def feel(state: State, one: SetUp, load: Load | None = None) -> str:
    """The page that lets this be felt: everything that the prediction goes by, and the load."""
    said = {
        "model": one.model,
        "chip": one.chip,
        "tp": one.tp,
        **{name: count for name in COUNTS if (count := getattr(one, name)) != 1},
        "engine": None if one.engine == "vllm" else one.engine,
        "precision": one.precision,
        "assume": " ".join(one.assume) or None,
        "prefix": state.prefix or None,
        "input": state.input,
        "output": state.output,
        "users": None if load is None else load.users,
        "rate": None if load is None else load.rate,
    }
    return "/feel?" + urlencode({key: value for key, value in said.items() if value is not None})
