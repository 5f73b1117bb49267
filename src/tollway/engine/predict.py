"""From a question to an answer: deploy, replay the load, attach intervals and what binds.

Rules
1. A range in what is known of a chip is a range in the answer: both ends are asked.
2. Without a known rate of arithmetic there is no TTFT, unless one is assumed; TPOT is then the best
   that memory allows.
3. What no measured result is near gets scenarios beside its interval, never a narrow band.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from tollway.catalog import Chip
from tollway.engine.answer import Bound, Estimate, Prediction, Scenario, TierUse
from tollway.engine.constants import BLOCK
from tollway.engine.deployment import Deployment, deploy
from tollway.engine.disaggregated import Pair, pair_outcome
from tollway.engine.fitted import Constants, constants
from tollway.engine.intervals import Interval, Spread, origin_of, outgrown, spread_of
from tollway.engine.outcome import Outcome, Rehearsal, rehearse, timed
from tollway.engine.question import Question, Workload
from tollway.engine.warnings import warnings_of
from tollway.errors import TollwayError

BUSY = 0.95
"""A prefill pool that works for at least this share of the time is what decode waits for."""

SLOWDOWNS = (1.0, 2.0, 4.0)
"""Software maturity of silicon that nobody has measured: as on mature chips, and what first-year
software has been seen to lose elsewhere (1.5 to 6 times; docs/concepts/engine.md)."""


def predict(
    question: Question,
    *,
    fitted: Constants | None = None,
    seen: Mapping[str, float] | None = None,
) -> Prediction:
    """TTFT, TPOT, throughput, memory, energy and price of a deployment under a load. `fitted` are
    constants of one's own, as `calibrate` makes them: the answer is then "measured here". `seen` is
    what was observed of such a deployment over what was answered, where that was outside its
    interval: the answer is then "stale".

    Raises:
        TollwayError: the deployment cannot be, with the arithmetic; or the load is none.
    """
    _check(question)
    used = fitted or constants()
    known = _with_rates(question)
    ends = [_answer(_at(known, share), used) for share in _shares(known)]
    middle = ends[len(ends) // 2]
    spread = spread_of(question, middle.rehearsal.saturated, calibrated=fitted is not None)
    if seen is not None:
        spread = outgrown(spread, seen)
    return _prediction(known, question, ends, spread)


class _Answer:
    """One end of what is known: a deployment and what the load does to it."""

    __slots__ = ("chips", "deployment", "outcome", "pair", "rehearsal", "tokens")

    def __init__(
        self, rehearsal: Rehearsal, outcome: Outcome, pair: Pair | None, chips: int
    ) -> None:
        self.deployment = rehearsal.deployment
        self.rehearsal = rehearsal
        self.outcome = outcome
        self.pair = pair
        self.chips = chips
        self.tokens = rehearsal.output_tokens / outcome.seconds


def _answer(question: Question, used: Constants) -> _Answer:
    deployment = deploy(question.model, question.chip, question.layout, question.settings)
    _check_length(question, deployment)
    if question.prefill is not None:
        pair = pair_outcome(question, deployment, used)
        answer = _Answer(pair.rehearsal, pair.outcome, pair, pair.chips)
        answer.tokens = pair.tokens
        return answer
    rehearsal = rehearse(deployment, question.settings, question.workload, used)
    answer = _Answer(rehearsal, timed(rehearsal, used), None, question.layout.chips)
    if rehearsal.users is None:
        answer.tokens = _steady(question.workload, rehearsal, answer.outcome)
    return answer


def _steady(load: Workload, rehearsal: Rehearsal, outcome: Outcome) -> float:
    """Tokens a second while requests still arrive: without the last stream's time alone."""
    offered = (load.rate or 0.0) * load.output_tokens
    drained = outcome.seconds - load.output_tokens * outcome.tpot
    return offered if drained <= 0 else min(offered, rehearsal.output_tokens / drained)


