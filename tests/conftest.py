"""What must hold before any test may run."""

import importlib.util
from pathlib import Path

import pytest

_COMPILE = Path(__file__).resolve().parent.parent / "scripts" / "compile.py"


def pytest_configure(config: pytest.Config) -> None:
    """Compiled modules hide their sources: of other sources, they are not what is to be tested."""
    spec = importlib.util.spec_from_file_location("tollway_compile", _COMPILE)
    assert spec is not None
    assert spec.loader is not None
    compiling = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compiling)
    if compiling.stale():
        raise pytest.UsageError(
            "The compiled modules are not of these sources. Run `.venv/bin/python "
            "scripts/compile.py` to compile them anew, or with --clean to go without."
        )
