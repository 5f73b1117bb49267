"""Which traces can be named: those in the package, and files."""

from importlib.resources import files
from pathlib import Path

from tollway.errors import TollwayError, did_you_mean
from tollway.simulator.formats import parse
from tollway.simulator.trace import Trace

PACKAGED: dict[str, str] = {
    "azure-code": "code completion, Azure 2023: long prompts, short answers, in bursts (40 min)",
    "servegen-chat": "chat, drawn from three ServeGen clients (30 min, about 4 requests a second)",
}
"""Name -> what it is, in a line. Origins and licences: `traces/ATTRIBUTION.md`."""


def load(name: str) -> Trace:
    """The packaged trace of that name, or the trace in the file of that path.

    Raises:
        TollwayError: there is neither.
        FaultsFound: the file is not a trace.
    """
    if name in PACKAGED:
        packed = files("tollway.replay").joinpath("traces", f"{name}.csv.gz")
        return parse(name, packed.read_bytes())
    path = Path(name)
    try:
        return parse(name, path.read_bytes())
    except FileNotFoundError:
        known = ", ".join(PACKAGED)
        hint = did_you_mean(name, PACKAGED)
        raise TollwayError(
            f"{name}: no such file, and no trace of this name is packaged; known: {known}. {hint}"
        ) from None
    except OSError as error:
        raise TollwayError(f"{name}: cannot be read: {error.strerror}") from error
