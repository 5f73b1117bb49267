"""A child of the console that predicts: one job a line of JSON in, one answer a line out.

Rules
1. It ends with its standard input, so that it never outlives the console.
2. It gives way: it runs at a lower priority than the gateway beside it.
3. What cannot be predicted is an answer, with its reason.
4. It may take so much memory and no more, so that no question takes the machine's.
"""

import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from tollway.catalog import known_as
from tollway.catalog.own import Catalogue
from tollway.engine.asking import Asked, assumed, knows, under
from tollway.engine.question import EngineSettings, Layout, PrefillPool, Question, Workload
from tollway.errors import TollwayError
from tollway.ledger.scores import read_scores
from tollway.simulator.answer import Answer, answered
from tollway.simulator.answer_told import answer_for_programs
from tollway.simulator.scores import Claim, Stale, disproved

_NICE = 5
_GIB = 1 << 30
_MEMORY = 4 * _GIB
"""Of addresses: several times what the libraries take that it starts with."""
_PACKAGED = Catalogue({}, {}, {})


class Pool(msgspec.Struct, frozen=True):
    """Engines that only prefill."""

    chip: str
    tp: int
    replicas: int


class SetUp(msgspec.Struct, frozen=True):
    """A model on chips, started so. Names are the catalogue's, or what others call it; `price` is
    USD an hour of one chip; `assume` is as `tollway predict --assume` takes it; `replicas` decode
    beside those of `prefill`."""

    model: str
    chip: str
    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp: int = 1
    tiers: int = 1
    engine: str = "vllm"
    precision: str | None = None
    price: float | None = None
    prefix: float = 0.0
    assume: tuple[str, ...] = ()
    context: int | None = None
    prefill: Pool | None = None
    replicas: int = 1


class Load(msgspec.Struct, frozen=True):
    """Users at once, or requests a second."""

    users: int | None = None
    rate: float | None = None


class Job(msgspec.Struct, frozen=True):
    """One set-up under several loads of requests of these lengths. `ledger` is where what is stale
    is written."""

    set_up: SetUp
    input: int
    output: int
    loads: tuple[Load, ...]
    ledger: str


def main() -> None:
    """Answer until standard input ends."""
    os.nice(_NICE)
    _bound_memory()
    for line in sys.stdin.buffer:
        answer = msgspec.json.encode(_done(msgspec.json.decode(line, type=Job)))
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


def _bound_memory() -> None:
    """Rule 4, under whatever bound is set already."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    bound = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def _done(job: Job) -> list[dict[str, object]] | dict[str, str]:
    """An answer for each load; `{"refused": why}` where there is no such question."""
    try:
        asked = asked_of(job)
    except TollwayError as error:
        return {"refused": str(error)}
    stale = _stale(Path(job.ledger))
    try:
        return [answer_for_programs(_answer(asked, load, stale)) for load in job.loads]
    except MemoryError:
        return {
            "refused": f"this takes more than {_MEMORY // _GIB} GiB of memory. Ask for fewer users "
            "or shorter requests here, or let `tollway predict` take its time."
        }


def asked_of(job: Job) -> Asked:
    """The question, at one user.

    Raises:
        TollwayError: there is no such model, chip or engine, or an assumption is none.
    """
    said = job.set_up
    chip = _PACKAGED.chip(known_as("chips", said.chip) or said.chip)
    chip = assumed(chip, [one for one in said.assume if not knows(chip, one.partition("=")[0])])
    settings = EngineSettings(
        precision=said.precision,
        context=said.context,
        prefix_share=said.prefix,
        tiers=said.tiers,
    )
    question = Question(
        model=_PACKAGED.model(known_as("models", said.model) or said.model),
        chip=chip,
        workload=Workload(job.input, job.output),
        layout=Layout(tp=said.tp, pp=said.pp, ep=said.ep, attention_dp=said.dp),
        settings=settings,
        prefill=None if said.prefill is None else _pool_of(said.prefill),
        decode_replicas=said.replicas,
        chip_hour_usd=said.price,
    )
    return under(_PACKAGED, said.engine, question)


def _pool_of(said: Pool) -> PrefillPool:
    return PrefillPool(_PACKAGED.chip(said.chip), Layout(tp=said.tp), said.replicas)


def _answer(asked: Asked, load: Load, stale: Mapping[Claim, Stale]) -> Answer:
    question = asked.question
    asks = replace(question.workload, concurrency=load.users, rate=load.rate)
    return answered(Asked(replace(question, workload=asks), asked.notes), stale)


def _stale(ledger: Path) -> dict[Claim, Stale]:
    try:
        return disproved(read_scores(ledger))
    except (TollwayError, OSError):  # the page says so where it shows the scores
        return {}


if __name__ == "__main__":
    main()
