"""Scores in words and for programs; docs/reference/twin-json.md says what every key is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from shlex import join

from tollway.fleet.objects import Fleet
from tollway.simulator.scores import Figure, Score, Stale, Trio

DAY = 86_400


def stale_words(one: Stale) -> str:
    """What makes it stale, in a sentence."""
    last = one.last
    ratios = " and ".join(
        f"{name.upper()} x{ratio:.2f}" for name, ratio in sorted(one.seen.items())
    )
    return (
        f"{last.claim.model} on {last.claim.chip} is stale: on {listed_days(one.days)} "
        f"{last.source} had {ratios} of what was predicted, outside the 80% interval. "
        "`tollway twin` says more, and how to mend it."
    )


def listed_days(days: Sequence[int]) -> str:
    """`2026-11-20 and 2026-11-21`."""
    words = [day_words(day) for day in days]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def day_words(day: int) -> str:
    """`2026-11-20`."""
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def outside_words(one: Stale) -> str:
    """How far outside of its interval, and when."""
    ratios = [
        f"{name.upper()} x{ratio:.2f} of what was predicted" for name, ratio in one.seen.items()
    ]
    return f"{' and '.join(ratios)}, outside the 80% interval, on {listed_days(one.days)}"


def mend(ledger: str, fleet: Fleet, calibrated: Mapping[Trio, str], one: Stale) -> str | None:
    """The command that fits the model anew to what the source did, by the `ledger` at a path; None
    where there is no source to calibrate. `calibrated` are the paths of constants of one's own."""
    last = one.last
    source = fleet.sources.get(last.source)
    if last.emulated or source is None or source.silicon is None:
        return None
    serving, silicon = source.serves.get(last.model), source.silicon
    if serving is None:
        return None
    claim = last.claim
    words = ["tollway", "calibrate", ledger, "--source", last.source]
    words += ["--model", last.model, "--chip", silicon.chip, "--tp", f"{silicon.tp}"]
    if serving.precision is not None:
        words += ["--precision", serving.precision]
    if serving.context is not None:
        words += ["--context", f"{serving.context}"]
    words += ["--since", day_words(one.days[0])]
    own = calibrated.get((claim.model, claim.chip, claim.engine))
    words += ["--output", f"{last.source}.calibrated.toml" if own is None else own]
    return join(words if own is None else [*words, "--force"])


def stale_for_programs(one: Stale, line: str | None) -> dict[str, object]:
    """Something stale and the command `line` that mends it."""
    return {
        "source": one.last.source,
        "model": one.last.model,
        "days": [day_words(day) for day in one.days],
        "observed_over_predicted": dict(one.seen),
        "emulated": one.last.emulated,
        "mend": line,
    }


def score_for_programs(one: Score) -> dict[str, object]:
    """A score; times in seconds."""
    made = datetime.fromtimestamp(one.made, UTC)
    return {
        "day": day_words(one.day),
        "source": one.source,
        "model": one.model,
        "chip": one.claim.chip,
        "engine": one.claim.engine,
        "deployment": one.deployment,
        "constants": one.claim.constants,
        "provenance": one.provenance,
        "version": one.version,
        "made": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "emulated": one.emulated,
        "fitted_on_it": one.fitted_later,
        "near_its_knee": one.near,
        "requests": one.requests,
        "figures": {each.name: _figure(each) for each in one.figures},
    }


def _figure(one: Figure) -> dict[str, object]:
    return {
        "requests": one.requests,
        "observed_s": one.observed,
        "predicted_s": one.predicted,
        "low_s": one.low,
        "high_s": one.high,
        "error": one.error,
        "held": one.side is None,
    }
