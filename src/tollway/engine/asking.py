"""What is said of a question beside its numbers: an engine by its name, and facts that are assumed.

Rules
1. What the user does not say stays unsaid: the engine model takes the serving engine's own default,
   and says so where that moves the answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from tollway.catalog import Chip, EngineDefaults, Range
from tollway.catalog.own import Catalogue
from tollway.engine.question import EngineSettings, Question
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


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and sentences about what was guessed or assumed to put it."""

    question: Question
    notes: tuple[str, ...]


def under(known: Catalogue, engine: str, question: Question) -> Asked:
    """The question under an engine: `vllm`, or `vllm@0.11.0` for the defaults of that version.

    Raises:
        TollwayError: there is no such engine.
    """
    name, _, version = engine.partition("@")
    packaged = name not in known.engines
    framework = known.engine(name).same_as or (name if packaged else OWN_AS)
    settings = replace(question.settings, framework=framework, version=version or None)
    if not packaged:  # the engine model knows the defaults of packaged ones
        defaults = known.engine_defaults(name, version or None, question.chip)
        settings = _with_defaults(settings, defaults)
    asked = replace(question, settings=settings)
    measured = framework if packaged else None
    if measured in FRAMEWORKS:
        return Asked(asked, ())
    like = f"{listed(FRAMEWORKS)} are on average" if packaged else f"{framework} is"
    return Asked(asked, (f"{name} was never measured; it is taken to be as {like}.",))


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
