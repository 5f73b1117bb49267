"""From a question to an answer: deploy, replay the load, attach intervals and what binds."""

from types import MappingProxyType

from tollway.engine.answer import Bound, Estimate, Prediction, TierUse
from tollway.engine.deployment import Deployment, deploy, kv_capacity
from tollway.engine.question import Question
from tollway.engine.step import Batch, Chunk, StepTime, StepTimer
from tollway.errors import TollwayError

_GUESS = 1.6


def predict(question: Question) -> Prediction:
    """TTFT, TPOT, throughput, memory, energy and price of a deployment under a load.

    Raises:
        TollwayError: the deployment cannot be, with the arithmetic; or the load is none.
    """
    layout, load = question.layout, question.workload
    if load.input_tokens < 1 or load.output_tokens < 1:
        raise TollwayError("a request has at least one token of input and one of output.")
    deployment = deploy(question.model, question.chip, layout.chips, question.settings)
    running = float(min(load.concurrency or 1, deployment.sequences))
    timer = StepTimer(deployment)
    context = load.input_tokens + load.output_tokens // 2
    decode = timer.of(Batch(decodes=(context,) * round(running)))
    prefill = timer.of(Batch(chunks=(Chunk(load.input_tokens),)))
    interference = running * prefill.total / load.output_tokens
    tpot, ttft = decode.total + interference, prefill.total + decode.total
    tokens = running / tpot
    return Prediction(
        ttft=_around(ttft),
        tpot=_around(tpot),
        user_tokens=_around(1.0 / tpot),
        chip_tokens=_around(tokens / layout.chips),
        total_tokens=_around(tokens),
        requests=_around(tokens / load.output_tokens),
        energy=_energy(question, tokens),
        usd_per_mtok=_price(question, tokens),
        memory=(_memory(question, deployment, running * context),),
        kv_tokens=deployment.blocks * 16,
        running=running,
        waiting=0.0,
        preempted=0.0,
        chips=layout.chips,
        precision=deployment.precision,
        origin="extrapolated",
        binds=_binds(decode),
        shares=MappingProxyType(_shares(decode)),
        scenarios=(),
        warnings=("a first roofline: the load is not replayed yet.",),
        refused=(),
    )


def _around(value: float) -> Estimate:
    return Estimate(value, value / _GUESS, value * _GUESS)


def _energy(question: Question, tokens: float) -> Estimate | None:
    power = question.chip.power
    return None if power is None else _around(power * question.layout.chips / tokens)


def _price(question: Question, tokens: float) -> Estimate | None:
    price = question.chip_hour_usd
    if price is None:
        return None
    return _around(price * question.layout.chips / 3600 / tokens * 1e6)


def _memory(question: Question, deployment: Deployment, tokens: float) -> TierUse:
    chips = question.layout.chips
    room = kv_capacity(question.model, question.chip, chips, settings=question.settings)
    return TierUse(
        kind=question.chip.memory[0].kind,
        size=room.memory,
        usable=room.usable,
        weights=room.weights,
        runtime=room.runtime,
        kv_room=room.kv,
        kv_used=round(min(tokens, deployment.blocks * 16) * room.token_bytes),
        binding=True,
    )


def _shares(step: StepTime) -> dict[str, float]:
    parts = {
        "dense": step.dense,
        "experts": step.experts,
        "kv": step.kv,
        "attention": step.attention,
        "network": step.network,
        "overhead": step.overhead,
    }
    return {name: seconds / step.total for name, seconds in parts.items()}


def _binds(step: StepTime) -> Bound:
    sums: dict[Bound, float] = {
        "bandwidth": max(0.0, step.weights) + step.kv,
        "compute": step.gemm + step.attention,
        "network": step.network,
        "overhead": step.overhead,
    }
    return max(sums, key=lambda name: sums[name])
