"""A drill's report, for people and for programs."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec

from tollway.cli.table import Column, print_table
from tollway.ledger.drills import Felt, Period
from tollway.ledger.moments import stamp
from tollway.units import PicoDollars, format_usd, usd


@dataclass(frozen=True, slots=True)
class Drilled:
    """A whole drill: `lost` are those without the source, `kept` those beside them; `open` requests
    had not ended yet."""

    source: str
    share: float
    period: Period
    early: bool
    lost: Felt
    kept: Felt
    open: int

    @property
    def held(self) -> bool:
        """Whether users were drilled and none of them failed."""
        return self.lost.requests > 0 and self.lost.failed == 0

    @property
    def verdict(self) -> str:
        """In one sentence, what the drill showed."""
        lost, kept = self.lost, self.kept
        if not lost.requests:
            return (
                f"Nobody was drilled, so nothing is known of the fallback for {self.source}: "
                "there was too little traffic for this share. Drill longer, or a larger share."
            )
        slower = ""
        if lost.ttft_p50 is not None and kept.ttft_p50 is not None:
            slower = f"; TTFT p50 {_seconds(lost.ttft_p50)} instead of {_seconds(kept.ttft_p50)}"
        if not lost.failed:
            return f"Held: {lost.requests:,} users did without {self.source}, none failed{slower}."
        beside = f"{kept.failed:,} of {kept.requests:,} failed beside them"
        return (
            f"NOT held: {lost.failed:,} of {lost.requests:,} users without {self.source} failed "
            f"({beside}){slower}."
        )


def print_report(drilled: Drilled) -> None:
    """The table to standard output, the words below it to standard error."""
    lost, kept = drilled.lost, drilled.kept
    columns = [Column(""), Column(f"without {drilled.source}", True), Column("beside them", True)]
    rows = [
        ["requests", f"{lost.requests:,}", f"{kept.requests:,}"],
        ["  ok", f"{lost.ok:,}", f"{kept.ok:,}"],
        ["  failed or refused", f"{lost.failed:,}", f"{kept.failed:,}"],
        *_counts(lost.failures, kept.failures),
        ["  left by the client", f"{lost.cancelled:,}", f"{kept.cancelled:,}"],
        ["answered by", "", ""],
        *_counts(lost.sources, kept.sources),
        ["TTFT p50", _seconds(lost.ttft_p50), _seconds(kept.ttft_p50)],
        ["TTFT p90", _seconds(lost.ttft_p90), _seconds(kept.ttft_p90)],
        ["tokens/s a stream, p50", _number(lost.speed_p50), _number(kept.speed_p50)],
        ["cost a request", _each(lost), _each(kept)],
    ]
    print_table(columns, rows)
    if drilled.open:
        sys.stderr.write(f"{drilled.open:,} requests had not ended yet and are not counted.\n")
    sys.stdout.write(f"{drilled.verdict}\n")


def as_json(drilled: Drilled) -> str:
    """One JSON object. Times in seconds, speed in tokens a second, money in USD."""
    whole = {
        "source": drilled.source,
        "share": drilled.share,
        "since": stamp(drilled.period.since),
        "until": stamp(drilled.period.until),
        "ended_early": drilled.early,
        "routes": drilled.period.routes,
        "held": drilled.held,
        "verdict": drilled.verdict,
        "drilled": _facts(drilled.lost),
        "beside": _facts(drilled.kept),
        "open": drilled.open,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _facts(group: Felt) -> dict[str, object]:
    facts = asdict(group)
    del facts["cost"]
    facts["failed"] = group.failed
    facts["cost_usd"] = f"{usd(group.cost):f}"
    return facts


def _counts(left: Mapping[str, int], right: Mapping[str, int]) -> list[list[str]]:
    names = sorted({*left, *right}, key=lambda name: (-left.get(name, 0), name))
    return [[f"    {name}", f"{left.get(name, 0):,}", f"{right.get(name, 0):,}"] for name in names]


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _each(group: Felt) -> str:
    return format_usd(PicoDollars(group.cost // group.requests), 6) if group.requests else "-"
