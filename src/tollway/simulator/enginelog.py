"""An engine's own log of single requests: what came when, how long it was, and what it took.

Rules
1. Every line that cannot be read is a fault with its number (the first ten are named).
2. `arrival_time` is of the client's clock, the other times are of the engine's: only differences
   within one clock are used.
3. Times count from when the engine took a request in, as its own statistics count them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.simulator.report import Percentiles, percentiles
from tollway.units import Seconds, Tokens

MOST_FAULTS: Final = 10


class _Line(msgspec.Struct, frozen=True, gc=False):
    """One request as the engine's statistics tell it; times in seconds."""

    input_toks: int
    output_toks: int
    arrival_time: float
    queued_ts: float
    first_token_ts: float
    last_token_ts: float


@dataclass(frozen=True, slots=True)
class Logged:
    """One request: when it arrived, after the first one did; its tokens; and how long it took
    (rule 3). `tpot` is None of an answer of one token."""

    at: Seconds
    input: Tokens
    output: Tokens
    ttft: Seconds
    tpot: Seconds | None
    latency: Seconds


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles of seconds over the requests of a log."""

    ttft: Percentiles
    tpot: Percentiles
    latency: Percentiles


class EngineArguments(msgspec.Struct, frozen=True):
    """What the engine was started with, in vLLM's words."""

    tensor_parallel_size: int = 1
    data_parallel_size: int = 1
    enable_expert_parallel: bool = False
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    max_model_len: int | None = None
    kv_cache_dtype: str = "auto"


class CacheFacts(msgspec.Struct, frozen=True):
    """The KV cache as the engine sized it."""

    num_gpu_blocks: int | None = None
    block_size: int = 16
    enable_prefix_caching: bool = True


class HardwareFacts(msgspec.Struct, frozen=True):
    """The chip, as its driver calls it."""

    device_name: str | None = None


class SchedulerFacts(msgspec.Struct, frozen=True):
    """How steps are decided."""

    async_scheduling: bool | None = None


class ResolvedFacts(msgspec.Struct, frozen=True):
    """What the engine made of its arguments."""

    scheduler_config: SchedulerFacts = SchedulerFacts()


class EngineFacts(msgspec.Struct, frozen=True):
    """What stands beside a log: which model ran, on what, and how its engine was set up."""

    model: str | None = None
    vllm_version: str | None = None
    engine_kwargs: EngineArguments = EngineArguments()
    kv_cache: CacheFacts = CacheFacts()
    hardware: HardwareFacts = HardwareFacts()
    resolved_config: ResolvedFacts = ResolvedFacts()

    @property
    def ahead(self) -> bool:
        """Whether a step is decided while the one before it runs; what does not say so is taken
        for an engine of today, all of which do."""
        return self.resolved_config.scheduler_config.async_scheduling is not False


def parse_facts(name: str, data: bytes) -> EngineFacts:
    """The facts in a `meta.json`; what it does not say is as the engine would have it.

    Raises:
        TollwayError: it is no such file.
    """
    try:
        return msgspec.json.decode(data, type=EngineFacts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TollwayError(
            f"{name} does not say how an engine was set up: {error}. Hand in its meta.json."
        ) from None


def parse_log(name: str, data: bytes) -> tuple[Logged, ...]:
    """The requests of a log, in the order of arrival; one JSON object a line.

    Raises:
        FaultsFound: lines that cannot be read, or none at all.
    """
    faults: list[Fault] = []
    rows: list[_Line] = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(_checked(msgspec.json.decode(line, type=_Line)))
        except (ValueError, msgspec.MsgspecError) as error:
            faults.append(Fault(f"{name}:{number}", f"cannot be read: {error}"))
            if len(faults) == MOST_FAULTS:
                break
    if not faults and not rows:
        faults.append(Fault(name, "holds no requests"))
    if faults:
        raise FaultsFound(faults)
    rows.sort(key=lambda row: row.arrival_time)
    began = rows[0].arrival_time
    return tuple(_logged(row, began) for row in rows)


def _checked(row: _Line) -> _Line:
    if row.input_toks < 1 or row.output_toks < 1:
        raise ValueError(f"{row.input_toks} input and {row.output_toks} output tokens")
    if not row.queued_ts <= row.first_token_ts <= row.last_token_ts:
        raise ValueError("queued_ts, first_token_ts and last_token_ts are not in this order")
    return row


def _logged(row: _Line, began: float) -> Logged:
    streamed = row.last_token_ts - row.first_token_ts
    return Logged(
        at=Seconds(row.arrival_time - began),
        input=Tokens(row.input_toks),
        output=Tokens(row.output_toks),
        ttft=Seconds(row.first_token_ts - row.queued_ts),
        tpot=Seconds(streamed / (row.output_toks - 1)) if row.output_toks > 1 else None,
        latency=Seconds(row.last_token_ts - row.queued_ts),
    )


def times_of(log: Sequence[Logged]) -> Times:
    """What the requests took."""
    return Times(
        percentiles([one.ttft for one in log]),
        percentiles([one.tpot for one in log if one.tpot is not None]),
        percentiles([one.latency for one in log]),
    )
