"""What `tollway scan` prints for people, in 80 columns.

Rules
1. Every section ends with where its numbers come from: measured, priced, stated or assumed.
2. A row that is left out for length is summed up in one that says so, so that sums still hold.
3. Without --show-paths a project is its number in order of cost, and a file its name.
"""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

from tollway.cli.scan_report import Group, Report
from tollway.cli.table import Column, print_table, printable
from tollway.hindsight.money import Totals
from tollway.units import format_usd

NAMES: Final = {
    "claude-code": "Claude Code",
    "codex": "Codex",
    "gemini-cli": "Gemini CLI",
    "openai-export": "OpenAI's export",
    "anthropic-export": "Anthropic's export",
    "export": "exports",
    "litellm": "LiteLLM",
    "vllm": "vLLM",
}
MOST_ROWS: Final = 20
MOST_DAYS: Final = 14
BAR: Final = 16
WIDEST: Final = 26
"""Characters of a model's name; a longer one loses its middle."""


def print_report(report: Report, *, show_paths: bool) -> None:
    """Print every section that has something to say."""
    _print_read(report)
    for by, groups in report.spend.items():
        _print_spend(report, by, groups, show_paths=show_paths)
    _say(_spend_notes(report))
    _print_bills(report)
    _print_cache(report)
    _print_speed(report)
    _print_elsewhere(report)
    lines = unread_lines(report, show_paths=show_paths)
    if lines:
        _head("Not read")
        _say(lines)


def _head(words: str) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markup import escape

        Console().print(f"\n[bold]{escape(words)}[/bold]")
    else:
        sys.stdout.write(f"\n{words}\n")


def _say(lines: Sequence[str] | Iterator[str]) -> None:
    import textwrap

    for line in lines:
        folded = textwrap.wrap(printable(line), 80, subsequent_indent="  ", break_on_hyphens=False)
        sys.stdout.write("\n".join(folded) + "\n")