def _check(question: Question) -> None:
    load = question.workload
    if load.input_tokens < 1 or load.output_tokens < 2:
        raise TollwayError(
            f"{load.input_tokens} tokens in and {load.output_tokens} out cannot be. A prompt has at "
            "least one token, and an answer two: of one there is no time between tokens."
        )
    if load.concurrency is not None and load.concurrency < 1:
        raise TollwayError(f"concurrency is {load.concurrency}. It is 1 user or more.")
    if load.rate is not None and load.rate <= 0:
        raise TollwayError(f"rate is {load.rate:g}. It is requests a second, above zero.")
    if not 0.0 <= load.spread < 1.0:
        raise TollwayError(f"spread is {load.spread:g}. It is from 0 to below 1.")
    if not 0.0 <= question.settings.prefix_share < 1.0:
        share = question.settings.prefix_share
        raise TollwayError(f"prefix_share is {share:g}. It is from 0 to below 1.")
    said = question.settings.speculation
    if said is not None and not 0.0 <= said.accepted <= said.drafted:
        raise TollwayError(
            f"{said.accepted:g} of {said.drafted} drafted tokens cannot be accepted. "
            "The acceptance is a mean from 0 to the drafted tokens."
        )


def _check_length(question: Question, deployment: Deployment) -> None:
    load = question.workload
    longest = round((load.input_tokens + load.output_tokens) * (1 + load.spread))
    if longest <= deployment.context:
        return
    capacity, declared = deployment.capacity, question.settings.context
    if declared is not None:
        why, mend = "that is declared", "Declare a longer one, or use shorter requests."
    elif deployment.context == question.model.context:
        why, mend = f"that {question.model.name} was made for", "Use shorter requests."
    else:
        blocks = f"{capacity.kv / 1e9:.1f} GB of KV memory a chip"
        why = f"that fits: {blocks} / {capacity.token_bytes:,.0f} bytes a token"
        mend = "Use shorter requests or more chips."
    raise TollwayError(
        f"{load.input_tokens} tokens in + {load.output_tokens} out, up to {longest}, is more than "
        f"the context of {deployment.context} tokens {why}. {mend}"
    )


def _with_rates(question: Question) -> Question:
    """Rule 2. An unknown rate is taken as boundless until TTFT is refused for it."""
    chip = question.chip
    if "bf16" in chip.flops or "bf16_tflops" in chip.ranges:
        return question
    assumed = question.assumed_flops
    rate = float("inf") if assumed is None else sum(assumed) / 2
    return replace(question, chip=replace(chip, flops=MappingProxyType({"bf16": rate})))


def _shares(question: Question) -> tuple[float, ...]:
    pool = question.prefill
    ranges = bool(question.chip.ranges) or (pool is not None and bool(pool.chip.ranges))
    return (0.0, 0.5, 1.0) if ranges or question.assumed_flops is not None else (0.5,)


def _at(question: Question, share: float) -> Question:
    """The question at one end of what is known of its chips (rule 1)."""
    pool = question.prefill
    if pool is not None and pool.chip.ranges:
        question = replace(question, prefill=replace(pool, chip=pool.chip.at(share)))
    chip: Chip = question.chip.at(share) if question.chip.ranges else question.chip
    assumed = question.assumed_flops
    if assumed is not None:
        rate = assumed[0] + share * (assumed[1] - assumed[0])
        chip = replace(chip, flops=MappingProxyType({"bf16": rate}))
    return replace(question, chip=chip)


