"""A threat model as text and as JSON."""

import json
from textwrap import wrap
from typing import Any

from tollway.catalog.threats import FRAMEWORKS, framework, threats
from tollway.cli.table import printable
from tollway.pins.threats_judged import STATUSES, Verdict
from tollway.web.threat_shown import Item, Shown, items

_WIDTH = 96


def as_text(shown: Shown) -> str:
    """What is open, what was not judged, what one loss takes away; answers are counted."""
    lines = [_summary(shown), ""]
    for status in STATUSES[:3]:
        found = items(shown.model, status)
        if found:
            lines += [status.capitalize(), *(line for it in found for line in _item(it)), ""]
    lines += _losses(shown)
    told = ", ".join(
        f"{it.name} {it.version} ({it.licence}, read {it.read})"
        for it in map(framework, FRAMEWORKS)
    )
    lines += wrap(f"Frameworks: {told}.", _WIDTH)
    lock = f"lock {shown.provenance.lock[:16]}" if shown.provenance.lock else "no lock"
    lines.append(f"Made from {shown.fleet} {shown.provenance.fleet[:16]}, {lock}.")
    return "\n".join(lines) + "\n"


def _summary(shown: Shown) -> str:
    counts = [f"{len(items(shown.model, it))} {it}" for it in STATUSES[:4]]
    met = {it.threat for it in shown.model.judged if it.verdict.status != "does not apply"}
    return f"{len(met)} of {len(threats())} threats apply. {', '.join(counts)}."


def _item(item: Item) -> list[str]:
    lines = _wrapped(f"  {item.where}: {item.verdict.why}")
    lines += _wrapped(f"    {' '.join(item.threats)}")
    for it in item.verdict.controls:
        lines += _wrapped(f"    has {it.what}: {it.key} = {it.value}")
    if item.verdict.mend:
        lines += _wrapped(f"    -> {item.verdict.mend}")
    return lines


def _wrapped(line: str) -> list[str]:
    """Names in it may be anybody's: nothing in them reaches a terminal as anything but text."""
    return wrap(printable(line), _WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def _losses(shown: Shown) -> list[str]:
    lines = ["Single points of failure"]
    for loss in shown.losses:
        left = [f"route {it}" for it in loss.routes] + list(loss.others)
        lines += _wrapped(f"  {loss.what} {loss.name}: nothing is left for {', '.join(left)}")
    for it in shown.astray:
        lines += _wrapped(f"  {it.component}: its fallback {it.fallback} {it.why}")
    if len(lines) == 1:
        lines.append("  none that the fleet file and the lock tell of")
    shares = ", ".join(f"{name} {share:.0%}" for name, share in shown.vendors.shares) or "none"
    lines += ["", f"Vendors by {shown.vendors.of}: {shares}; HHI {shown.vendors.index:.2f}", ""]
    return lines


def as_json(shown: Shown) -> str:
    """One JSON object: every judgement, with what it was made from."""
    facts: dict[str, Any] = {
        "fleet": {"file": shown.fleet, "digest": shown.provenance.fleet},
        "lock": {"digest": shown.provenance.lock} if shown.provenance.lock else None,
        "made": shown.provenance.made.isoformat(),
        "frameworks": [
            {"name": it.name, "version": it.version, "published": it.published.isoformat(),
             "read": it.read.isoformat(), "licence": it.licence, "source": it.source}
            for it in map(framework, FRAMEWORKS)
        ],
        "exit_code": shown.model.exit_code,
        "judged": [
            {"threat": it.threat, "title": threats()[it.threat].title, "kind": it.thing.kind,
             "thing": it.thing.name, **_verdict(it.verdict)}
            for it in shown.model.judged
        ],
        "losses": [
            {"what": it.what, "name": it.name, "routes": list(it.routes), "others": list(it.others)}
            for it in shown.losses
        ],
        "astray": [
            {"component": it.component, "fallback": it.fallback, "why": it.why}
            for it in shown.astray
        ],
        "vendors": {
            "of": shown.vendors.of,
            "shares": {name: round(share, 6) for name, share in shown.vendors.shares},
            "hhi": round(shown.vendors.index, 6),
        },
    }  # fmt: skip
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    said: dict[str, Any] = {"status": verdict.status}
    if verdict.controls:
        said["controls"] = [
            {"what": it.what, "key": it.key, "value": it.value} for it in verdict.controls
        ]
    for word in ("residual", "why", "mend"):
        if value := getattr(verdict, word):
            said[word] = value
    return said
