"""Prefill on some chips and decode on others, with the KV cache handed over between them.

Rules
1. Users go round: prefill, the transfer, decode, and again. The number of them in each part is
   where the rates agree.
2. A prefill replica takes prompts one after the other; how long they queue follows from how busy
   it is and how many there are.
"""

from dataclasses import dataclass, replace
from math import sqrt

from tollway.engine.constants import LINK_ASSUMED
from tollway.engine.deployment import Deployment, deploy
from tollway.engine.fitted import Constants
from tollway.engine.outcome import Outcome, Rehearsal, before_first, rehearse, timed
from tollway.engine.question import PrefillPool, Question, Workload
from tollway.engine.replay import Span
from tollway.engine.step import StepTimer
from tollway.engine.weights import kv_bytes
from tollway.errors import TollwayError

_BISECTIONS = 24


@dataclass(frozen=True, slots=True)
class Pair:
    """A disaggregated pair under a load. `tokens` is output tokens a second, `transfer` seconds
    that one cache takes to move, `prefill_busy` the share of time that prefill replicas work."""

    rehearsal: Rehearsal
    outcome: Outcome
    tokens: float
    transfer: float
    prefill_busy: float
    prefill_chips: int
    decode_chips: int

    @property
    def chips(self) -> int:
        """Chips of both halves."""
        return self.prefill_chips + self.decode_chips


class _Halves:
    """Both halves of a question, and decode at each number of users that was asked about."""

    def __init__(
        self, question: Question, pool: PrefillPool, decode: Deployment, constants: Constants
    ) -> None:
        settings = replace(question.settings, blocks=None)
        prefill = deploy(question.model, pool.chip, pool.layout, settings)
        self.question, self.pool = question, pool
        self.service = StepTimer(prefill, constants).of_span(_one_prompt(question)).total
        self.transfer = _transfer(question, pool, decode)
        self._decode, self._constants = decode, constants
        self._known: dict[int, tuple[Rehearsal, Outcome]] = {}

    def decoding(self, active: float) -> tuple[Rehearsal, Outcome]:
        """Decode with `active` sequences over all its replicas."""
        each = max(1, round(active / self.question.decode_replicas))
        if each not in self._known:
            self._known[each] = _decode(self.question, self._decode, each, self._constants)
        return self._known[each]

    def first(self, rate: float, users: float) -> float:
        """Seconds from asking to the start of decode, at `rate` requests a second."""
        replicas = self.pool.replicas
        busy = min(rate * self.service / replicas, 0.999)
        wait = min(_queue(busy, replicas), users / replicas) * self.service
        return wait + self.service + self.transfer

    def active(self, rate: float) -> float:
        """Sequences in decode at `rate` requests a second, found by asking twice."""
        tokens = rate * self.question.workload.output_tokens
        active = tokens * self.decoding(1.0)[1].tpot
        for _ in range(2):
            active = tokens * self.decoding(active)[1].tpot
        return active


def pair_outcome(question: Question, decode: Deployment, constants: Constants) -> Pair:
    """What a load does to a disaggregated pair.

    Raises:
        TollwayError: the prefill half cannot be.
    """
    pool = question.prefill
    if pool is None:
        raise TollwayError("the question has no prefill half. Declare one.")
    halves = _Halves(question, pool, decode, constants)
    load = question.workload
    users = float(load.concurrency or 1)
    rate = load.rate if load.rate is not None else _rate(halves, users)
    first, active = halves.first(rate, users), halves.active(rate)
    rehearsal, outcome = halves.decoding(active)
    ttft = first + before_first(constants, rehearsal, outcome.tpot, active)
    return Pair(
        rehearsal=rehearsal,
        outcome=replace(outcome, ttft=ttft, waiting=rate * first, running=active),
        tokens=rate * load.output_tokens,
        transfer=halves.transfer,
        prefill_busy=min(1.0, rate * halves.service / pool.replicas),
        prefill_chips=pool.layout.chips * pool.replicas,
        decode_chips=question.layout.chips * question.decode_replicas,
    )


def _rate(halves: _Halves, users: float) -> float:
    """Requests a second at which users in both parts add up to all of them (Little's law)."""
    low, high = 0.0, min(users, halves.pool.replicas) / halves.service
    for _ in range(_BISECTIONS):
        rate = (low + high) / 2
        if rate * halves.first(rate, users) + halves.active(rate) > users:
            high = rate
        else:
            low = rate
    return (low + high) / 2


def _one_prompt(question: Question) -> Span:
    tokens = max(1, round(question.workload.input_tokens * (1 - question.settings.prefix_share)))
    past = question.workload.input_tokens - tokens
    pairs = tokens * (past + (tokens + 1) / 2)
    return Span(1, 0, 0.0, 1, tokens, pairs, past + tokens, 1, 0.0)


def _transfer(question: Question, pool: PrefillPool, decode: Deployment) -> float:
    model = question.model
    # The cache lies over the chips of a replica, and each sends its part over its own link.
    whole = kv_bytes(model, 1, decode.kv_precision) * model.attention_layers
    said = [chip.scale_out for chip in (pool.chip, question.chip)]
    slower = min((link for link in said if link), default=LINK_ASSUMED)
    link = pool.link or slower * min(pool.layout.chips, question.layout.chips)
    return whole * question.workload.input_tokens / link


def _queue(busy: float, servers: int) -> float:
    """Mean wait in units of the service time: Sakasegawa's approximation for many servers, halved
    because prompts of like length take alike."""
    return busy ** (sqrt(2 * (servers + 1)) - 1) / (servers * (1 - busy)) / 2


def _decode(
    question: Question, deployment: Deployment, users: int, constants: Constants
) -> tuple[Rehearsal, Outcome]:
    """Decode alone: prompts come with their cache, so that all but one token of it is found."""
    tokens = question.workload.input_tokens
    settings = replace(question.settings, prefix_share=1.0 - 1.0 / (tokens + 1))
    load = Workload(
        input_tokens=tokens,
        output_tokens=question.workload.output_tokens,
        concurrency=users,
        requests=3 * users,
        spread=question.workload.spread,
    )
    rehearsal = rehearse(deployment, settings, load)
    return rehearsal, timed(rehearsal, constants)
