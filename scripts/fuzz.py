"""Fuzzing of what reads strangers' bytes: HTTP requests and answers, server-sent events, request
bodies, fleet files.

What is made of the bytes follows each format's own grammar where that finds more than noise does: a
request with one fault in it, events, JSON bodies, a fleet file's words. Every example is fed whole,
byte by byte, cut anywhere, and with bytes behind it.

Every property test of those parsers is driven with random bytes through hypothesis's interface for
external fuzzers (`fuzz_one_input`), for so many seconds each. What fails is kept in `.hypothesis`,
and the next `make test` fails on it too. The same functions can be handed to atheris as they are.
"""

import argparse
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

ROOT = Path(__file__).parent.parent
MODULES = (
    "gateway/test_reader.py",
    "gateway/test_http_grammar.py",
    "gateway/test_wire_grammar.py",
    "gateway/test_sse.py",
    "gateway/test_meter.py",
    "gateway/test_body_meter.py",
    "gateway/test_openai.py",
    "gateway/test_splice.py",
    "gateway/test_trace_context.py",
    "fleet/test_parse_properties.py",
)
LARGEST = 4096
"""Random bytes an example is made of."""


def targets() -> Iterator[tuple[str, Callable[[bytes], bytes | None]]]:
    """Name and fuzz function of every property test that needs nothing of pytest."""
    for name in MODULES:
        path = ROOT / "tests" / name
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise SystemExit(f"{path}: cannot be imported.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        for title, test in vars(module).items():
            handle = getattr(test, "hypothesis", None)
            if handle is not None and not inspect.signature(test).parameters:
                yield f"{name}::{title}", handle.fuzz_one_input


def fuzz(one_input: Callable[[bytes], bytes | None], seconds: float, random: Random) -> int:
    """Drive one test for so long; gives how many inputs made an example."""
    until = time.monotonic() + seconds
    made = 0
    while time.monotonic() < until:
        size = int(2.0 ** random.uniform(3.0, 12.0))
        made += one_input(random.randbytes(min(size, LARGEST))) is not None
    return made


def main() -> int:
    """Run; exit 1 where a property broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each property")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="to repeat a run")
    options = parser.parse_args()
    random = Random(options.seed)  # noqa: S311 - test data
    sys.stderr.write(f"fuzz --seed {options.seed}\n")
    broken = 0
    for name, one_input in targets():
        try:
            made = fuzz(one_input, options.seconds, random)
        except Exception as error:  # noqa: BLE001 - whatever a property raises is the finding
            broken += 1
            sys.stdout.write(f"BROKEN  {name}: {type(error).__name__}: {error}\n")
        else:
            sys.stdout.write(f"{made:8,} examples  {name}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
