# pyright: basic
"""Machine code of the kernels: made by numba once, run without it from then on.

Rules
1. The code of other sources, for other arrays, of another processor or of another llvmlite is never
   run: all four are in the name of the file that keeps it.
2. Where it cannot be kept, numba compiles it anew for each process.
3. Arrays are handed over as numba does it: owner, parent, items, bytes an item, address, shape,
   strides. A kernel allocates nothing, so that it needs nothing of numba's.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import CFUNCTYPE, byref, c_int32, c_int64, c_uint8, c_void_p
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from tollway.simulator.source import beside, digest


@cache
def kernel(module: str, name: str) -> Callable[..., bool]:
    """A kernel that may be called with arrays, tuples of arrays and whole numbers."""
    return _Kernel(module, name)


class _Kernel:
    """One compiled function, loaded at the first call with arrays of each kind."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._runs: dict[str, Callable[..., bool]] = {}

    def __call__(self, *given: Any) -> bool:
        kinds = " ".join(_kinds(given))
        run = self._runs.get(kinds)
        if run is None:
            file = self._file(kinds)
            run = self._runs[kinds] = self._kept(file) or self._made(file, given)
        return run(*given)

    def _file(self, kinds: str) -> Any:
        import llvmlite.binding as llvm

        features = str(sorted(llvm.get_host_cpu_features().items()))
        host = f"{llvm.get_host_cpu_name()} {features} {version('llvmlite')}"
        key = sha256(f"{digest()} {kinds} {host}".encode()).hexdigest()[:16]
        return beside(f"{self._name}.{key}.o")

    def _kept(self, file: Any) -> Callable[..., bool] | None:
        if not file.is_file():
            return None
        symbol, _, code = file.read_bytes().partition(b"\n")
        return _Loaded(symbol.decode(), code)

    def _made(self, file: Any, given: tuple[Any, ...]) -> Callable[..., bool]:
        """Have numba compile it, and keep what it made."""
        from numba import typeof

        function = getattr(import_module(self._module), self._name)
        types = tuple(typeof(one) for one in given)
        function.compile(types)
        made = function.overloads[types]
        code = made.library._get_compiled_object()
        with suppress(OSError):  # rule 2
            part = file.with_suffix(".part")
            part.write_bytes(made.fndesc.llvm_func_name.encode() + b"\n" + code)
            part.replace(file)
        return function


class _Loaded:
    """Machine code in memory."""

    def __init__(self, symbol: str, code: bytes) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(jit=True, codemodel="jitdefault")
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._address = self._engine.get_function_address(symbol)

    def __call__(self, *given: Any) -> bool:
        result, failure = c_uint8(), c_void_p()
        flat = list(_flat(given))
        run = CFUNCTYPE(c_int32, c_void_p, c_void_p, *(c_int64,) * len(flat))(self._address)
        run(byref(result), byref(failure), *flat)
        return bool(result.value)


def _kinds(given: Any) -> Iterator[str]:
    """What the machine code of these arguments must have been made for."""
    for one in given:
        if isinstance(one, np.ndarray):
            yield f"{one.ndim}{one.flags.c_contiguous}{one.dtype.descr}"
        elif isinstance(one, tuple):
            yield from _kinds(one)
        else:
            yield "i8"


def _flat(given: Any) -> Iterator[int]:
    """Arguments as numba's functions take them."""
    for one in given:
        if isinstance(one, np.ndarray):
            yield from (0, 0, one.size, one.itemsize, one.ctypes.data, *one.shape, *one.strides)
        elif isinstance(one, tuple):
            yield from _flat(one)
        else:
            yield int(one)
