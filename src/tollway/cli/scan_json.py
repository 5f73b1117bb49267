"""What `tollway scan --json` prints; docs/guides/scan.md says what every key is."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

from tollway.cli.scan_report import Group, Report
from tollway.hindsight.caching import Losses
from tollway.hindsight.money import Totals
from tollway.units import usd

PROVENANCE: Final = {
    "tokens": "measured, from the logs",
    "usd": "priced by date from the catalogue, but usd_stated_by_logs, which logs state",
    "bills": "stated by cost exports",
    "cache": "read: measured; the rest assumed: a prompt no shorter than the one before begins so",
    "speed": "measured, as `how` says",
    "elsewhere": "priced at today's prices; assumed: the same tokens, and the same share of each "
    "prompt from a cache",
    "silicon": "predicted by the engine model, as `origin` says; assumed: 32 requests at a time of "
    "the mean length, a neocloud's rent while busy",
}
"""Where each part comes from."""


def as_json(report: Report, *, show_paths: bool) -> str:
    """One JSON object. Money is exact decimal text, in USD."""
    found = report.elsewhere
    whole = {
        "format": 1,
        "stopped": report.stopped,
        "files": dict(report.read),
        "bytes": report.size,
        "from": _stamp(report.calls[0].at) if report.calls else None,
        "to": _stamp(report.calls[-1].at) if report.calls else None,
        "prices_of": None if report.taken is None else report.taken.isoformat(),
        "spend": [_spend(by, groups, show_paths) for by, groups in report.spend.items()],
        "total": _totals(report.total),
        "unpriced": {model: _totals(totals) for model, totals in report.unpriced.items()},
        "priced_as_standard": report.as_standard,
        "priced_as_short": report.as_short,
        "partial_answers": report.partial,
        "web_searches": report.searches,
        "bills": [_bill(bill.tool, bill.at, bill.item, bill.amount) for bill in report.bills],
        "cache": [{"model": model, **_losses(one)} for model, one in report.cache.items()],
        "speed": [asdict(one) for one in report.speed],
        "elsewhere": {
            "requests": found.requests,
            "as_is_usd": _usd(found.amount),
            "tiers": {
                tier: {"sold_for_usd": _usd(sold), "usd": _usd(amount)}
                for tier, (sold, amount) in found.tiers.items()
            },
            "models": [
                {"name": one.name, "usd": _usd(one.amount), "prompts_too_long": one.too_long}
                for one in found.models
            ],
            "silicon": [asdict(one) for one in found.own],
        },
        "unread": [
            {
                "tool": one.tool,
                "why": one.why,
                "count": one.count,
                "first": one.first if show_paths else PurePath(one.first).name,
            }
            for one in report.unread
        ],
        "left_out": report.left_out,
        "warnings": report.warnings,
        "provenance": PROVENANCE,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _usd(amount: int) -> str:
    return f"{usd(amount):f}"


def _spend(by: tuple[str, ...], groups: Sequence[Group], show_paths: bool) -> dict[str, object]:
    numbers: dict[str, int] = {}
    rows: list[dict[str, object]] = []
    for group in groups:
        words: dict[str, object] = dict(zip(by, group.words, strict=True))
        path = str(words.get("project", "-"))
        if not show_paths and path != "-":
            words["project"] = f"project {numbers.setdefault(path, len(numbers) + 1)}"
        rows.append({**words, **_totals(group.totals)})
    return {"by": by, "rows": rows}


def _totals(totals: Totals) -> dict[str, object]:
    return {
        "requests": totals.requests,
        "input": totals.input,
        "cached_input": totals.cached,
        "cache_write": totals.written,
        "output": totals.output,
        "reasoning": totals.reasoning,
        "usd": _usd(totals.amount),
        "usd_stated_by_logs": _usd(totals.stated),
        "requests_without_price": totals.unpriced,
    }


def _bill(tool: str, at: float, item: str, amount: int) -> dict[str, object]:
    return {"tool": tool, "at": _stamp(at), "item": item, "usd": _usd(amount)}


def _losses(one: Losses) -> dict[str, object]:
    return {
        "followed_requests": one.calls,
        "repeated": one.repeated,
        "read": one.read,
        "expired": one.expired,
        "changed": one.changed,
        "expired_usd": _usd(one.expired_amount),
        "changed_usd": _usd(one.changed_amount),
        "an_hour_would_save_usd": _usd(one.within_hour),
        "an_hour_would_cost_usd": _usd(one.hour_extra),
    }
