"""What the repository promises about its own files."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tollway"
CORE = (
    "units",
    "errors",
    "catalog",
    "fleet",
    "engine",
    "hindsight",
    "policy",
    "guard",
    "dispatch",
    "simulator",
    "planner",
    "pins",
)

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

LONGER_FILES: dict[str, str] = {}
"""Path below src/tollway -> why it may be longer."""

LONGER_FUNCTIONS: dict[str, str] = {}
"""path:name -> why it may be longer."""

FORBIDDEN = {
    "a machine path": re.compile(r"(?<![\w.])/(work|farm)/|(?<!\w)/root/"),
    "an index host": re.compile(
        r"pypi\.(org|io)|pythonhosted|registry\.npmjs|--(extra-)?index-url \S|--find-links \S"
    ),
}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SKIPPED_SUFFIXES = {".png", ".gz", ".jsonl", ".zst", ".csv"}


def tracked() -> list[Path]:
    """Every file of the repository that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git clone: the files of an unpacked archive are not listed")
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found: list[str] = []
    for path in tracked():
        if path.suffix in SKIPPED_SUFFIXES or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in FORBIDDEN[what].finditer(text)]
    assert not found


def test_the_source_has_no_unfinished_business() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not found


def test_every_room_says_in_one_line_which_question_it_answers() -> None:
    wrong: list[str] = []
    for init in SOURCE.rglob("__init__.py"):
        docstring = ast.get_docstring(ast.parse(init.read_text()))
        if not docstring or "\n" in docstring.split("\n\n")[0]:
            wrong.append(str(init.relative_to(SOURCE)))
    assert not wrong


def test_every_module_begins_with_one_line_about_itself() -> None:
    wrong: list[str] = []
    for path in sources():
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        if not docstring or "\n" in docstring.split("\n\n")[0]:
            wrong.append(str(path.relative_to(SOURCE)))
    assert not wrong


def test_files_are_short_enough_to_be_read_in_one_sitting() -> None:
    long = {
        name: lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > MAX_FILE_LINES
        and (name := str(path.relative_to(SOURCE))) not in LONGER_FILES
    }
    assert not long


def test_functions_are_short_enough_to_be_seen_at_once() -> None:
    long: dict[str, int] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            # A command's options and their docstring are its help page, not its length.
            body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1
            name = f"{path.relative_to(SOURCE)}:{node.name}"
            if lines > MAX_FUNCTION_LINES and name not in LONGER_FUNCTIONS:
                long[name] = lines
    assert not long


def test_named_exceptions_are_still_needed() -> None:
    unneeded = [
        name
        for name in LONGER_FILES
        if len((SOURCE / name).read_text().splitlines()) <= MAX_FILE_LINES
    ]
    assert not unneeded


def test_the_core_opens_no_url() -> None:
    # import-linter can't forbid a submodule of an external package; `urllib.parse` is allowed.
    found: list[str] = []
    for path in sources():
        if path.relative_to(SOURCE).parts[0].removesuffix(".py") not in CORE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            found += [f"{path.name}: {name}" for name in names if name == "urllib.request"]
    assert not found


def test_every_lock_has_hashes_and_nothing_but_packages() -> None:
    for lock in sorted((ROOT / "locks").glob("*.txt")):
        text = lock.read_text().replace("\\\n", "")
        entries = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
        assert entries, lock.name
        unhashed = [line for line in entries if "==" not in line or "--hash=sha256:" not in line]
        assert not unhashed, lock.name


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    asked = {
        "runtime": project["project"]["dependencies"],
        "build": groups["build"],
        "dev": project["project"]["dependencies"] + groups["build"] + groups["dev"],
        "local": project["project"]["optional-dependencies"]["local"],
        "plot": project["project"]["optional-dependencies"]["plot"],
    }
    for lock, requirements in asked.items():
        text = (ROOT / "locks" / f"{lock}.txt").read_text()
        locked = set(re.findall(r"^([a-z0-9.-]+)==", text, flags=re.MULTILINE))
        names = {
            re.split(r"[\[<>=!~ ;]", requirement)[0].lower().replace("_", "-")
            for requirement in requirements
            if isinstance(requirement, str)
        }
        assert names <= locked, f"locks/{lock}.txt is stale: run `make lock`"


def test_one_package_has_one_version_in_all_locks() -> None:
    versions: dict[str, set[str]] = {}
    for lock in (ROOT / "locks").glob("*.txt"):
        pins = re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", lock.read_text(), flags=re.MULTILINE)
        for name, version in pins:
            versions.setdefault(name, set()).add(version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_every_folder_of_tests_is_on_pytests_path() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["pytest"]["ini_options"]["pythonpath"])
    folders = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/*.py")}
    assert folders <= listed
