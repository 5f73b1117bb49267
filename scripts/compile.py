"""Compiles the modules that every request runs through, in place, with mypyc.

    python scripts/compile.py            compile what has changed
    python scripts/compile.py --clean    take the compiled modules away

Rules
1. The same files run either way: compiled where there is a C compiler, interpreted where there is
   none, at about twice the CPU a request.
2. A compiled module hides its source. So the sum of the sources is written beside the result, and
   the tests refuse to run against a compiled module that is not of its source.
3. A module is left out whose classes something is decoded into: that needs the annotations, which
   a compiled class does not keep.
"""

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
SUM = ROOT / "src" / "tollway.compiled"
MODULES = {
    "fleet": "prices",
    "dialects/openai": "usage",
    "policy": "breaker limit quantile retry route spend",
    "dispatch": "accounts books deadlines drilling ends health lanes lately machine observed "
    "placing requests room routing sources timetable view",
    "simulator": "draws floor handover hosted plain prefix replica steps",
    "ledger": "journal labels ring rows writer",
    "gateway": "answers asking attempt attempts auth body client exchange facts http kept lookups "
    "meter metrics openai outbox pacing pauses reader recurring reported routes spoken splice "
    "sse surfaces switchboard tokens upstream watch wire wish wording",
    "gateway/guarded": "attempts request",
}
GROUP = "tollway_compiled"


def sources() -> list[Path]:
    """The files that are compiled."""
    return [
        SOURCE / "tollway" / room / f"{name}.py"
        for room, names in MODULES.items()
        for name in names.split()
    ]


def sum_of_sources() -> str:
    """What the compiled modules must have been made of, and for which Python."""
    total = hashlib.sha256(f"{sys.implementation.cache_tag} {GROUP}".encode())
    for path in sources():
        total.update(path.read_bytes())
    return total.hexdigest()


def compiled() -> list[Path]:
    """What is there of compiled modules."""
    return sorted(SOURCE.rglob("*.so"))


def stale() -> bool:
    """Whether there are compiled modules of other sources than these."""
    made_of = SUM.read_text().strip() if SUM.exists() else ""
    return bool(compiled()) and made_of != sum_of_sources()


def clean() -> None:
    """Take the compiled modules away."""
    SUM.unlink(missing_ok=True)
    for path in compiled():
        path.unlink()


def missing() -> str | None:
    """What this machine lacks for compiling, if anything."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    try:
        subprocess.run([compiler, "--version"], capture_output=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return f"no C compiler ({compiler})"
    return None if header.exists() else "no Python headers"


def build() -> int:
    """Compile in place; the exit code."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    clean()
    os.chdir(ROOT)
    os.environ["MYPYPATH"] = "src"
    os.environ.setdefault("CFLAGS", "-g0")
    options = ["--ignore-missing-imports", "--follow-imports=silent", "--warn-unreachable"]
    with tempfile.TemporaryDirectory(prefix="tollway-compile-") as folder:
        modules = mypycify(
            [*options, *(str(path.relative_to(ROOT)) for path in sources())],
            opt_level=os.environ.get("TOLLWAY_COMPILE_LEVEL", "2"),
            debug_level="0",
            group_name=GROUP,
            target_dir=folder,
        )
        whole = Distribution({"ext_modules": modules, "package_dir": {"": "src"}, "packages": []})
        command = whole.get_command_obj("build_ext")
        command.inplace = True  # type: ignore[attr-defined]
        command.build_temp = folder  # type: ignore[attr-defined]
        command.ensure_finalized()
        command.run()
    SUM.write_text(sum_of_sources() + "\n")
    return 0


def main() -> int:
    """The command line."""
    if sys.argv[1:] == ["--clean"]:
        clean()
        return 0
    if compiled() and not stale():
        return 0
    lacking = missing()
    if lacking is not None:
        clean()
        print(
            f"The hot path runs interpreted, at about twice the CPU a request: {lacking}. To have "
            "it compiled: apt-get install gcc python3-dev, then make up again.",
            file=sys.stderr,
        )
        return 0
    print("Compiling the hot path (once, about a minute of CPU)", file=sys.stderr)
    return build()


if __name__ == "__main__":
    sys.exit(main())