def _prediction(
    known: Question, question: Question, ends: list[_Answer], spread: Spread
) -> Prediction:
    middle = ends[len(ends) // 2]
    outcome = middle.outcome
    chips = middle.chips
    blind = known.chip.flops.get("bf16") == float("inf")
    tpot = _range([end.outcome.tpot for end in ends], middle.outcome.tpot, spread.tpot)
    ttft = _range([end.outcome.ttft for end in ends], middle.outcome.ttft, spread.ttft)
    tokens = _range([end.tokens for end in ends], middle.tokens, spread.tpot.flipped())
    return Prediction(
        ttft=None if blind else ttft,
        tpot=tpot,
        user_tokens=Estimate(1 / tpot.value, 1 / tpot.high, 1 / tpot.low),
        chip_tokens=_scaled(tokens, 1 / chips),
        total_tokens=tokens,
        requests=_scaled(tokens, 1 / question.workload.output_tokens),
        energy=_cost(tokens, _watts(question, middle)),
        usd_per_mtok=_cost(tokens, _dollars(question, middle)),
        memory=_memory(middle),
        kv_tokens=middle.deployment.blocks * BLOCK,
        running=outcome.running,
        waiting=outcome.waiting,
        preempted=middle.rehearsal.preempted / max(1, middle.rehearsal.requests),
        chips=chips,
        precision=middle.deployment.precision,
        origin=spread.origin,
        binds=_binds(middle),
        shares=MappingProxyType(outcome.shares),
        scenarios=_scenarios(question, middle, blind=blind),
        warnings=warnings_of(question, middle.deployment, middle.rehearsal),
        refused=_refused(question) if blind else (),
    )


def _range(values: list[float], value: float, interval: Interval) -> Estimate:
    return Estimate(value, min(values) * interval.low, max(values) * interval.high)


def _scaled(one: Estimate, factor: float) -> Estimate:
    return Estimate(one.value * factor, one.low * factor, one.high * factor)


def _cost(tokens: Estimate, per_second: float | None) -> Estimate | None:
    if per_second is None:
        return None
    return Estimate(per_second / tokens.value, per_second / tokens.high, per_second / tokens.low)


def _watts(question: Question, answer: _Answer) -> float | None:
    power = question.chip.power
    if power is None:
        return None
    if question.prefill is None or answer.pair is None:
        return power * answer.chips
    other = question.prefill.chip.power
    return (
        None
        if other is None
        else power * answer.pair.decode_chips + (other * answer.pair.prefill_chips)
    )


def _dollars(question: Question, answer: _Answer) -> float | None:
    """Dollars a second, times a million: dollars a million tokens once divided by tokens."""
    price = question.chip_hour_usd
    if price is None:
        return None
    hour = price * answer.chips
    if answer.pair is not None:
        other = question.prefill_hour_usd
        other = price if other is None else other
        hour = price * answer.pair.decode_chips + other * answer.pair.prefill_chips
    return hour / 3600 * 1e6


def _memory(answer: _Answer) -> tuple[TierUse, ...]:
    deployment = answer.deployment
    capacity = deployment.capacity
    left = answer.outcome.context / deployment.layout.attention_dp * capacity.token_bytes
    slowest, uses = (-1.0, 0), list[TierUse]()
    for at, room in enumerate(capacity.tiers):
        used = min(left, room.kv) if at + 1 < len(capacity.tiers) else left
        left -= used
        seconds = (room.weights + used) / (room.bandwidth or 1.0)
        slowest = max(slowest, (seconds, at))
        uses.append(
            TierUse(
                kind=room.kind,
                size=room.size,
                usable=room.usable,
                weights=room.weights,
                runtime=room.runtime,
                kv_room=room.kv,
                kv_used=round(min(used, room.kv)),
                binding=False,
            )
        )
    uses[slowest[1]] = replace(uses[slowest[1]], binding=True)
    return tuple(uses)


def _binds(answer: _Answer) -> Bound:
    if answer.pair is not None and answer.pair.prefill_busy >= BUSY:
        return "prefill"
    if answer.rehearsal.saturated:
        return "capacity"
    causes = answer.outcome.causes
    names: tuple[Bound, ...] = ("bandwidth", "compute", "network", "overhead")
    return max(names, key=lambda name: causes[name])


def _scenarios(question: Question, answer: _Answer, *, blind: bool) -> tuple[Scenario, ...]:
    if origin_of(question) != "spec sheet":
        return ()
    outcome, taken = answer.outcome, answer.deployment.software
    return tuple(
        Scenario(
            name=f"software x{slowdown:g}",
            slowdown=slowdown,
            ttft=None if blind else outcome.ttft * slowdown / taken,
            tpot=outcome.tpot * slowdown / taken,
            chip_tokens=answer.tokens / answer.chips / slowdown * taken,
        )
        for slowdown in SLOWDOWNS
    )


def _refused(question: Question) -> tuple[str, ...]:
    return (
        f"TTFT: the arithmetic rate of {question.chip.name} is not published, and prefill is "
        "arithmetic. Assume one: --assume bf16_tflops=LO..HI.",
    )
