"""A model on chips: what one replica is made of, and why some cannot be.

Rules
1. A deployment that cannot be is refused with the arithmetic that shows why.
2. Weights are split over the chips of a replica; attention groups keep a copy of attention each.
3. Memory tiers fill fastest first: weights and the runtime, then the cache. Only the first tier is
   filled unless the settings say how many may be.
"""

from dataclasses import dataclass

from tollway.catalog import Chip, EngineDefaults, ModelShape, engine_defaults
from tollway.engine import constants as c
from tollway.engine.question import EngineSettings, Layout
from tollway.engine.replay import Mixing
from tollway.engine.weights import kv_bytes, weights_of
from tollway.errors import TollwayError, unknown

_MIXING: dict[str, Mixing] = {"chunked": "mixed", "separate": "apart", "whole": "whole"}
"""The replay's word for the catalogue's."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one chip keeps in one memory tier, in bytes: `usable` of `size` may be filled, of which
    `weights` and `runtime` take their part and `kv` is left."""

    kind: str
    size: int
    usable: int
    weights: int
    runtime: int
    kv: int
    bandwidth: float | None


@dataclass(frozen=True, slots=True)
class Capacity:
    """KV memory of one chip of a deployment, in bytes: sums over its tiers, what one token of all
    layers takes (`token_bytes`), and how many tokens the replica holds in whole blocks."""

    tiers: tuple[Room, ...]
    token_bytes: float
    tokens: int

    @property
    def memory(self) -> int:
        """Bytes of the tiers that may be filled."""
        return sum(tier.size for tier in self.tiers)

    @property
    def usable(self) -> int:
        """Bytes of them that an engine may fill."""
        return sum(tier.usable for tier in self.tiers)

    @property
    def runtime(self) -> int:
        """Bytes beside weights and cache."""
        return sum(tier.runtime for tier in self.tiers)

    @property
    def weights(self) -> int:
        """Bytes of weights."""
        return sum(tier.weights for tier in self.tiers)

    @property
    def kv(self) -> int:
        """Bytes left for the cache."""
        return sum(tier.kv for tier in self.tiers)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One replica: `model` in `precision` on the chips of `layout`. `context` is the longest
    sequence in tokens, `blocks` how many KV blocks of 16 tokens there are. `levels`: the engine
    spreads prompts evenly over attention groups. `drafted` tokens are checked beside each decoded
    one. `weight_slowdown` is how much longer reading weights takes because slower tiers hold some,
    `software` how much longer everything takes on this vendor's chips.
    Make it with `deploy`."""

    model: ModelShape
    chip: Chip
    layout: Layout
    precision: str
    kv_precision: str
    framework: str
    mixing: Mixing
    batch_tokens: int
    sequences: int
    context: int
    blocks: int
    drafted: int
    levels: bool
    link: float
    weight_slowdown: float
    software: float
    capacity: Capacity
    doubts: tuple[str, ...]

    @property
    def tp(self) -> int:
        """Chips that share one attention computation."""
        return self.layout.tp


def deploy(
    model: ModelShape,
    chip: Chip,
    layout: Layout | int = 1,
    settings: EngineSettings | None = None,
) -> Deployment:
    """One replica of a model on chips; a number for `layout` is tensor parallelism alone.

    Raises:
        TollwayError: it cannot be; the message shows the arithmetic.
    """
    wanted = settings or EngineSettings()
    spread = Layout(tp=layout) if isinstance(layout, int) else layout
    precision, kv_precision = precisions(model, wanted)
    _check_chip(chip)
    _check_parallel(model, chip, spread)
    room = kv_capacity(model, chip, spread, settings=wanted)
    blocks = wanted.blocks or room.tokens // c.BLOCK
    context = _context(model, chip, spread, room, wanted)
    groups = spread.attention_dp
    own = engine_defaults(wanted.framework, wanted.version, chip)
    budget = wanted.batch_tokens or own.batch_tokens or c.BATCH_TOKENS
    return Deployment(
        model=model,
        chip=chip,
        layout=spread,
        precision=precision,
        kv_precision=kv_precision,
        framework=own.engine,
        mixing=_MIXING[wanted.prefill or own.prefill or "chunked"],
        batch_tokens=budget * groups,
        sequences=wanted.sequences or own.sequences or c.SEQUENCES,
        context=context,
        blocks=blocks,
        drafted=0 if wanted.speculation is None else wanted.speculation.drafted,
        levels=own.engine != "vllm",
        link=_link(chip, spread),
        weight_slowdown=_slowdown(room),
        software=c.SOFTWARE.get(chip.vendor, 1.0),
        capacity=room,
        doubts=_doubts(own, wanted),
    )


def _doubts(own: EngineDefaults, wanted: EngineSettings) -> tuple[str, ...]:
    """What is guessed of the defaults that were needed."""
    if None not in (wanted.sequences, wanted.batch_tokens, wanted.memory_share):
        return ()
    said = {"sequences": wanted.sequences, "batch_tokens": wanted.batch_tokens}
    declared = [f"'s {name} of" for name, value in said.items() if value is not None]
    return tuple(doubt for doubt in own.doubts if not any(name in doubt for name in declared))


def precisions(model: ModelShape, wanted: EngineSettings) -> tuple[str, str]:
    """The precision of weights and of the cache: as declared, else as the checkpoint says.

    Raises:
        TollwayError: there is no such precision.
    """
    precision = wanted.precision or model.precision
    checkpoint = model.checkpoints.get(precision)
    published = None if checkpoint is None else checkpoint.kv_precision
    kv_precision = wanted.kv_precision or published or c.KV_PRECISION
    for name, what in ((precision, "precision"), (kv_precision, "KV precision")):
        if name not in c.NUMBER_BYTES:
            raise TollwayError(str(unknown(name, c.NUMBER_BYTES, what)))
    return precision, kv_precision


def kv_capacity(
    model: ModelShape,
    chip: Chip,
    layout: Layout | int,
    *,
    settings: EngineSettings | None = None,
) -> Capacity:
    """What is left for KV on each chip, and how many tokens the replica holds.

    Raises:
        TollwayError: the weights do not fit, or leave no room for one block.
    """
    wanted = settings or EngineSettings()
    spread = Layout(tp=layout) if isinstance(layout, int) else layout
    precision, kv_precision = precisions(model, wanted)
    weights = round(_weights_a_chip(model, spread, precision))
    tiers = _fill(chip, weights, wanted, _share(chip, weights, wanted))
    token_bytes = kv_bytes(model, spread.tp, kv_precision) * _cached_layers(model) / spread.pp
    kv = sum(tier.kv for tier in tiers) if sum(tier.weights for tier in tiers) == weights else 0
    tokens = int(kv / token_bytes) * spread.attention_dp // c.BLOCK * c.BLOCK
    if tokens < c.BLOCK:
        raise TollwayError(_too_large(model, chip, spread, precision, wanted))
    return Capacity(tiers, token_bytes, tokens)


def _weights_a_chip(model: ModelShape, layout: Layout, precision: str) -> float:
    weights = weights_of(model, precision)
    shared = weights.ffn + weights.experts
    own = weights.attention + weights.tables + weights.vision
    return shared / layout.chips + own / (layout.tp * layout.pp)


def _cached_layers(model: ModelShape) -> float:
    """Attention layers, those with a window for as much as it is of the longest context."""
    windowed = model.window_layers if model.window else 0
    part = (model.window or 0) / model.context
    return max(model.attention_layers - windowed + windowed * part, 1e-6)


def _share(chip: Chip, weights: int, wanted: EngineSettings) -> float:
    """The share of memory that the engine may fill, weights included; some count theirs from what
    weights leave free."""
    share, of = wanted.memory_share, wanted.memory_of or "all"
    if share is None:
        own = engine_defaults(wanted.framework, wanted.version, chip)
        share, of = own.memory_share or c.MEMORY_SHARE, own.memory_of
    if of == "all":
        return share
    whole = sum(tier.size for tier in chip.memory[: wanted.tiers])
    held = min(1.0, (weights + c.RUNTIME_BYTES) / whole)
    return held + share * (1.0 - held)


def _fill(chip: Chip, weights: int, wanted: EngineSettings, share: float) -> tuple[Room, ...]:
    rooms: list[Room] = []
    runtime, left = c.RUNTIME_BYTES, weights
    for tier in chip.memory[: wanted.tiers]:
        usable = int(tier.size * share)
        held = max(0, min(left, usable - runtime))
        kv = max(0, usable - runtime - held)
        rooms.append(Room(tier.kind, tier.size, usable, held, runtime, kv, tier.bandwidth))
        left -= held
        runtime = 0
    return tuple(rooms)


def _slowdown(room: Capacity) -> float:
    first = room.tiers[0].bandwidth
    if not first or not room.weights:
        return 1.0
    seconds = sum(tier.weights / (tier.bandwidth or first) for tier in room.tiers)
    return seconds * first / room.weights


def _too_large(
    model: ModelShape, chip: Chip, layout: Layout, precision: str, wanted: EngineSettings
) -> str:
    total = weights_of(model, precision).total
    each = _weights_a_chip(model, layout, precision)
    memory = sum(tier.size for tier in chip.memory[: wanted.tiers])
    share = _share(chip, round(each), wanted)
    mend = _mend_of_size(model, chip, precision, wanted, share)
    return (
        f"{model.name} in {precision} does not fit on {layout.chips} x {chip.name}: "
        f"{total / 1e9:.1f} GB of weights / {layout.chips} = {each / 1e9:.1f} GB a chip, plus "
        f"{c.RUNTIME_BYTES / 1e9:.1f} GB for the runtime, against "
        f"{memory / 1e9:.1f} GB x {share:g} = {memory * share / 1e9:.1f} GB. {mend}"
    )


def _mend_of_size(
    model: ModelShape, chip: Chip, precision: str, wanted: EngineSettings, share: float
) -> str:
    memory = sum(tier.size for tier in chip.memory[: wanted.tiers])
    room = memory * share - c.RUNTIME_BYTES
    for tp in (1, 2, 4, 8, 16, 32, 64):
        fits = weights_of(model, precision).total / tp < room
        if fits and tp <= max(chip.domain or 1, 8) and model.heads % tp == 0:
            return f"Use tp {tp}, or a smaller precision."
    if wanted.tiers < len(chip.memory):
        return "Let it fill more memory tiers, or use a smaller precision."
    return "Use a smaller precision, or a chip with more memory."


def _check_chip(chip: Chip) -> None:
    if chip.memory[0].bandwidth is None:
        raise TollwayError(
            f"the memory bandwidth of {chip.name} is not known, so that no step can be timed. "
            "Add gb_s to its [[memory]] table."
        )
    if "bf16" not in chip.flops:
        raise TollwayError(
            f"the bf16 rate of {chip.name} is not known, so that no step can be timed. "
            "Add bf16_tflops to the chip."
        )


def _check_parallel(model: ModelShape, chip: Chip, layout: Layout) -> None:
    tp = layout.tp
    for name, value in (("tp", tp), ("pp", layout.pp), ("attention_dp", layout.attention_dp)):
        if value < 1:
            raise TollwayError(f"{name} is {value}. It is a number of chips, 1 or more.")
    if layout.pp > model.layers:
        raise TollwayError(
            f"pp {layout.pp} is more than the {model.layers} layers of {model.name}. "
            "Use fewer stages."
        )
    domain = chip.domain or 1
    if tp > max(domain, 8):
        raise TollwayError(
            f"tp {tp} is more than one scale-up domain of {chip.name} has ({domain} chips). "
            "Use fewer chips a replica, and more replicas."
        )
    if model.heads % tp:
        raise TollwayError(
            f"tp {tp} does not divide the {model.heads} heads of {model.name} "
            f"({model.heads} / {tp} = {model.heads / tp:.2f}). {_mend_of_parallel(model)}"
        )
    if not _keeps_kv_heads(model, tp):
        raise TollwayError(
            f"tp {tp} neither divides the {model.kv_heads} KV heads of {model.name} nor is a "
            f"multiple of them ({model.kv_heads} / {tp} = {model.kv_heads / tp:.2f}). "
            f"{_mend_of_parallel(model)}"
        )
    stage = layout.tp * layout.attention_dp
    if layout.ep not in (1, stage) and stage % layout.ep:
        raise TollwayError(
            f"ep {layout.ep} does not divide the {stage} chips of a stage (tp {layout.tp} x "
            f"attention_dp {layout.attention_dp}). Use 1, or {stage}."
        )


def _mend_of_parallel(model: ModelShape) -> str:
    fine = [
        str(tp)
        for tp in (1, 2, 4, 5, 8, 10, 16)
        if model.heads % tp == 0 and _keeps_kv_heads(model, tp)
    ]
    return f"Use tp {', '.join(fine)}."


def _keeps_kv_heads(model: ModelShape, tp: int) -> bool:
    """Whether the KV heads come out even on `tp` chips: whole ones each, or one on several."""
    return model.mla is not None or model.kv_heads % tp == 0 or tp % model.kv_heads == 0


def _link(chip: Chip, layout: Layout) -> float:
    inside = chip.link or c.LINK_ASSUMED
    if layout.tp * layout.attention_dp <= (chip.domain or 8):
        return inside
    return min(inside, chip.scale_out or c.LINK_ASSUMED)


def _context(
    model: ModelShape, chip: Chip, layout: Layout, room: Capacity, wanted: EngineSettings
) -> int:
    holds = wanted.blocks * c.BLOCK if wanted.blocks else room.tokens // layout.attention_dp
    if wanted.context is None:
        return min(model.context, holds)
    if wanted.context > model.context:
        raise TollwayError(
            f"context {wanted.context} is more than {model.name} was made for ({model.context} "
            f"tokens). Use {model.context} or less."
        )
    if wanted.context > holds:
        raise TollwayError(
            f"a context of {wanted.context} tokens does not fit on {layout.chips} x {chip.name}: "
            f"{room.kv / 1e9:.1f} GB of KV memory a chip / {room.token_bytes:,.0f} bytes a token = "
            f"{room.tokens} tokens. Use a shorter context or more chips."
        )
    return wanted.context
