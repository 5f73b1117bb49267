# pyright: basic
"""Compiles functions of other rooms for the arrays: from their Python source, which mypyc hides."""

from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.resources import files
from types import ModuleType
from typing import Any

KERNELS = (
    "tollway.policy.breaker",
    "tollway.policy.quantile",
    "tollway.policy.retry",
    "tollway.policy.route",
    "tollway.policy.spend",
    "tollway.simulator.fleet_choice",
    "tollway.simulator.fleet_following",
    "tollway.simulator.fleet_kernel",
    "tollway.simulator.fleet_layout",
    "tollway.simulator.fleet_placing",
    "tollway.simulator.fleet_policy",
    "tollway.simulator.fleet_run",
    "tollway.simulator.fleet_state",
    "tollway.simulator.kernel",
    "tollway.simulator.kernel_blocks",
    "tollway.simulator.kernel_one",
    "tollway.simulator.layout",
    "tollway.simulator.source",
    "tollway.simulator.steps",
)


_ALIKE: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""No kernel raises, or allocates."""


def compiled(function: Callable[..., Any]) -> Any:
    """A function as machine code, kept on disk. No fastmath: what is rounded is rounded as Python
    rounds it. Nothing is allocated, so that no reference is counted."""
    from numba import njit

    return njit(cache=True, forceinline=True, **_ALIKE)(function)


def called(function: Callable[..., Any]) -> Any:
    """The same, and a call where it is used: for what is used in many places."""
    from numba import njit

    return njit(cache=True, **_ALIKE)(function)


def entered(function: Callable[..., Any]) -> Any:
    """A function that `machine` calls and keeps; numba would keep it in a form of its own."""
    from numba import njit

    return njit(**_ALIKE)(function)


def compiled_from(module: str, *names: str) -> ModuleType:
    """A private copy of a module in which these functions, callees first, are compiled."""
    loader = SourceFileLoader(module, str(_path(module)))
    copy = ModuleType(module)
    loader.exec_module(copy)
    for name in names:
        setattr(copy, name, compiled(getattr(copy, name)))
    return copy


def digest() -> str:
    """A name for the sources of all kernels. numba's cache looks at one file alone: so this is part
    of the arrays' types, and what was compiled of other sources is compiled anew."""
    total = sha256()
    for module in KERNELS:
        total.update(_path(module).read_bytes())
    return total.hexdigest()[:16]


def beside(name: str) -> Any:
    """A file in the folder where Python and numba keep what they compiled."""
    return files("tollway.simulator") / "__pycache__" / name


def _path(module: str) -> Any:
    package, _, name = module.rpartition(".")
    return files(package) / f"{name}.py"
