"""From the words of a command line to questions for the engine model.

Rules
1. A name is looked for in the user's own catalogue, then in the packaged one, then as what others
   call it; what looks like a path is read.
2. What the user does not say stays unsaid: the engine model takes the serving engine's own default,
   and says so where that moves the answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from tollway.catalog import Chip, EngineDefaults, ModelShape, Range, known_as
from tollway.catalog.own import Catalogue, own
from tollway.cli.predict_options import DeploymentOptions, LoadOptions, PrefillOptions
from tollway.engine.question import (
    EngineSettings,
    Layout,
    PrefillPool,
    Question,
    Speculation,
    Workload,
)
from tollway.engine.work import FRAMEWORKS
from tollway.errors import TollwayError, listed, unknown

ASSUMABLE = {
    "bf16_tflops": ("bf16_tflops", 1e12),
    "fp16_tflops": ("fp16_tflops", 1e12),
    "fp8_tflops": ("fp8_tflops", 1e12),
    "fp4_tflops": ("fp4_tflops", 1e12),
    "int8_tops": ("int8_tops", 1e12),
    "int4_tops": ("int4_tops", 1e12),
    "bandwidth": ("memory[0].gb_s", 1e9),
    "link_gb_s": ("link_gb_s", 1e9),
    "power_w": ("power_w", 1.0),
}
"""What --assume may name: the chip's own key, and what one unit of it is."""

OWN_AS = "vllm"
"""What an engine of the user's own is taken for, where it does not say `same_as`."""

