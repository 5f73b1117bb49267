"""Differences between locks: whatever changes in a component is seen."""

from datetime import date

import pytest
from msgspec.structs import asdict, fields, replace

from tollway.pins.component import (
    Artifact,
    Component,
    Image,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    PinnedTool,
    Prompt,
    Publisher,
    PypiPackage,
    Runtime,
    Weights,
)
from tollway.pins.difference import differences
from tollway.pins.lock import Lock

_A, _B = ("sha256:" + it * 64 for it in "ab")
_FILES = tuple(PinnedFile(path=it, digest=_A, size=1) for it in "fg")
_PACKAGE = {
    "purl": "p",
    "version": "1.0",
    "artifacts": (Artifact(name="a", digest=_A),),
    "publishers": (),
    "startup": (),
    "scripts": (),
}
_ALL: tuple[Component, ...] = (
    ModelApi(name="s/m", purl="p", source="s", version="1"),
    Weights(name="w", purl="p", files=_FILES[:1], formats=("gguf",)),
    PypiPackage(name="x", **_PACKAGE),  # type: ignore[arg-type]
    NpmPackage(name="x@1.0", **_PACKAGE),  # type: ignore[arg-type]
    Prompt(name="p", purl="p", file=_FILES[0]),
    McpServer(name="m", purl="p", runs=("a",), tools=()),
    Runtime(name="r", purl="p", version="1"),
    Image(name="i", purl="p", digest=_A),
)
_OTHER: dict[str, object] = {
    "version": "2.0",
    "threats": ("LLM03",),
    "fallback": "by hand",
    "source": "t",
    "vendor": "v",
    "answers": ("n",),
    "fingerprints": ("f",),
    "moving": True,
    "shutdown": date(2027, 1, 1),
    "baseline": _FILES[0],
    "files": _FILES,
    "formats": ("pickle",),
    "globals": ("os.system",),
    "index": "https://other.example",
    "artifacts": (Artifact(name="a", digest=_B),),
    "publishers": (Publisher(kind="GitHub", identity="a/b"),),
    "startup": ("x.pth",),
    "scripts": ("setup.py",),
    "dependencies": ("y",),
    "file": _FILES[1],
    "runs": ("b",),
    "package": "npm:x@1.0",
    "tools": (PinnedTool(name="t", description=_A, schema=_A),),
    "digest": _B,
}
_SAME_THING = {"name", "purl", "direct"}
"""What names a component, and how the project came to it: no difference of its own."""

_CHANGES = [
    (component, field.name)
    for component in _ALL
    for field in fields(component)
    if field.name not in _SAME_THING
]


@pytest.mark.parametrize(
    ("component", "field"), _CHANGES, ids=[f"{it.kind}-{field}" for it, field in _CHANGES]
)
def test_a_change_of_any_fact_is_a_difference_both_ways(component: Component, field: str) -> None:
    changed = replace(component, **{field: _OTHER[field]})
    assert asdict(changed) != asdict(component)
    old, new = Lock(component=(component,)), Lock(component=(changed,))
    assert differences(old, new).exit_code == 1
    assert differences(new, old).exit_code == 1
    assert differences(new, new).exit_code == 0


@pytest.mark.parametrize("field", ["publishers", "startup", "scripts"])
def test_what_one_lock_does_not_know_is_not_called_the_same(field: str) -> None:
    known = _ALL[2]
    old, new = Lock(component=(known,)), Lock(component=(replace(known, **{field: None}),))
    assert differences(old, new).exit_code == 3
    assert differences(new, old).exit_code == 3


def test_several_versions_of_an_npm_package_are_paired_in_their_order() -> None:
    def lock(*versions: str) -> Lock:
        return Lock(
            component=tuple(
                NpmPackage(name=f"x@{it}", version=it, purl="p", artifacts=()) for it in versions
            )
        )

    seen = differences(lock("1.0.0", "2.0.0", "10.0.0"), lock("2.0.0", "2.1.0", "10.0.0")).found
    assert [(it.rule, it.before, it.after) for it in seen] == [
        ("version.changed", "1.0.0", "2.1.0")
    ]


def test_a_renamed_artifact_of_the_same_version_is_no_escape() -> None:
    """An artifact that comes under another name is seen, though the version is the same."""
    old = _ALL[2]
    new = replace(old, artifacts=(Artifact(name="b", digest=_B),))
    seen = differences(Lock(component=(old,)), Lock(component=(new,))).found
    assert [it.rule for it in seen] == ["artifact.added", "artifact.gone"]
