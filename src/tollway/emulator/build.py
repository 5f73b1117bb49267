"""Builds emulators: from a model and a chip, or for every emulated source of a fleet."""

from dataclasses import dataclass

from tollway.catalog import chip, model
from tollway.emulator.app import Emulator
from tollway.emulator.script import Script
from tollway.engine import EngineSettings, deploy
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.objects import Fleet, Source


@dataclass(frozen=True, slots=True)
class Listening:
    """An emulator and where a fleet wants it to listen."""

    source: str
    emulator: Emulator
    host: str
    port: int


def emulate(
    model_name: str,
    chip_name: str,
    tp: int = 1,
    *,
    settings: EngineSettings | None = None,
    replicas: int = 1,
    into: Emulator | None = None,
) -> Emulator:
    """An emulator of one model of the catalogue, under its own name; `into` adds it to one that
    exists, with its seed and script.

    Raises:
        TollwayError: the catalogue does not know it, or the deployment cannot be.
    """
    emulator = into or Emulator()
    deployment = deploy(model(model_name), chip(chip_name), tp, settings)
    emulator.add(model_name, deployment, replicas)
    return emulator


def emulators(fleet: Fleet, script: Script | None = None) -> tuple[Listening, ...]:
    """An emulator for each emulated source of a fleet. Each model that a source serves has
    replicas of its own: sharing chips between models is not modelled.

    Raises:
        FaultsFound: what each source asks for and cannot be.
    """
    made: list[Listening] = []
    faults: list[Fault] = []
    for source in fleet.sources.values():
        if source.emulation is None:
            continue
        try:
            emulator = _for_source(source, script)
        except TollwayError as error:
            faults.append(Fault(f"sources.{source.name}:", str(error)))
        else:
            made.append(
                Listening(source.name, emulator, source.emulation.host, source.emulation.port)
            )
    if faults:
        raise FaultsFound(faults)
    return tuple(made)


def _for_source(source: Source, script: Script | None) -> Emulator:
    terms, silicon = source.emulation, source.silicon
    if terms is None or silicon is None:
        raise TollwayError(f"{source.name} is not an emulated source.")
    emulator = Emulator(seed=terms.seed, script=script)
    for serving in source.serves.values():
        settings = EngineSettings(precision=serving.precision, context=serving.context)
        deployment = deploy(model(serving.model), chip(silicon.chip), silicon.tp, settings)
        emulator.add(serving.upstream_model, deployment, silicon.replicas)
    return emulator
