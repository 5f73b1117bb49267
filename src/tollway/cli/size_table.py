"""What `tollway size` found, for people and for programs."""

from collections import Counter

import msgspec

from tollway.cli.replay_table import three
from tollway.cli.size_search import Placed, Sized
from tollway.simulator.placing import Placement
from tollway.simulator.sizing import Mix, Tried, weight_of


def mix_words(mix: Mix) -> str:
    """`3 x h200`, or `2 x h200-tp8 + 1 x b200`."""
    return " + ".join(f"{count} x {kind.name}" for kind, count in mix)


def chips_of(mix: Mix) -> float:
    """All chips of a mix."""
    return sum(kind.chips * count for kind, count in mix)


def _weight(weight: float, *, priced: bool) -> str:
    return f"${weight:,.2f} an hour" if priced else f"{weight:g} chips"


def as_text(one: Sized) -> str:
    """The best mix, what each kind alone would take, and the gap."""
    found = one.found
    if found.best is None:
        return "Nothing that was tried keeps the promise.\n" + _tries(one)
    best = found.best
    total = best.answer.report.total
    lines = [
        f"{one.model}: {mix_words(best.mix)}",
        f"  {chips_of(best.mix):g} chips, {_weight(best.weight, priced=one.priced)}",
        f"  promise kept to {best.share:.2%} of {one.requests:,} requests "
        f"(wanted {one.wanted.share:.2%})",
        f"  TTFT p50 / p90 / p99 {three(total.ttft)}; "
        f"{_speed(total.speed_p50)} tokens/s a stream at p50",
        *(
            f"  {use.source}: {use.work or 0:.0%} of a full batch's work, "
            f"{use.work_peak or 0:.0%} in its worst minute"
            for use in best.answer.uses
        ),
        "",
        "fewest of one kind alone:",
        *(_pure(name, tried, one) for name, tried in found.pure.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _speed(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _pure(name: str, tried: Tried, one: Sized) -> str:
    return (
        f"  {mix_words(tried.mix):<24} {chips_of(tried.mix):>5g} chips  "
        f"{_weight(tried.weight, priced=one.priced):>16}  kept {tried.share:.2%}  "
        f"({one.origins[name]})"
    )


def _tries(one: Sized) -> str:
    return "".join(
        f"  {mix_words(tried.mix)}: kept {tried.share:.2%}\n" for tried in one.found.tried
    )


def as_words(one: Sized) -> str:
    """How much was searched, for standard error."""
    found = one.found
    lines = [f"{len(found.tried)} candidates were played."]
    if found.gap is not None:
        least = _weight(found.bound, priced=one.priced)
        lines.append(
            f"No mix of these can be below {least} by the work in it and by what was played: "
            + (f"the best is {found.gap:.0%} above that." if found.gap > 0.0 else "that is it.")
        )
    if found.left:
        lines.append(f"{found.left} cheaper mixes of two kinds were not played.")
    if not one.priced:
        lines.append("Chips were counted, as no price is known for each of them: see --price.")
    lines += [f"cannot be: {reason}" for reason in one.refused]
    return "".join(f"{line}\n" for line in lines)


def as_json(one: Sized) -> str:
    """One JSON object."""
    found = one.found
    whole = {
        "model": one.model,
        "requests": one.requests,
        "best": None if found.best is None else _tried(found.best, one),
        "alone": [_tried(tried, one) for tried in found.pure.values()],
        "tried": [_tried(tried, one) for tried in found.tried],
        "minimised": "usd_an_hour" if one.priced else "chips",
        "bound": found.bound,
        "gap": found.gap,
        "mixes_not_played": found.left,
        "refused": one.refused,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _tried(tried: Tried, one: Sized) -> dict[str, object]:
    total = tried.answer.report.total
    return {
        "mix": [
            {"kind": kind.name, "replicas": count, "pace": one.origins[kind.name]}
            for kind, count in tried.mix
        ],
        "chips": chips_of(tried.mix),
        "usd_an_hour": weight_of(tried.mix) if one.priced else None,
        "promise_kept": tried.share,
        "ttft": total.ttft,
        "speed_p50": total.speed_p50,
        "work_peak": {use.source: use.work_peak for use in tried.answer.uses},
    }


def placed_text(found: Placed) -> str:
    """Which model has which part of which chip."""
    best = found.best
    if best is None:
        return "Nothing that was tried keeps every promise.\n"
    lines = [_placement(best, found)]
    for alike, count in Counter(tuple(sorted(chip, key=str)) for chip in best.chips).items():
        parts = Counter(f"{model} on {part.name}" for model, part in alike)
        shown = ", ".join(f"{n} x {what}" if n > 1 else what for what, n in parts.items())
        lines.append(f"  {count} x {best.chip}: {shown}")
    lines += [f"  {one.model}: promise kept to {one.share:.2%}" for one in best.options]
    lines += [f"instead: {_placement(other, found)}" for other in found.others]
    lines.append(f"{best.combinations:,} combinations of parts were packed.")
    return "".join(f"{line}\n" for line in lines)


def _placement(one: Placement, found: Placed) -> str:
    weight = found.weights[one.chip] * len(one.chips)
    dollars = f", ${weight:,.2f} an hour" if found.priced else ""
    return f"{len(one.chips)} x {one.chip}{dollars}"


def placed_json(found: Placed) -> str:
    """One JSON object."""
    every = ([] if found.best is None else [found.best]) + list(found.others)
    whole = {
        "placements": [
            {
                "chip": one.chip,
                "chips": [
                    [{"model": model, "part": part.name} for model, part in chip]
                    for chip in one.chips
                ],
                "usd_an_hour": found.weights[one.chip] * len(one.chips) if found.priced else None,
                "models": [
                    {
                        "model": option.model,
                        "part": option.part.name,
                        "engines": option.count,
                        "promise_kept": option.share,
                    }
                    for option in one.options
                ],
                "combinations": one.combinations,
            }
            for one in every
        ],
        "notes": found.notes,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
