"""Makes whole-number step times of a deployment by asking the engine room about a few batches."""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction

from tollway.engine import Deployment
from tollway.engine.fitted import Constants, constants, step_time
from tollway.engine.replay import Span
from tollway.engine.work import Rig, Work
from tollway.simulator.steps import SECOND, StepTimes

FINEST = 10
"""The largest denominator of a stride in tokens."""

EXACT = 256
"""Rows up to which the time of experts is asked for each; above, at 16 places an octave."""


def step_times(
    deployment: Deployment, accepted: float = 0.0, fitted: Constants | None = None
) -> StepTimes:
    """The step times of a deployment whose decodes yield 1 + `accepted` tokens a step."""
    stride = Fraction(1.0 + accepted).limit_denominator(FINEST)
    probe = _Probe(Rig(deployment), fitted or constants())
    seats = deployment.sequences * deployment.layout.attention_dp
    rows = 1 + deployment.drafted
    unit = stride.denominator
    shares = _shares(deployment)
    context = (probe.context() - probe.context(0)) * (SECOND * probe.software / unit)
    return StepTimes(
        unit=unit,
        gain=stride.numerator,
        base=tuple(round(probe.decode(count) * SECOND) for count in range(seats + 1)),
        bends=(
            round(context * shares.full),
            round(context * (1.0 - shares.full)),
            shares.cap * unit,
            len(deployment.capacity.tiers) - 1,
            *_tiers(deployment, probe, shares.full, unit),
        ),
        constant=probe.constant(context, shares, rows, unit),
        prompt=tuple(
            value
            for busy in range(1, deployment.layout.attention_dp + 1)
            for value in probe.prompt(busy)
        ),
        experts=probe.experts(_most_rows(deployment, seats, rows)),
    )


@dataclass(frozen=True, slots=True)
class _Shares:
    """Of the keys that a decode attends to, the share in layers that attend to all; the others
    attend to `cap` each. The same of a prompt: `windowed` is the share with a `window`."""

    full: float
    cap: int
    windowed: float
    window: int


def _shares(deployment: Deployment) -> _Shares:
    model = deployment.model
    windowed, window = 0.0, model.window or 0
    if window and model.attention_layers:
        windowed = model.window_layers / model.attention_layers
    if model.indexer is not None:
        return _Shares(0.0, model.indexer.top, windowed, window)
    return _Shares(1.0 - windowed, window, windowed, window)


def _most_rows(deployment: Deployment, seats: int, rows: int) -> int:
    """Rows of the largest step: a prompt that is not split may be longer than the budget."""
    prompt = deployment.batch_tokens
    if deployment.mixing == "whole":
        prompt = max(prompt, deployment.context)
    return prompt + seats * rows


def _tiers(deployment: Deployment, probe: "_Probe", full: float, unit: int) -> tuple[int, ...]:
    capacity = deployment.capacity
    first = capacity.tiers[0].bandwidth or 1.0
    token = probe.read_key() * full * (SECOND * probe.software / unit)
    bends: list[int] = []
    held, slower = 0.0, 1.0
    for tier, after in zip(capacity.tiers, capacity.tiers[1:], strict=False):
        held += tier.kv / capacity.token_bytes * deployment.layout.attention_dp
        ratio = first / (after.bandwidth or first)
        bends += [round(held * unit), round(token * (ratio - slower))]
        slower = ratio
    return tuple(bends)


