"""A prediction for people and programs; docs/reference/predict-json.md says what every key is."""

from collections.abc import Mapping, Sequence

import msgspec

from tollway.engine.answer import Estimate, Prediction
from tollway.simulator.answer import Answer

MEANING = {
    "measured here": "calibrated with this deployment's own results.",
    "measured": "this model was measured on this chip under this engine.",
    "interpolated": "model, chip and engine were each measured, but not together.",
    "extrapolated": "the model, the chip or the engine was never measured.",
    "stale": "a source of your own was seen outside of the interval: see `tollway twin`.",
    "spec sheet": "no result at hand is near this chip; see the scenarios.",
}
BINDING = {
    "bandwidth": "reading weights and KV from memory",
    "compute": "arithmetic",
    "capacity": "users wait for a seat or for room in the KV memory",
    "network": "links between chips",
    "overhead": "launching kernels and scheduling, in software",
    "prefill": "prefill replicas are busy all the time; decode waits",
}


def seconds(value: float, scale: float | None = None) -> str:
    """`13.2 ms` or `1.82 s`; with a scale, the number alone in the unit that suits the scale."""
    unit = 1e3 if (value if scale is None else scale) < 1 else 1.0
    text = number(value * unit, scale)
    return text if scale is not None else f"{text} {'ms' if unit > 1 else 's'}"


def number(value: float, scale: float | None = None) -> str:
    """Three digits that count, and thousands apart; in a range, with a scale, not apart."""
    if value >= 100:
        return f"{value:,.0f}" if scale is None else f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def as_json(answers: Sequence[Answer]) -> str:
    """One JSON object with every answer."""
    whole = {"format": 1, "answers": [answer_for_programs(one) for one in answers]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def answer_for_programs(answer: Answer) -> dict[str, object]:
    """One answer."""
    one = answer.prediction
    return {
        **_asked(answer),
        **_figures(one),
        "memory": [] if one is None else [_tier(tier) for tier in one.memory],
        "kv_tokens": None if one is None else one.kv_tokens,
        "running": None if one is None else one.running,
        "waiting": None if one is None else one.waiting,
        "preempted": None if one is None else one.preempted,
        "provenance": None if one is None else one.origin,
        "binds": None if one is None else one.binds,
        "shares": {} if one is None else dict(one.shares),
        "scenarios": [] if one is None else [_scenario(scenario) for scenario in one.scenarios],
        "warnings": answer.warnings,
        "refused": [answer.refused] if one is None else one.refused,
    }


def _asked(answer: Answer) -> dict[str, object]:
    asked, settings = answer.question, answer.question.settings
    load, layout, pool = asked.workload, asked.layout, asked.prefill
    answered = answer.prediction is not None
    users = load.concurrency if load.rate is not None else load.concurrency or 1
    return {
        "model": asked.model.name,
        "chip": asked.chip.name,
        "chips": layout.chips * asked.decode_replicas
        + (0 if pool is None else pool.layout.chips * pool.replicas),
        "tp": layout.tp,
        "pp": layout.pp,
        "ep": layout.ep,
        "dp_attention": layout.attention_dp,
        "precision": answer.precisions[0] if answered else settings.precision,
        "kv_precision": answer.precisions[1] if answered else settings.kv_precision,
        "engine": settings.framework,
        "engine_version": settings.version,
        "input_tokens": load.input_tokens,
        "output_tokens": load.output_tokens,
        "spread": load.spread,
        "concurrency": users,
        "rate": load.rate,
        "chip_hour_usd": asked.chip_hour_usd,
        "prefill": None
        if pool is None
        else {
            "chip": pool.chip.name,
            "tp": pool.layout.tp,
            "replicas": pool.replicas,
            "decode_replicas": asked.decode_replicas,
        },
    }


def _figures(one: Prediction | None) -> Mapping[str, object]:
    if one is None:
        return dict.fromkeys(FIGURES)
    origin: str = one.origin
    return {
        "ttft_s": _estimate(one.ttft, origin),
        "tpot_s": _estimate(one.tpot, origin),
        "user_tokens_s": _estimate(one.user_tokens, origin),
        "chip_tokens_s": _estimate(one.chip_tokens, origin),
        "total_tokens_s": _estimate(one.total_tokens, origin),
        "requests_s": _estimate(one.requests, origin),
        "joules_token": _estimate(one.energy, "spec sheet"),
        "usd_mtok": _estimate(one.usd_per_mtok, origin),
    }


FIGURES: tuple[str, ...] = (
    "ttft_s",
    "tpot_s",
    "user_tokens_s",
    "chip_tokens_s",
    "total_tokens_s",
    "requests_s",
    "joules_token",
    "usd_mtok",
)


def _estimate(one: Estimate | None, origin: str) -> dict[str, object] | None:
    if one is None:
        return None
    return {"value": one.value, "low": one.low, "high": one.high, "provenance": origin}


def _tier(tier: object) -> dict[str, object]:
    names = ("kind", "size", "usable", "weights", "runtime", "kv_room", "kv_used", "binding")
    return {name: getattr(tier, name) for name in names}


def _scenario(scenario: object) -> dict[str, object]:
    names = {
        "name": "name",
        "slowdown": "slowdown",
        "ttft_s": "ttft",
        "tpot_s": "tpot",
        "chip_tokens_s": "chip_tokens",
    }
    return {key: getattr(scenario, name) for key, name in names.items()}
