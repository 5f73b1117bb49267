# pyright: basic
"""Machine code of the kernels: made by numba once, run without it from then on.

Rules
1. Code of other sources, for other arrays, of another processor, numba or llvmlite is never run:
   all are in the name of the file that keeps it. Nor is code that two processes wrote at once, or
   that a full disk cut short: its sum is kept with it.
2. Where it cannot be kept, numba compiles it anew for each process.
3. Arrays are handed over as numba does it: owner, parent, items, bytes an item, address, shape,
   strides. A kernel allocates nothing, so that it needs nothing of numba's.
4. What it calls of mathematics is the C library's that this Python calls too: both round alike.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import CDLL, CFUNCTYPE, byref, c_int32, c_int64, c_uint8, c_void_p, cast
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from struct import unpack_from
from typing import Any

import numpy as np

from tollway.simulator.source import beside, digest

SYMBOLS = 2
"""The type of an ELF section that holds symbols."""


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
        host = f"{llvm.get_host_cpu_name()} {features} {version('llvmlite')} {version('numba')}"
        key = sha256(f"{digest()} {kinds} {host}".encode()).hexdigest()[:16]
        return beside(f"{self._name}.{key}.o")

    def _kept(self, file: Any) -> Callable[..., bool] | None:
        if not file.is_file():
            return None
        said, _, code = file.read_bytes().partition(b"\n")
        symbol, _, total = said.partition(b" ")
        whole = total.decode() == sha256(code).hexdigest()
        return _Loaded(symbol.decode(), code) if whole else None

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
            said = f"{made.fndesc.llvm_func_name} {sha256(code).hexdigest()}\n"
            part.write_bytes(said.encode() + code)
            part.replace(file)
        return function


class _Loaded:
    """Machine code in memory."""

    def __init__(self, symbol: str, code: bytes) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        for name in _wanted(code):
            # What numba has said of a name holds for all that it compiles later in this process.
            if llvm.address_of_symbol(name) is None:
                llvm.add_symbol(name, _address(name))
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


def _wanted(code: bytes) -> Iterator[str]:
    """The names that an object file (ELF, 64 bits, little-endian) wants to be told."""
    [sections_at] = unpack_from("<Q", code, 0x28)
    [each, count] = unpack_from("<HH", code, 0x3A)
    sections = [unpack_from("<IIQQQQIIQQ", code, sections_at + at * each) for at in range(count)]
    for section in sections:
        if section[1] != SYMBOLS:
            continue
        names_at = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, defined = unpack_from("<IBBH", code, at)
            if name and not defined:
                yield code[names_at + name : code.index(0, names_at + name)].decode()


def _address(name: str) -> int:
    """Where this process has something of that name. What it has not is only wanted by the wrapper
    in which numba hands a kernel to Python, which is not used: it would end the process."""
    process = CDLL(None)
    return cast(getattr(process, name, process.abort), c_void_p).value or 0


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
