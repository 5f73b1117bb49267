"""From the words of a command line to questions for the engine model.

Rules
1. A name is looked for in the user's own catalogue, then in the packaged one, then as what others
   call it; what looks like a path is read.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tollway.catalog import Chip, ModelShape, known_as
from tollway.catalog.own import Catalogue, own
from tollway.cli.predict_options import DeploymentOptions, LoadOptions, PrefillOptions
from tollway.engine.asking import Asked, assumed, knows, under
from tollway.engine.question import (
    EngineSettings,
    Layout,
    PrefillPool,
    Question,
    Speculation,
    Workload,
)
from tollway.errors import TollwayError

_COUNTED = re.compile(r"(\d+)x([^\d].*)")


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
        settings=_settings(said),
    )
    return under(known, said.engine, question)


def _settings(said: DeploymentOptions) -> EngineSettings:
    return EngineSettings(
        precision=said.precision,
        kv_precision=said.kv_precision,
        memory_share=said.memory_share,
        batch_tokens=said.token_budget,
        sequences=said.max_num_seqs,
        context=said.context,
        blocks=said.kv_blocks,
        prefix_share=said.prefix_share,
        tiers=said.memory_tiers,
        speculation=_speculation(said),
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
