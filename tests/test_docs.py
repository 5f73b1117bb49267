"""What the documentation promises: links lead somewhere, examples work, reference is current."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from free_ports import free_ports
from tollway.cli.app import COMMANDS
from tollway.cli.running import read_running
from tollway.fleet.parse import parse
from tollway.inspect.demo import demo_fleet_text

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AGENTS = shutil.which("bwrap") is not None or os.environ.get("CI") == "true"
"""Whether the tutorial's agent is run, which needs a sandbox."""
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page whose info string is `language` or begins with it."""
    return [
        body
        for info, body in FENCE.findall(page.read_text())
        if info == language or info.startswith(f"{language} ")
    ]


def commands(page: Path) -> list[str]:
    """The commands that a page tells people to type, continuation lines joined."""
    lines: list[str] = []
    for body in blocks(page, "sh"):
        lines += body.replace("\\\n", " ").splitlines()
    for body in blocks(page, "console"):
        joined = body.replace("\\\n", " ")
        lines += [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
    parts = [part.strip() for line in lines for part in re.split(r"&&|\|", line)]
    return [part for part in parts if part and not part.startswith("#")]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_commands_say_of_themselves(generator: ModuleType) -> None:
    current = generator.TARGET.read_text() == generator.reference()
    assert current, "docs/reference/cli.md is stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    broken: list[str] = []
    for found in LINK.finditer(text):
        target = (found[1] or found[2]).partition("#")[0]
        if target and ":" not in target and not (page.parent / target).exists():
            broken.append(target)
    assert not broken


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {index}
    todo = [index]
    while todo:
        page = todo.pop()
        for found in LINK.finditer(page.read_text()):
            target = (page.parent / (found[1] or "").partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in linked:
                linked.add(target)
                todo.append(target)
    unreachable = [shown(page) for page in PAGES if page.name != "README.md" and page not in linked]
    assert not unreachable


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_fleet_example_is_valid(page: Path) -> None:
    for text in blocks(page, "toml check"):
        parse({"fleet.toml": text}, "fleet.toml")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_toml_example_is_toml(page: Path) -> None:
    for text in blocks(page, "toml"):
        tomllib.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_command_shown_exists_with_its_options(page: Path, generator: ModuleType) -> None:
    for line in commands(page):
        words = line.removeprefix(".venv/bin/").split()
        if words[0] != "tollway" or len(words) == 1 or words[1].startswith("-"):
            continue
        command = words[1]
        assert command in COMMANDS, line
        subs = [word for word in words[2:3] if word in generator.subcommands(command)]
        known = generator.help_of(command, *subs)
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert option in known, f"{line}: {option}"


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(
    shutil.which("curl") is None and os.environ.get("CI") != "true", reason="needs curl"
)
def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    state = tmp_path / ".tollway"
    state.mkdir()
    ports = dict(zip(("8400", "8411", "8412", "8413", "8440"), free_ports(5), strict=True))

    def elsewhere(text: str) -> str:
        for written, port in ports.items():
            text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
        return text

    (state / "fleet.toml").write_text(elsewhere(demo_fleet_text()))
    script = "\n".join(
        # A replay with failed requests exits 1, and the tutorial makes some fail.
        line[2:] + (" || [ $? = 1 ]" if "replay" in line and "outage" in line else "")
        for body in blocks(ROOT / "docs" / "tutorial.md", "console")
        for line in body.replace("\\\n", " ").splitlines()
        if line.startswith("$ ")
    )
    # Other ports, less of the trace, and the environment that these tests run in; all else as is.
    script = elsewhere(script).replace("make up", "tollway up").replace("30s", "2s")
    agent = f"{ROOT}/docs/examples/agent/run" if AGENTS else "true"
    script = script.replace("make agent", agent)
    script = script.replace(
        "tollway replay", f"tollway replay --url http://127.0.0.1:{ports['8400']}"
    )
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ.pop("TOLLWAY_STATE", None)
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=200,
        )
    finally:
        running = read_running(state)
        if running is not None:
            os.kill(running.pid, signal.SIGKILL)
    assert done.returncode == 0, done.stdout + done.stderr
    promises = ["data: [DONE]", "x-tollway-source: b200", "x-tollway-attempts: 3", "fallbacks"]
    if AGENTS:
        promises += [
            "Refused: nobody approved this",
            "Alice Adams has the summary",
            "Tier ns isolates",
        ]
    promises.append("frontier  71.2 (69.7 to 72.7)")
    for promise in promises:
        assert promise in done.stdout
    assert "llama-3.3-70b" in (tmp_path / "day.html").read_text()
    assert "Tollway is down." in done.stderr
