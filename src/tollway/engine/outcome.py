"""What a load does to a deployment: the schedule is replayed, and its spans are timed.

Rules
1. With users who ask again at once the schedule does not depend on the constants: `rehearse` works
   it out once, and `timed` gives the means for any constants.
2. The time before the first token that is not in a step (HTTP, tokenizing, streaming) is added to
   TTFT and delays nobody else.
"""

from dataclasses import dataclass
from math import log

from tollway.catalog import ModelShape
from tollway.engine.deployment import Deployment
from tollway.engine.fitted import Constants, step_time
from tollway.engine.fitted import constants as fitted_constants
from tollway.engine.question import EngineSettings, Workload
from tollway.engine.replay import Load, Policy, Replay, Schedule, Span, digest
from tollway.engine.work import Rig, Work

ROUNDS = 10
"""Requests asked for each user where nothing is said, as InferenceX does."""

SHARES = ("dense", "experts", "kv", "attention", "network", "overhead")

MOST_REQUESTS = 8192
"""No more are replayed unless each user would ask fewer than three times."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A load replayed on a deployment: spans with the work of one step each, and sums over the
    schedule. `users` are at once where the load says so. `saturated` is whether users waited for a
    seat or for room in the cache."""

    deployment: Deployment
    prompt: int
    users: int | None
    spans: tuple[tuple[Span, Work], ...]
    requests: int
    output_tokens: int
    preempted: int
    saturated: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Means over requests in seconds (`ttft`, `tpot`); `seconds` of the whole load; mean numbers of
    sequences `running` (decoding) and `waiting` for their first token; mean tokens of `context` in
    the cache; `shares` of the time of steps, by term; `causes`, what the time would be in parts of
    itself if only memory, arithmetic, links or software counted."""

    ttft: float
    tpot: float
    seconds: float
    running: float
    waiting: float
    context: float
    shares: dict[str, float]
    causes: dict[str, float]


def policy_of(deployment: Deployment, settings: EngineSettings) -> Policy:
    """How the deployment's engine fills its steps."""
    accepted = 0.0 if settings.speculation is None else settings.speculation.accepted
    return Policy(
        mixing=deployment.mixing,
        batch_tokens=deployment.batch_tokens,
        sequences=deployment.sequences * deployment.layout.attention_dp,
        kv_tokens=deployment.blocks * 16,
        reserve=deployment.framework == "trtllm",
        hold_steps=settings.hold_steps,
        hold_tokens=settings.hold_tokens,
        stride=1.0 + accepted,
        rows=1 + deployment.drafted,
        cached=settings.prefix_share,
    )


def load_of(workload: Workload) -> Load:
    """The load to replay."""
    users = workload.concurrency or 1
    count = workload.requests or max(min(ROUNDS * users, MOST_REQUESTS), 3 * users)
    arrivals = None
    if workload.rate is not None and workload.concurrency is None:
        count = workload.requests or 512
        arrivals = _arrivals(workload.rate, count)
    return Load(
        prompt=workload.input_tokens,
        output=workload.output_tokens,
        spread=workload.spread,
        requests=count,
        users=users,
        arrivals=arrivals,
    )


def _arrivals(rate: float, count: int) -> tuple[float, ...]:
    """Gaps of a Poisson process, by its quantiles in an order that looks like chance."""
    times: list[float] = []
    now, place = 0.0, 0.5
    for _ in range(count):
        place = (place + 0.4142135623730951) % 1.0
        now -= log(1.0 - place) / rate
        times.append(now)
    return tuple(times)


class _Clock:
    """Seconds that one step of a span takes."""

    def __init__(self, rig: Rig, constants: Constants) -> None:
        self._rig, self._constants = rig, constants

    def __call__(self, span: Span) -> float:
        return step_time(self._constants, self._rig.of(span)).total


def rehearse(
    deployment: Deployment,
    settings: EngineSettings,
    workload: Workload,
    constants: Constants | None = None,
) -> Rehearsal:
    """Replay a load. `constants` time it, which only requests that arrive by the clock need."""
    rig = Rig(deployment)
    load = load_of(workload)
    policy = policy_of(deployment, settings)
    clock = None
    if load.arrivals is not None:
        clock = _Clock(rig, constants or fitted_constants())
    schedule = Replay(policy, load, clock).run()
    return Rehearsal(
        deployment=deployment,
        prompt=load.prompt,
        users=load.users if load.arrivals is None else None,
        spans=tuple((span, rig.of(span)) for span in digest(schedule)),
        requests=schedule.requests,
        output_tokens=schedule.output_tokens,
        preempted=schedule.preempted,
        saturated=_saturated(policy, load, schedule),
    )


def _saturated(policy: Policy, load: Load, schedule: Schedule) -> bool:
    if schedule.preempted or (load.arrivals is None and load.users > policy.sequences):
        return True
    each = load.prompt + load.output * (1.0 if policy.reserve else 0.5)
    return load.arrivals is None and load.users * each > policy.kv_tokens


def timed(rehearsal: Rehearsal, constants: Constants) -> Outcome:
    """The means of a rehearsed load."""
    ttft = tpot = total = running = waiting = context = 0.0
    shares = dict.fromkeys(SHARES, 0.0)
    causes = dict.fromkeys(("bandwidth", "compute", "network", "overhead"), 0.0)
    for span, work in rehearsal.spans:
        step = step_time(constants, work)
        seconds = step.total * span.steps
        total += seconds
        ttft += seconds * span.late
        tpot += seconds * span.pace
        running += seconds * span.decodes
        waiting += seconds * span.late
        context += seconds * span.context
        for name in SHARES:
            shares[name] += getattr(step, name) * span.steps
        causes["bandwidth"] += (step.weights + step.kv) * span.steps
        causes["compute"] += (step.gemm + step.attention) * span.steps
        causes["network"] += step.network * span.steps
        causes["overhead"] += step.overhead * span.steps
    tpot /= rehearsal.requests
    users = (running + waiting) / total if rehearsal.users is None else rehearsal.users
    ttft = ttft / rehearsal.requests + before_first(constants, rehearsal, tpot, users)
    return Outcome(
        ttft=ttft,
        tpot=tpot,
        seconds=total,
        running=running / total,
        waiting=waiting / total,
        context=context / total,
        shares={name: value / total for name, value in shares.items()},
        causes={name: value / total for name, value in causes.items()},
    )


def before_first(c: Constants, rehearsal: Rehearsal, tpot: float, users: float) -> float:
    """Seconds before the first token that are not spent in steps, with so many users at once."""
    # All users ask at once in the first round, and their prompts are tokenized one by one.
    queued = 1.0 + users * users / (2.0 * rehearsal.requests)
    return front(c, rehearsal.deployment.model, rehearsal.prompt * queued, users, tpot)


def front(c: Constants, model: ModelShape, prompt: float, users: float, tpot: float) -> float:
    """Seconds before the first token outside of steps, of a prompt of so many tokens while `users`
    are answered at `tpot` seconds a token."""
    delay = c.front + c.front_token * prompt + c.front_user * users + c.front_steps * tpot
    return delay if model.mla is None else delay + c.front_mla