class _Probe:
    """Asks what single decodes, tokens, chunks, keys and pairs add to the work of a step."""

    def __init__(self, rig: Rig, used: Constants) -> None:
        self._rig = rig
        self._used = used
        self._none = self._work()
        self.software = self._none.software
        self._wide = self._none.wide_ridge**used.ridge
        self._own = (
            self._none.vllm * used.vllm
            + self._none.sglang * used.sglang
            + self._none.trtllm * used.trtllm
        )

    def _work(
        self, *, decodes: int = 0, context: int = 0, chunks: int = 0, **prompt: float
    ) -> Work:
        return self._rig.of(
            Span(
                steps=1,
                decodes=decodes,
                context=context,
                chunks=chunks,
                prompt_tokens=prompt.get("tokens", 0),
                prompt_pairs=prompt.get("pairs", 0.0),
                prompt_seen=prompt.get("seen", 0),
                late=0,
                pace=0.0,
            )
        )

    def decode(self, count: int) -> float:
        """Seconds of a step of `count` decodes without their context."""
        return step_time(self._used, self._work(decodes=count)).total if count else 0.0

    def context(self, keys: int = 1) -> float:
        """Seconds that one decode's keys take, on a chip with mature software."""
        work = self._work(decodes=1, context=keys)
        return work.kv_read / self._used.kv_read + work.score_decode / self._used.score_decode

    def read_key(self) -> float:
        """Seconds to read one key of the cache in all layers."""
        one, none = self._work(decodes=1, context=1), self._work(decodes=1)
        return (one.kv_read - none.kv_read) / self._used.kv_read

    def constant(self, context: float, shares: _Shares, rows: int, unit: int) -> tuple[float, ...]:
        """`StepTimes.constant`."""
        c, none, one = self._used, self._none, self._work(decodes=1)
        token = self._work(chunks=1, tokens=1)
        launches = self._own * none.layers * c.layer + (
            none.moe_layers * c.moe_layer
            + none.fused_layers * c.fused_layer
            + none.mla_layers * c.mla_layer
            + none.block_layers * c.block_layer
            + none.narrow_layers * c.narrow_layer
        )
        seconds = (
            none.dense_read / (c.weight_read * c.narrow_read**none.narrow),
            launches + none.hops * c.hop,
            self._own * none.layers * c.host_layer,
            self._own * c.step,
            self._math(one) - self._math(none),
            (one.kv_read - none.kv_read) / c.kv_read,
            token.wire / c.link,
            self._own * c.sequence * (1.0 + c.team * one.doublings) * one.sequences,
        )
        scale = SECOND * self.software
        return (
            *(value * scale for value in seconds),
            context * shares.full,
            context * (1.0 - shares.full),
            float(shares.cap * unit),
            float(shares.window),
            shares.windowed,
            float(rows),
            token.ramps * c.ramp * scale,
        )

    def prompt(self, busy: int) -> tuple[float, ...]:
        """A row of `StepTimes.prompt`."""
        c = self._used
        none = self._work(chunks=busy)
        token = self._work(chunks=busy, tokens=1)
        seen, pair = self._work(chunks=busy, seen=1), self._work(chunks=busy, pairs=1.0, tokens=1)
        seconds = (
            self._math(token) - self._math(none),
            (self._math(none) - self._math(self._none)) / busy,
            (seen.kv_read - none.kv_read) / c.kv_read,
            (pair.score_prefill - none.score_prefill) * self._wide / c.score_prefill,
        )
        return tuple(value * SECOND * self.software for value in seconds)

    def _math(self, work: Work) -> float:
        c = self._used
        return (work.wide_math * self._wide + work.dense_math * work.ridge**c.ridge) / c.math

    def experts(self, most: int) -> tuple[float, ...]:
        """Picoseconds of the experts by rows, up to `most` of them; empty for a dense model."""
        if not self._none.expert_ridge or not self._work(chunks=1, tokens=1).expert_read:
            return ()
        places = list(range(min(EXACT, most) + 1))
        while places[-1] < most:
            places.append(min(most, places[-1] + max(1, places[-1] // 16)))
        times = [self._experts(rows) for rows in places]
        table: list[float] = []
        for rows in range(most + 1):
            at = bisect_left(places, rows)
            if places[at] == rows:
                table.append(times[at])
                continue
            part = (rows - places[at - 1]) / (places[at] - places[at - 1])
            table.append(times[at - 1] + part * (times[at] - times[at - 1]))
        return tuple(table)

    def _experts(self, rows: int) -> float:
        work = self._work(chunks=1, tokens=rows)
        return step_time(self._used, work).experts * SECOND
