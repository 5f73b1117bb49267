"""Which execution plays a trace: the compiled one where it can, else the plain one."""

from importlib.util import find_spec

from tollway.fleet.objects import Fleet
from tollway.simulator.play import Play
from tollway.simulator.supply import Pool
from tollway.simulator.trace import Trace

NEEDED = ("numpy", "numba")


def obstacles(fleet: Fleet, pools: tuple[Pool, ...], trace: Trace, play: Play) -> list[str]:
    """Why this has to be played plain, in words for a report; empty where it can be compiled."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return [f"{' and '.join(missing)} not installed (pip install 'tollway[twin]')"]
    from tollway.simulator.fleet_arrays import uncompiled

    return uncompiled(fleet, pools, trace, play)