def tokens(count: int) -> str:
    """`812`, `14.2k`, `3.61M`, `1.04B`: three digits that count."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size * 0.9995:
            value = count / size
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"
    return str(count)


def dollars(amount: int) -> str:
    """Cents, or more places for less than a dime."""
    return format_usd(amount, 2 if abs(amount) >= 10**11 or not amount else 4)


def _name(model: str) -> str:
    if len(model) <= WIDEST:
        return model
    half = (WIDEST - 1) // 2
    return f"{model[:half]}…{model[len(model) - (WIDEST - 1 - half) :]}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _print_read(report: Report) -> None:
    rows: list[list[str]] = []
    for tool, files in report.read.most_common():
        its = [call for call in report.calls if call.tool == tool]
        requests = sum(call.requests for call in its)
        span = f"{_day(its[0].at)} to {_day(its[-1].at)}" if its else "-"
        rows.append([NAMES.get(tool, tool), f"{files:,}", f"{requests:,}", span])
    columns = [
        Column("read"),
        Column("files", True),
        Column("requests", True),
        Column("days (UTC)"),
    ]
    print_table(columns, rows)


_SPEND: Final = ("requests", "input", "cached", "output", "cost", "share")


def _print_spend(
    report: Report, by: tuple[str, ...], groups: list[Group], *, show_paths: bool
) -> None:
    _head(f"Spend by {' and '.join(by)}")
    days = by == ("day",)
    shown, rest = _shortened(groups, MOST_DAYS if days else MOST_ROWS, last=days)
    most = max((group.totals.amount for group in shown), default=0)
    names = _projects(groups, by, show_paths=show_paths)

    def cells(words: Sequence[str], totals: Totals, of: int) -> list[str]:
        share = _bar(totals.amount, most) if days and of else _share(totals.amount, of)
        money = dollars(totals.amount) if totals.amount or not totals.unpriced else "?"
        return [
            *map(_name, words),
            f"{totals.requests:,}",
            tokens(totals.input),
            _share(totals.cached, totals.input),
            tokens(totals.output),
            money,
            share,
        ]

    whole = report.total.amount
    rows = [cells([names.get(w, w) for w in g.words], g.totals, whole) for g in shown]
    if rest is not None:
        word = "earlier days" if days else "others"
        blank = [""] * (len(by) - 1)
        rows.insert(0 if days else len(rows), cells([word, *blank], rest, 0 if days else whole))
    columns = [*map(Column, by), *(Column(name, True) for name in _SPEND)]
    if days:
        columns[-1] = Column("")
    total = cells(["total", *[""] * (len(by) - 1)], report.total, 0)
    print_table(columns, rows, [*total[:-1], ""])


def _shortened(groups: list[Group], most: int, *, last: bool) -> tuple[list[Group], Totals | None]:
    """At most so many groups, and the sums of the others (rule 2)."""
    if len(groups) <= most:
        return groups, None
    shown, others = (groups[-most:], groups[:-most]) if last else (groups[:most], groups[most:])
    rest = Totals()
    for group in others:
        for name in Totals.__slots__:
            setattr(rest, name, getattr(rest, name) + getattr(group.totals, name))
    return shown, rest


def _bar(amount: int, most: int) -> str:
    eighths = round(amount / most * BAR * 8) if most else 0
    whole, part = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[part] if part else "")


def _projects(groups: list[Group], by: tuple[str, ...], *, show_paths: bool) -> dict[str, str]:
    if "project" not in by or show_paths:
        return {}
    at = by.index("project")
    paths = dict.fromkeys(group.words[at] for group in groups if group.words[at] != "-")
    return {path: f"project {number}" for number, path in enumerate(paths, 1)}


def _spend_notes(report: Report) -> Iterator[str]:
    total = report.total
    kinds = ["Tokens and requests: measured, from the logs."]
    if total.amount - total.stated:
        kinds.append(f"Cost: priced by date from the catalogue of {report.taken}.")
    if total.stated:
        kinds.append(f"Of it {dollars(total.stated)} is stated by the logs themselves.")
    yield " ".join(kinds)
    if any(call.tool in ("claude-code", "codex", "gemini-cli") for call in report.calls):
        yield "A subscription is billed otherwise: this is what its tokens cost by the token."
    for model, its in report.unpriced.items():
        yield (
            f"No price is known of {model}: {its.requests:,} requests, {tokens(its.input)} in and "
            f"{tokens(its.output)} out are in no sum of money."
        )
    if report.as_standard:
        yield f"{report.as_standard:,} requests in a tier without a known price count as standard."
    if report.searches:
        yield f"{report.searches:,} web searches are not in the cost."
    if report.partial:
        yield f"{report.partial:,} answers have no end in the log: their output is at least this."
    yield from (f"Warning: {words}" for words in report.warnings)


def _print_bills(report: Report) -> None:
    if not report.bills:
        return
    _head("Billed")
    sums: dict[tuple[str, str], int] = {}
    for bill in report.bills:
        key = bill.tool, bill.item
        sums[key] = sums.get(key, 0) + bill.amount
    rows = [
        [NAMES[tool], item if len(item) <= 44 else f"{item[:43]}…", dollars(amount)]
        for (tool, item), amount in sorted(sums.items(), key=lambda one: -one[1])
    ]
    shown = rows[:MOST_ROWS]
    total = ["total", f"{len(rows):,} items", dollars(sum(sums.values()))]
    print_table([Column("by"), Column("for"), Column("amount", True)], shown, total)
    first, last = report.bills[0].at, max(bill.at for bill in report.bills)
    _say([f"Stated by cost exports, {_day(first)} to {_day(last)}; not added to the spend above."])


def _print_cache(report: Report) -> None:
    found = {model: one for model, one in report.cache.items() if one.repeated}
    if not found:
        return
    _head("Cache hits lost")
    ordered = sorted(found.items(), key=lambda one: -(one[1].expired + one[1].changed))
    rows = [
        [
            _name(model),
            tokens(one.repeated),
            _share(one.read, one.repeated),
            tokens(one.expired),
            dollars(one.expired_amount),
            tokens(one.changed),
            dollars(one.changed_amount),
        ]
        for model, one in ordered[:MOST_ROWS]
    ]
    headings = ("repeated", "read", "expired", "cost", "changed", "cost")
    print_table([Column("model"), *(Column(name, True) for name in headings)], rows)
    _say(_cache_notes(report))


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
        "Tokens read: measured. Lost: assumed, since a prompt that is no shorter than the one "
        "before in its conversation is taken to begin with it; expired after 5 minutes (an hour "
        "where written so), or 10 where the provider caches by itself."
    )


def _print_speed(report: Report) -> None:
    if not report.speed:
        return
    _head("Token speed felt")
    rows = [
        [
            NAMES.get(one.tool, one.tool),
            _name(one.model),
            f"{one.requests:,}",
            _seconds(one.first) + ("*" if one.first_is == "block" else ""),
            _seconds(one.first_slow) + ("*" if one.first_is == "block" else ""),
            _rate(one.speed),
            _rate(one.speed_slow),
        ]
        for one in report.speed[:MOST_ROWS]
    ]
    headings = ("timed", "first p50", "p90", "tok/s p50", "p90")
    columns = [Column("tool"), Column("model"), *(Column(name, True) for name in headings)]
    print_table(columns, rows)
    _say(_speed_notes(report))


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


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        f"{value:.0f} s"
        if value >= 9.95
        else f"{value:.1f} s"
        if value >= 0.95
        else f"{value * 1000:.0f} ms"
    )


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"


def _print_elsewhere(report: Report) -> None:
    found = report.elsewhere
    if not found.amount:
        return
    _head("The same tokens elsewhere")
    rows = [["as it is, standard tier, today's prices", dollars(found.amount), "", ""]]
    for tier, (sold, amount) in found.tiers.items():
        note = "" if sold == found.requests else f"sold for {sold:,} of {found.requests:,}"
        rows.append([f"as it is, {tier} tier", *_against(amount, found.amount), note])
    for one in found.models:
        note = f"{one.too_long:,} prompts too long" if one.too_long else ""
        rows.append([one.name, *_against(one.amount, found.amount), note])
    for own in found.own:
        if own.amount is None:
            rows.append([own.name, "-", "", own.words])
            continue
        amount = round(own.amount * 10**12)
        rows.append([own.name, *_against(amount, found.amount), own.words])
    columns = [Column(""), Column("cost", True), Column("change", True), Column("")]
    print_table(columns, rows)
    _say(
        [
            f"Priced: catalogue of {report.taken}. Assumed: the same number of tokens, though "
            "every model counts and answers otherwise, and the same share of each prompt from a cache."
        ]
    )


def _against(amount: int, whole: int) -> tuple[str, str]:
    return dollars(amount), f"{amount / whole - 1:+.0%}"


def unread_lines(report: Report, *, show_paths: bool) -> list[str]:
    """What was not read: how many, of what, and where the first one is."""
    lines: list[str] = []
    for one in report.unread:
        first = one.first if show_paths else PurePath(one.first).name
        tool = NAMES.get(one.tool, one.tool)
        lines.append(f"{tool}: {one.count:,} {one.why}; first: {printable(first)}")
    if report.left_out and report.calls:
        lines.append(f"{report.left_out:,} requests outside of the time asked for.")
    return lines