_NUMBER = r"(\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"{_NUMBER}(?:\.\.{_NUMBER})?")
_COUNTED = re.compile(r"(\d+)x([^\d].*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and sentences about what was guessed or assumed to put it."""

    question: Question
    notes: tuple[str, ...]


def catalogue_of(folder: Path | None) -> Catalogue:
    """The packaged catalogue under the files of a folder.

    Raises:
        TollwayError: there is no such folder, or a file of it says what nobody understands.
    """
    if folder is not None and not folder.is_dir():
        raise TollwayError(f"--catalog {folder} is not a folder. Name one with *.toml or *.json.")
    files = sorted(folder.iterdir()) if folder is not None else []
    texts = {_name(path): _text(path) for path in files if path.suffix in (".toml", ".json")}
    return own(texts, datetime.now(UTC).date())


def model_of(known: Catalogue, name: str) -> ModelShape:
    """The model of that name, or of that file (rule 1).

    Raises:
        TollwayError: there is none.
    """
    found = _described(name)
    if found is None:
        return known.model(name if name in known.models else known_as("models", name) or name)
    if not found.models:
        raise TollwayError(
            f"{name} describes no model. Hand in a config.json, or TOML with layers."
        )
    return next(iter(found.models.values()))


def chip_of(known: Catalogue, name: str) -> Chip:
    """The chip of that name, or of that file (rule 1).

    Raises:
        TollwayError: there is none.
    """
    found = _described(name)
    if found is None:
        return known.chip(name if name in known.chips else known_as("chips", name) or name)
    if not found.chips:
        raise TollwayError(f"{name} is no chip. Hand in TOML with [[memory]] tables.")
    return next(iter(found.chips.values()))


def _described(name: str) -> Catalogue | None:
    path = Path(name)
    if path.suffix not in (".toml", ".json"):
        return None
    text = _text(path)
    try:
        return own({_name(path): text}, datetime.now(UTC).date())
    except TollwayError as error:
        raise TollwayError(f"{path}: {error}") from error


def _name(path: Path) -> str:
    """A config.json is named after its folder, as its publisher's repository is."""
    return path.absolute().parent.name if path.name == "config.json" else path.stem


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TollwayError(f"{path} is not text. Hand in TOML, or a config.json.") from None
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise TollwayError(f"{path}: {why}. Name a file, or a name of the catalogue.") from None


def counted(text: str, tp: int) -> tuple[int, str]:
    """`8xh200` is eight h200, and `h200` as many as `tp`."""
    found = _COUNTED.fullmatch(text)
    return (int(found[1]), found[2]) if found else (tp, text)


def assumed(chip: Chip, said: Sequence[str]) -> Chip:
    """The chip with what is assumed of it, each as a range.

    Raises:
        TollwayError: an assumption is none.
    """
    ranges = dict(chip.ranges)
    for one in said:
        key, _, value = one.partition("=")
        if key not in ASSUMABLE:
            raise TollwayError(str(unknown(key, ASSUMABLE, "--assume")))
        low, high = _ends(one, value)
        name, unit = ASSUMABLE[key]
        ranges[name] = Range(low * unit, high * unit)
    return replace(chip, ranges=MappingProxyType(ranges))


def knows(chip: Chip, key: str) -> bool:
    """Whether the catalogue knows what `--assume KEY` would assume."""
    if key == "bandwidth":
        return chip.memory[0].bandwidth is not None
    return key in chip.facts and key not in chip.ranges


def _ends(said: str, value: str) -> tuple[float, float]:
    found = _RANGE.fullmatch(value)
    try:
        low, high = (float(found[1]), float(found[2] or found[1])) if found else (0.0, 0.0)
    except ValueError:
        low = high = 0.0
    if not 0 < low <= high:
        raise TollwayError(
            f"--assume {said} is not KEY=LO..HI. Write numbers above zero, the smaller first: "
            "--assume bf16_tflops=200..250, or one: --assume power_w=350."
        )
    return low, high


def ask(
    known: Catalogue,
    chip: Chip,
    said: DeploymentOptions,
    load: LoadOptions,
    model: ModelShape | None = None,
) -> Asked:
    """The question that a command line puts, without prices and without a prefill half.

    Raises:
        TollwayError: an option makes no sense.
    """
    _check_counts(said, load)
    name, _, version = said.engine.partition("@")
    packaged = name not in known.engines
    framework = known.engine(name).same_as or (name if packaged else OWN_AS)
    settings = _settings(said, framework, version or None)
    if not packaged:  # the engine model knows the defaults of packaged ones
        settings = _with_defaults(settings, known.engine_defaults(name, version or None, chip))
    if load.rate is not None and load.concurrency is not None:
        raise TollwayError("--rate and --concurrency are two kinds of load. Give one of them.")
    question = Question(
        model=model or model_of(known, said.model),
        chip=chip,
        workload=Workload(
            input_tokens=load.input,
            output_tokens=load.output,
            concurrency=load.concurrency,
            rate=load.rate,
            requests=load.requests,
            spread=load.spread,
        ),
        layout=Layout(tp=said.tp, pp=said.pp, ep=said.ep, attention_dp=said.dp_attention),
        settings=settings,
    )
    measured = settings.framework if packaged else None
    if measured in FRAMEWORKS:
        return Asked(question, ())
    like = f"{listed(FRAMEWORKS)} are on average" if packaged else f"{framework} is"
    return Asked(question, (f"{name} was never measured; it is taken to be as {like}.",))


def _settings(said: DeploymentOptions, framework: str, version: str | None) -> EngineSettings:
    return EngineSettings(
        precision=said.precision,
        kv_precision=said.kv_precision,
        memory_share=said.memory_share,
        batch_tokens=said.token_budget,
        sequences=said.max_num_seqs,
        context=said.context,
        framework=framework,
        version=version,
        blocks=said.kv_blocks,
        prefix_share=said.prefix_share,
        tiers=said.memory_tiers,
        speculation=_speculation(said),
    )


def _with_defaults(settings: EngineSettings, own: EngineDefaults) -> EngineSettings:
    given = settings.memory_share
    return replace(
        settings,
        prefill=own.prefill,
        memory_share=given or own.memory_share,
        memory_of=None if given else own.memory_of,
        batch_tokens=settings.batch_tokens or own.batch_tokens,
        sequences=settings.sequences or own.sequences,
    )


def _check_counts(said: DeploymentOptions, load: LoadOptions) -> None:
    counts = {
        "--context": said.context,
        "--max-num-seqs": said.max_num_seqs,
        "--token-budget": said.token_budget,
        "--memory-tiers": said.memory_tiers,
        "--kv-blocks": said.kv_blocks,
        "--requests": load.requests,
        "--ep": said.ep,
    }
    for option, count in counts.items():
        if count is not None and count < 1:
            raise TollwayError(f"{option} is {count}. It is a whole number, 1 or more.")
    share = said.memory_share
    if share is not None and not 0 < share <= 1:
        raise TollwayError(f"--memory-share is {share:g}. It is above 0 and at most 1.")


def _speculation(said: DeploymentOptions) -> Speculation | None:
    drafted, share = said.spec_tokens, said.acceptance
    if drafted is None and share is None:
        return None
    if drafted is None or share is None:
        raise TollwayError(
            "--spec-tokens and --acceptance belong together: how many tokens are drafted a step, "
            "and the share of them that is kept."
        )
    if drafted < 1 or not 0 <= share <= 1:
        raise TollwayError(
            f"--spec-tokens {drafted} --acceptance {share:g} cannot be. Draft at least one token; "
            "the share that is kept is from 0 to 1."
        )
    return Speculation(drafted, share * drafted)


def with_prefill(
    question: Question, known: Catalogue, said: PrefillOptions, assumptions: Sequence[str]
) -> Asked:
    """The question with a prefill half, where one is asked for. Of its chip is assumed what is not
    known.

    Raises:
        TollwayError: there is no such chip, or its arithmetic is not known.
    """
    if said.prefill_chip is None:
        if said != PrefillOptions():
            raise TollwayError("--prefill-… needs --prefill-chip. Say which chip prefills.")
        return Asked(question, ())
    chip = chip_of(known, said.prefill_chip)
    notes = ("prefill on chips of its own was never measured; the intervals may be too narrow.",)
    chip = assumed(chip, [one for one in assumptions if not knows(chip, one.partition("=")[0])])
    if "bf16" not in chip.flops and "bf16_tflops" not in chip.ranges:
        raise TollwayError(
            f"the arithmetic rate of {chip.name} is not published, and prefill is arithmetic. "
            "Assume one: --assume bf16_tflops=LO..HI."
        )
    link = said.kv_link_gb_s
    pool = PrefillPool(
        chip=chip,
        layout=Layout(tp=said.prefill_tp),
        replicas=said.prefill_replicas,
        link=None if link is None else link * 1e9,
    )
    paired = replace(
        question,
        prefill=pool,
        decode_replicas=said.decode_replicas,
        prefill_hour_usd=said.prefill_price,
    )
    return Asked(paired, notes)
