"""A plan as one JSON object. Money is in US dollars as text, exact; intervals are [low, high]."""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tollway.cli.plan_risk import risk_values
from tollway.cli.plan_text import Made, quarter
from tollway.planner.overview import overview
from tollway.planner.program.answer import Between
from tollway.planner.program.answers import Worth
from tollway.planner.program.instance import Instance, Offer
from tollway.planner.steps import cash_by_year, parts, served_shares, steps, worst_short

TRILLION = 10**12


def as_json(made: Made) -> str:
    """Everything that the text says, and every node."""
    instance, answer = made.problem.instance, made.answer
    served = [served_shares(instance, answer.plan, at) for at in range(len(instance.periods))]
    names = [quarter(one) for one in instance.periods]
    whole = {
        "fleet": made.file,
        **_cost(made),
        "risk": {"weight": float(instance.risk.weight), "beta": float(instance.risk.beta)},
        "exposure": risk_values(instance, overview(instance, answer)),
        "periods": [
            {"name": name, "from": str(one.first), "to": str(one.last)}
            for name, one in zip(names, instance.periods, strict=True)
        ],
        **_decisions(made),
        "payments_usd": {str(k): _usd(v) for k, v in cash_by_year(instance, answer).items()},
        "contingencies": _contingencies(made),
        "exits_usd": {one.name: _worth(one) for one in made.answers.exits},
        "offers": [_offer(one) for one in instance.offers],
        "nodes": _nodes(made),
        "served": {
            name: {offer: float(part) for offer, part in one.items()}
            for name, one in zip(names, served, strict=True)
        },
        "not_survived": [one.name for one in made.problem.fatal],
        "ports": [
            {"model": one.model, "software": one.software, "months": one.months,
             "declared": one.declared}
            for one in made.problem.ports
        ],
        "not_answered": made.answers.left,
        "notes": list(made.problem.notes),
    }  # fmt: skip
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _cost(made: Made) -> dict[str, Any]:
    answer = made.answer
    whole = parts(made.problem.instance, answer)
    return {
        "status": answer.status,
        "seconds": round(answer.seconds, 3),
        "gap": float(answer.gap),
        "objective_usd": _usd(answer.costs.objective),
        "bound_usd": _usd(answer.bound),
        "expected_usd": _usd(answer.costs.expected),
        "paid_usd": _usd(whole.paid),
        "unserved_usd": _usd(whole.unserved),
        "short_usd": _usd(whole.short),
        "cvar_usd": _usd(answer.costs.cvar),
    }


def _decisions(made: Made) -> dict[str, Any]:
    """What is signed and left when, by when notice is due, and why."""
    instance = made.problem.instance
    return {
        "steps": [
            {
                "period": quarter(instance.periods[one.period]),
                "what": one.what,
                "offer": one.offer,
                "units": float(one.units),
                "probability": float(one.probability),
                "scenarios": list(one.names),
            }
            for one in steps(instance, made.answer.plan)
        ],
        "notice": [
            {
                "offer": one.offer,
                "by": str(one.by),
                "last_day": str(one.out),
                "bound_until": None if one.until is None else str(one.until),
                "given": one.given,
            }
            for one in made.calls
        ],
        "why": [
            {
                "offer": one.offer,
                "units": float(one.units),
                "later_usd": _worth(one.later),
                "never_usd": _worth(one.never),
            }
            for one in made.answers.reasons
        ],
    }


def _contingencies(made: Made) -> list[dict[str, Any]]:
    instance = made.problem.instance
    prices = {one.name: one for one in made.answers.contingencies}
    short = worst_short(instance, made.answer.plan)
    return [
        {
            "name": one.name,
            "attribute": one.attribute,
            "offers": sorted(one.offers),
            "models": sorted(one.models),
            "notice_days": one.notice_days,
            "cover": float(one.cover),
            "since": quarter(instance.periods[one.since]),
            "price_usd": _worth(prices[one.name]) if one.name in prices else None,
            "worst_share_not_covered": float(short.get(one.name, 0)),
        }
        for one in instance.contingencies
    ]


def _offer(one: Offer) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "depends": dict(one.attributes),
        "in_force": float(one.signed),
        "most": float(one.most),
        "lines": [
            {
                "workload": line.workload,
                "model": line.model,
                "tokens_per_hour": line.tokens,
                "interval": [line.low, line.high],
                "origin": line.origin,
                "usd_per_mtok": [_usd(it) for it in line.price],
            }
            for line in one.lines
        ],
    }


def _nodes(made: Made) -> list[dict[str, Any]]:
    instance, costs = made.problem.instance, made.answer.costs
    cash: dict[int, dict[str, str]] = {}
    for (number, offer), amount in costs.cash.items():
        if amount:
            cash.setdefault(number, {})[offer] = _usd(amount)
    return [
        {
            "period": quarter(instance.periods[node.period]),
            "parent": node.parent,
            "name": node.name,
            "probability": float(node.probability),
            "payments_usd": cash.get(number, {}),
            "unserved_usd": _usd(costs.unserved.get(number, 0)),
            "short_usd": _usd(costs.short.get(number, 0)),
            "tokens_per_hour": _served(instance, made, number),
        }
        for number, node in enumerate(instance.nodes)
    ]


def _served(instance: Instance, made: Made, number: int) -> Mapping[str, int]:
    found: dict[str, Fraction] = {}
    for one in made.answer.plan.served:
        if one.node == number:
            share = instance.blocks[one.block].share
            found[one.offer] = found.get(one.offer, Fraction(0)) + share * one.tokens
    return {name: round(count) for name, count in found.items()}


def _worth(one: Worth) -> list[str] | None:
    return None if one.amount is None else _between(one.amount)


def _between(one: Between) -> list[str]:
    return [_usd(one.low), _usd(one.high)]


def _usd(amount: Fraction | int) -> str:
    return f"{float(Fraction(amount) / TRILLION):.2f}"
