"""What is asked of the engine model: a model on chips, started so, under this load.

Rules
1. What is None is taken from the defaults of the serving engine, and the answer says that it was
   guessed where that moves it.
2. Chips of one replica = tp x attention_dp x pp. `attention_dp` groups of `tp` chips each attend to
   their own sequences and share the experts.
"""

from dataclasses import dataclass, field

from tollway.catalog import Chip, ModelShape


@dataclass(frozen=True, slots=True)
class Layout:
    """How one replica is spread over chips. `ep` is over how many chips whole experts are spread;
    1 splits each expert over the chips of a pipeline stage."""

    tp: int = 1
    pp: int = 1
    ep: int = 1
    attention_dp: int = 1

    @property
    def chips(self) -> int:
        """Chips of one replica."""
        return self.tp * self.pp * self.attention_dp


@dataclass(frozen=True, slots=True)
class Speculation:
    """Speculative decoding: `drafted` tokens are proposed a step, and `accepted` of them (a mean,
    0 to `drafted`) are kept beside the one that every step yields."""

    drafted: int
    accepted: float


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What a serving engine is started with; None is what it takes by itself, by the catalogue.

    `framework` is an engine of the catalogue; `prefill` says how one that is not there computes
    prompts (the catalogue's `PREFILLS`), and `memory_of` what its share is a share of (`SHARES`).
    `memory_share` is vLLM's gpu_memory_utilization;
    `batch_tokens` bounds tokens of one step, `sequences` those that run at once; `blocks` is how
    many KV blocks of 16 tokens there are, where the engine has said so; `prefix_share` is the share
    of prompt tokens found in the prefix cache. `context` bounds prompt and output in tokens.
    `tiers` is how many of the chip's memory tiers may be filled. `hold_steps` is how many decode
    steps a newcomer waits before the engine looks at it (SGLang's scheduler-recv-interval, half of
    it; TensorRT-LLM's batch_wait_timeout_iters), unless `hold_tokens` of prompts wait.
    """

    precision: str | None = None
    kv_precision: str | None = None
    memory_share: float | None = None
    batch_tokens: int | None = None
    sequences: int | None = None
    context: int | None = None
    framework: str = "vllm"
    version: str | None = None
    blocks: int | None = None
    prefix_share: float = 0.0
    tiers: int = 1
    hold_steps: int = 0
    hold_tokens: int | None = None
    speculation: Speculation | None = None
    prefill: str | None = None
    memory_of: str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """The load: `input_tokens` and `output_tokens` are means, uniform within `spread` of them
    (0.1 is from 90% to 110%).

    One of `concurrency` (that many users, each asking again as soon as it is answered) and `rate`
    (requests a second, arriving at random) is given; with neither it is one user. `requests` is how
    many are asked in all; None is ten for each user.
    """

    input_tokens: int
    output_tokens: int
    concurrency: int | None = None
    rate: float | None = None
    requests: int | None = None
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class PrefillPool:
    """Chips that only prefill, and hand the KV cache to those that decode: `replicas` of `layout`
    on `chip`, over a link of `link` bytes a second and direction (None: the slower chip's own)."""

    chip: Chip
    layout: Layout = field(default_factory=Layout)
    replicas: int = 1
    link: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What would this model feel like, and cost, on that chip, at this load?

    `prefill` is set where prefill runs on chips of its own, and then `decode_replicas` of `layout`
    decode. `chip_hour_usd` is the price of one chip; `prefill_hour_usd` of one that prefills, where
    that differs. `assumed_flops` is lo..hi of dense bf16 FLOP/s for a chip that has none published.
    """

    model: ModelShape
    chip: Chip
    workload: Workload
    layout: Layout = field(default_factory=Layout)
    settings: EngineSettings = field(default_factory=EngineSettings)
    prefill: PrefillPool | None = None
    decode_replicas: int = 1
    chip_hour_usd: float | None = None
    prefill_hour_usd: float | None = None
    assumed_flops: tuple[float, float] | None = None
