"""The file between `tollway calibrate` and `tollway predict --calibrated`: constants of one's own.

Rules
1. It says which deployment was measured, for it is of no use for another.
2. It carries every constant, so that it means the same after an update; one that another version's
   formula needs is refused.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tollway.engine.fitted import CONSTANTS, Constants, constants_of
from tollway.engine.question import Question
from tollway.errors import TollwayError
from tollway.simulator.answer import named

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Constants of one deployment. `layout` is tp, pp, ep and attention_dp; `results` how many
    measured results they come from, `factors` what differs from the shared constants, `made` the
    day on which they were fitted."""

    path: Path
    model: str
    chip: str
    framework: str
    layout: tuple[int, int, int, int]
    precision: str
    results: int
    factors: Mapping[str, float]
    constants: Constants
    made: date

    def is_of(self, question: Question) -> bool:
        """Whether it was measured on this model, chip and engine."""
        return named(question) == (self.model, self.chip, self.framework)

    def mismatch(self, question: Question) -> str:
        """Why it is of no use for the question."""
        model, chip, framework = named(question)
        return (
            f"{self.path} was calibrated with {self.model} on {self.chip} under {self.framework}; "
            f"it says nothing of {model} on {chip} under {framework}. Leave out --calibrated."
        )

    def differences(self, question: Question) -> tuple[str, ...]:
        """What the question has other than was measured, in a sentence each."""
        names = ("tp", "pp", "ep", "dp-attention")
        asked = layout_of(question)
        other = [
            f"{name} {was}, not {now}"
            for name, was, now in zip(names, self.layout, asked, strict=True)
            if was != now
        ]
        precision = question.settings.precision or question.model.precision
        if precision != self.precision:
            other.append(f"{self.precision}, not {precision}")
        return (f"{self.path} was calibrated at {', '.join(other)}.",) if other else ()


def layout_of(question: Question) -> tuple[int, int, int, int]:
    """tp, pp, ep and attention_dp."""
    layout = question.layout
    return layout.tp, layout.pp, layout.ep, layout.attention_dp


def read_calibrated(path: Path) -> Calibrated:
    """The constants in a file.

    Raises:
        TollwayError: it was not written by `tollway calibrate`, or by that of another version.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise TollwayError(f"{path}: {why}. {_MEND}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TollwayError(f"{path} is not TOML: {error}. {_MEND}") from None
    if said.get("format") != FORMAT:
        raise TollwayError(f"{path} is not of format {FORMAT}. {_MEND}")
    try:
        values = said["constants"]
        if set(values) != set(CONSTANTS):
            raise TollwayError(f"{path} was written by another version of tollway. {_MEND}")
        tp, pp, ep, groups = said["layout"]
        return Calibrated(
            path=path,
            model=str(said["model"]),
            chip=str(said["chip"]),
            framework=str(said["engine"]),
            layout=(int(tp), int(pp), int(ep), int(groups)),
            precision=str(said["precision"]),
            results=int(said["results"]),
            factors={str(name): float(value) for name, value in said["factors"].items()},
            constants=constants_of(values),
            made=date.fromisoformat(str(said["date"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TollwayError(f"{path} lacks something: {error}. {_MEND}") from None


_MEND = "Write it anew with `tollway calibrate`."


def as_toml(question: Question, one: Calibrated, sources: Mapping[str, int]) -> str:
    """The text of the file. `sources` says how many results each log had."""
    from json import dumps  # a JSON string is a TOML string

    logs = ", ".join(f"{dumps(name)} = {count}" for name, count in sources.items())
    lines = [
        "# Written by `tollway calibrate`; hand it to `tollway predict --calibrated`.",
        f"format = {FORMAT}",
        f"date = {one.made.isoformat()}",
        f"model = {dumps(one.model)}",
        f"chip = {dumps(one.chip)}",
        f"engine = {dumps(one.framework)}",
        f"engine_version = {dumps(question.settings.version or '')}",
        f"layout = {list(one.layout)} # tp, pp, ep, dp-attention",
        f"precision = {dumps(one.precision)}",
        f"results = {one.results}",
        f"logs = {{ {logs} }}",
        "",
        "[factors] # times on the cost of each, against the shared constants",
        *(f"{name} = {value:.6g}" for name, value in one.factors.items()),
        "",
        "[constants] # docs/concepts/engine.md",
        *(f"{name} = {float(getattr(one.constants, name))!r}" for name in CONSTANTS),
    ]
    return "\n".join(lines) + "\n"
