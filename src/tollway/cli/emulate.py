"""`tollway emulate`: OpenAI-compatible engines that aren't there, at the pace of chosen silicon.

Rules
1. Ready means listening: the address is printed after that, one line each, to standard error.
2. With `--until-eof` it ends when its standard input does, so that it never outlives its parent.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.catalog import chip as find_chip
from tollway.catalog import model as find_model
from tollway.cli.serving import ending, set_at_eof
from tollway.emulator.app import Emulator
from tollway.emulator.build import Listening, emulators
from tollway.emulator.build import emulate as build
from tollway.emulator.script import Script, read_script
from tollway.emulator.server import start
from tollway.engine import EngineSettings
from tollway.errors import TollwayError

DEFAULT_LISTEN = "127.0.0.1:8411"


def emulate(
    *,
    model: str | None = None,
    chip: str | None = None,
    tp: int = 1,
    precision: str | None = None,
    replicas: int = 1,
    context: int | None = None,
    listen: str = DEFAULT_LISTEN,
    seed: int = 0,
    fleet: Path | None = None,
    script: Path | None = None,
    until_eof: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Serve engines that aren't there, at the pace that the engine model predicts.

    Parameters
    ----------
    model
        A model of the catalogue, for example llama-3.3-70b.
    chip
        A chip of the catalogue, for example h200.
    tp
        Chips of one replica (tensor parallelism).
    precision
        bf16, fp8, fp4, int8 or int4. Default: what the model's publisher ships.
    replicas
        Engines behind the one address; a request goes to the least loaded.
    context
        The longest sequence in tokens. Default: the model's own, or what the KV memory holds.
    listen
        HOST:PORT. Port 0 takes a free one.
    seed
        Another seed gives other texts and lengths.
    fleet
        A fleet file: serve all its emulated sources instead, each where the file says.
    script
        Answers to give where they apply: [[turn]] tables in TOML, or JSON lines (.jsonl).
    until_eof
        End when standard input does.
    """
    lines = None if script is None else read_script(script)
    if fleet is not None:
        if model is not None or chip is not None:
            raise TollwayError("--fleet says which models and chips. Leave out --model and --chip.")
        wanted: Sequence[Listening] = _of_fleet(fleet, lines)
    else:
        if model is None or chip is None:
            raise TollwayError("--model and --chip are both needed, or --fleet FILE.")
        if replicas < 1:
            raise TollwayError(f"--replicas is {replicas}. It is 1 or more.")
        host, port = _address(listen)
        find_model(model)
        find_chip(chip)
        into = Emulator(seed=seed, script=lines)
        settings = EngineSettings(precision=precision, context=context)
        made = build(model, chip, tp, settings=settings, replicas=replicas, into=into)
        wanted = [Listening(model, made, host, port)]
    _run(wanted, until_eof)
    return 0


def _of_fleet(path: Path, script: Script | None) -> Sequence[Listening]:
    # Reading a fleet imports pydantic, which one engine by flags has no use for.
    from tollway.inspect.fleetfile import read_fleet

    wanted = emulators(read_fleet(path), script)
    if not wanted:
        raise TollwayError(f'{path} has no source of kind "emulated". Add one, or name a model.')
    return wanted


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise TollwayError(f"--listen {listen!r} is not HOST:PORT. Write {DEFAULT_LISTEN}.")
    return host, int(port)


def _run(wanted: Sequence[Listening], until_eof: bool) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(wanted, until_eof))


async def _serve(wanted: Sequence[Listening], until_eof: bool) -> None:
    over = ending()
    async with AsyncExitStack() as stack:
        for one in wanted:
            url = await stack.enter_async_context(start(one.emulator, one.host, one.port))
            sys.stderr.write(f"{one.source}: {_described(one.emulator)} at {url}/v1\n")
        sys.stderr.flush()
        if until_eof:
            set_at_eof(over)
        await over.wait()


def _described(emulator: Emulator) -> str:
    return ", ".join(
        f"{name} in {pool.deployment.precision} on {len(pool.replicas)} x "
        f"{pool.deployment.tp} {pool.deployment.chip.name}"
        for name, pool in emulator.pools.items()
    )
