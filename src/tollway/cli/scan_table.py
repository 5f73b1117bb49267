"""What `tollway scan` prints for people, in 80 columns.

Rules
1. Every section ends with where its numbers come from: measured, priced, stated or assumed.
2. A row that is left out for length is summed up in one that says so, so that sums still hold.
3. Without --show-paths a project is its number in order of cost, and a file its name.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final

from tollway.cli.scan_findings import print_cache, print_elsewhere, print_speed
from tollway.cli.scan_report import Group, Report
from tollway.cli.scan_words import (
    MOST_ROWS,
    NAMES,
    NARROW,
    WIDEST,
    bold,
    day,
    dollars,
    head,
    named,
    say,
    share_of,
    tokens,
)
from tollway.cli.table import Column, print_table, printable
from tollway.hindsight.money import Totals

MOST_DAYS: Final = 14
BAR: Final = 16


def print_report(report: Report, *, show_paths: bool) -> None:
    """Print every section that has something to say."""
    _print_headline(report)
    _print_read(report)
    for by, groups in report.spend.items():
        _print_spend(report, by, groups, show_paths=show_paths)
    say(_spend_notes(report))
    _print_bills(report)
    print_cache(report)
    print_speed(report)
    print_elsewhere(report)
    lines = unread_lines(report, show_paths=show_paths)
    if lines:
        head("Not read")
        say(lines, folded=not show_paths)


def _print_headline(report: Report) -> None:
    """The first answer, in one sentence."""
    total = report.total
    if not report.calls:
        return
    days = f"{day(report.calls[0].at)} to {day(report.calls[-1].at)}"
    what = f"{tokens(total.input)} tokens in, {tokens(total.output)} out"
    bold(f"{dollars(total.amount)} at public prices: {what}, {days}")
    sys.stdout.write("\n")


def _print_read(report: Report) -> None:
    rows: list[list[str]] = []
    for tool, files in report.read.most_common():
        its = [call for call in report.calls if call.tool == tool]
        requests = sum(call.requests for call in its)
        span = f"{day(its[0].at)} to {day(its[-1].at)}" if its else "-"
        rows.append([NAMES.get(tool, tool), f"{files:,}", _count(requests), span])
    columns = [
        Column("read"),
        Column("files", True),
        Column("requests", True),
        Column("days (UTC)"),
    ]
    print_table(columns, rows)


def _print_spend(
    report: Report, by: tuple[str, ...], groups: list[Group], *, show_paths: bool
) -> None:
    head(f"Spend by {' and '.join(by)}")
    days, wide = by == ("day",), len(by) == 1
    shown, rest = _shortened(groups, MOST_DAYS if days else MOST_ROWS, last=days)
    most = max((group.totals.amount for group in shown), default=0)
    names = {**NAMES, **_projects(groups, by, show_paths=show_paths)}
    whole = report.total.amount
    blank = [""] * (len(by) - 1)
    widest = None if show_paths else WIDEST if wide else NARROW

    def cells(words: Sequence[str], totals: Totals, last: str) -> list[str]:
        cached = [share_of(totals.cached, totals.input)] if wide else []
        return [
            *(named(names.get(word, word), widest) for word in words),
            _count(totals.requests),
            tokens(totals.input),
            *cached,
            tokens(totals.output),
            dollars(totals.amount, whole) if totals.amount or not totals.unpriced else "?",
            *([last] if wide else []),
        ]

    def share(totals: Totals) -> str:
        return _bar(totals.amount, most) if days else share_of(totals.amount, whole)

    rows = [cells(group.words, group.totals, share(group.totals)) for group in shown]
    if rest is not None:
        word, last = ("earlier days", "") if days else ("others", share(rest))
        rows.insert(0 if days else len(rows), cells([word, *blank], rest, last))
    cached, last = (["cached"], ["" if days else "share"]) if wide else ([], [])
    numbers = [Column(name, True) for name in ("requests", "input", *cached, "output", "cost")]
    columns = [*map(Column, by), *numbers, *(Column(name, not days) for name in last)]
    print_table(columns, rows, cells(["total", *blank], report.total, ""))


def _count(requests: int) -> str:
    """A dash where the logs count none."""
    return f"{requests:,}" if requests else "-"


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
    if report.as_short:
        yield (
            f"{report.as_short:,} rows of exports don't say how long their prompts were: they are "
            "priced as short ones."
        )
    if report.searches:
        yield f"{report.searches:,} web searches are not in the cost."
    if report.partial:
        yield f"{report.partial:,} answers have no end in the log: their output is at least this."
    yield from (f"Warning: {words}" for words in report.warnings)


def _print_bills(report: Report) -> None:
    if not report.bills:
        return
    head("Billed")
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
    say([f"Stated by cost exports, {day(first)} to {day(last)}; not added to the spend above."])


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
