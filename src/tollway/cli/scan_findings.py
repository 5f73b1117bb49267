"""What follows from the logs: cache hits lost, speed felt, and the same tokens elsewhere."""

from collections.abc import Iterator

from tollway.cli.scan_report import Report
from tollway.cli.scan_words import (
    MOST_ROWS,
    NAMES,
    dollars,
    head,
    named,
    rate,
    say,
    seconds,
    share_of,
    tokens,
)
from tollway.cli.table import Column, print_table
from tollway.units import PICO_PER_DOLLAR


def print_cache(report: Report) -> None:
    """Cache hits lost, by model."""
    found = {model: one for model, one in report.cache.items() if one.repeated}
    if not found:
        return
    head("Cache hits lost")
    most = max(max(one.expired_amount, one.changed_amount) for one in found.values())
    ordered = sorted(found.items(), key=lambda one: -(one[1].expired + one[1].changed))
    rows = [
        [
            named(model),
            tokens(one.repeated),
            share_of(one.read, one.repeated),
            tokens(one.expired) if one.expired else "-",
            _lost(one.expired_amount, most),
            tokens(one.changed) if one.changed else "-",
            _lost(one.changed_amount, most),
        ]
        for model, one in ordered[:MOST_ROWS]
    ]
    headings = ("repeated", "read", "expired", "cost", "changed", "cost")
    print_table([Column("model"), *(Column(name, True) for name in headings)], rows)
    say(_cache_notes(report))


def _lost(amount: int, of: int) -> str:
    return dollars(amount, of) if amount else "-"


def _cache_notes(report: Report) -> Iterator[str]:
    every = report.cache.values()
    hour, extra = (
        sum(getattr(one, name) for one in every) for name in ("within_hour", "hour_extra")
    )
    changed = sum(one.changed_amount for one in every)
    if hour:
        net = hour - extra
        word = "save" if net > 0 else "cost"
        yield (
            f"A cache life of an hour throughout would {word} {dollars(abs(net))}: {dollars(hour)} "
            f"fewer tokens paid anew, {dollars(extra)} more for writes."
        )
    if changed:
        yield f"A prefix that stays the same would save {dollars(changed)}."
    yield (
        "Repeated: tokens that the prompt before had in the cache, of which so many were read; "
        "the others were paid anew, since the cache had expired or the prefix had changed."
    )
    yield (
        "Read: measured. Lost: assumed, as a prompt no shorter than the one before in its "
        "conversation is taken to begin with it. Life: 5 minutes, an hour where written so, 10 "
        "minutes (assumed) where a provider caches by itself."
    )


def print_speed(report: Report) -> None:
    """Speed felt, by tool and model."""
    if not report.speed:
        return
    head("Token speed felt")
    rows = [
        [
            NAMES.get(one.tool, one.tool),
            named(one.model),
            f"{one.requests:,}",
            seconds(one.first) + ("*" if one.first_is == "block" else ""),
            seconds(one.first_slow) + ("*" if one.first_is == "block" else ""),
            rate(one.speed),
            rate(one.speed_slow),
        ]
        for one in report.speed[:MOST_ROWS]
    ]
    headings = ("timed", "first p50", "p90", "tok/s p50", "p90")
    columns = [Column("tool"), Column("model"), *(Column(name, True) for name in headings)]
    print_table(columns, rows)
    say(_speed_notes(report))


def _speed_notes(report: Report) -> Iterator[str]:
    words = (
        "p50 is the middle one; 9 of 10 were no worse than p90. Measured, from times in the logs"
    )
    blocks = any(one.first_is == "block" for one in report.speed)
    yield (
        f"{words}; *: to the first whole block, later than the first token."
        if blocks
        else f"{words}."
    )
    yield (
        "tok/s: output over the whole request, its wait included, of answers of 32 tokens and more."
    )
    if any(one.tool == "vllm" for one in report.speed):
        yield "vLLM: the engine's own averages, shared out over its running requests."


def print_elsewhere(report: Report) -> None:
    """What tiers, other models and chips of one's own would have cost."""
    found = report.elsewhere
    if not found.amount:
        return
    head("The same tokens elsewhere")
    whole = found.amount
    most = max(whole, *(one.amount for one in found.models)) if found.models else whole
    rows = [["as it is, today's prices", dollars(whole, most), "", ""]]

    def row(name: str, amount: int, note: str) -> None:
        rows.append([name, dollars(amount, most), _change(amount, whole), note])

    for tier, (sold, amount) in found.tiers.items():
        note = "" if sold == whole else f"sold for {share_of(sold, whole)} of the cost"
        row(f"as it is, {tier} tier", amount, note)
    for one in found.models:
        note = f"{one.too_long:,} prompts too long" if one.too_long else ""
        row(one.name, one.amount, note)
    for own in found.own:
        if own.amount is None:
            rows.append([own.name, "-", "", own.words])
        else:
            row(own.name, round(own.amount * PICO_PER_DOLLAR), own.words)
    columns = [Column(""), Column("cost", True), Column("change", True), Column("")]
    print_table(columns, rows)
    say(
        [
            f"Priced: catalogue of {report.taken}. Assumed: the same number of tokens, though "
            "every model counts and answers otherwise, and the same share of each prompt from a "
            "cache. Own chips: 32 requests at a time of the mean length, neocloud rents while "
            "busy, 80% interval."
        ]
    )


def _change(amount: int, whole: int) -> str:
    share = amount / whole - 1
    return f"{share:+.1%}" if share < -0.99 else f"{share:+.0%}"
