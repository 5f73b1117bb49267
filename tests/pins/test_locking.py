"""What the lock of a fleet holds, and what `verified` says of a difference."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from tollway.errors import FaultsFound
from tollway.fleet.parse import parse
from tollway.pins.component import (
    Artifact,
    Component,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    PinnedTool,
    Publisher,
    PypiPackage,
    called,
)
from tollway.pins.lock import Lock, lock_text, read_lock
from tollway.pins.locking import Read, lock_of
from tollway.pins.verifying import verified

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64

FLEET = """
version = 1
[pins]
images = ["ghcr.io/vllm/vllm-openai:v0.12@sha256:{a}"]
runtimes = {{ vllm = "0.12.0" }}
[pins.weights.llama]
path = "w"
[pins.fallbacks]
"runtime:vllm" = "sglang"
[models.m]
[sources.one]
kind = "api"
url = "https://one.example/v1"
vendor = "One"
serves = {{ m = {{ upstream_model = "{asked}" }} }}
[sources.two]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves = {{ m = {{}} }}
[routes.chat]
model = "m"
candidates = ["one"]
fallbacks = ["two"]
[tools.servers.mail]
command = ["npx", "-y", "postmark@1.0.0"]
[tenants.t]
{more}
"""


def fleet_of(asked: str = "m-2026-01-01", more: str = ""):
    text = FLEET.format(a="a" * 64, asked=asked, more=more)
    return parse({"fleet.toml": text}, "fleet.toml")


def file(path: str, digest: str = A) -> PinnedFile:
    return PinnedFile(path=path, digest=digest, size=1)


def package(version: str = "1", digest: str = A, **facts: object) -> PypiPackage:
    whole = {"name": "inert", "version": version, "purl": f"pkg:pypi/inert@{version}", **facts}
    wheel = {"name": f"inert-{version}.whl", "digest": digest}
    return msgspec.convert({"kind": "pypi", "artifacts": [wheel], **whole}, PypiPackage)


def npm(name: str) -> NpmPackage:
    it = Artifact(name="x.tgz", digest=A)
    return NpmPackage(name=name, purl="pkg:npm/x", artifacts=(it,))


TOOLS = (PinnedTool(name="send", description=A, schema=B),)
READ = Read(
    prompts=(file("prompts/a.md"),),
    weights={"llama": (file("w/model.safetensors"),)},
    packages=(package(), npm("postmark@1.0.0")),
    tools={"mail": TOOLS},
)


def by_name(lock: Lock) -> dict[str, Component]:
    return {called(it): it for it in lock.component}


def test_a_lock_holds_a_component_of_each_kind_and_reads_back() -> None:
    lock = lock_of(fleet_of(), "fleet.toml", READ)
    assert list(by_name(read_lock(lock_text(lock), "x"))) == [
        "model-api:one/m",
        "model-api:two/m",
        "weights:llama",
        "pypi:inert",
        "npm:postmark@1.0.0",
        "prompt:prompts/a.md",
        "mcp:mail",
        "runtime:vllm",
        "image:ghcr.io/vllm/vllm-openai:v0.12",
    ]
    assert all(it.threats for it in lock.component)


def test_a_models_fallback_is_what_its_route_asks_next() -> None:
    found = by_name(lock_of(fleet_of(), "fleet.toml", READ))
    assert found["model-api:one/m"].fallback == "model-api:two/m"
    assert found["model-api:two/m"].fallback == "model-api:one/m"
    assert found["runtime:vllm"].fallback == "sglang"


@pytest.mark.parametrize(
    ("asked", "moves"),
    [
        ("gpt-5-2025-08-07", False),
        ("gpt-4-0613", False),
        ("claude-sonnet-4-5-20250929", False),
        ("claude-sonnet-4-5@20250929", False),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", False),
        ("gemini-2.0-flash-001", False),
        ("mistral-large-2411", False),
        ("command-r-08-2024", False),
        ("gpt-5", True),
        ("claude-sonnet-4-5", True),
        ("gemini-flash-latest", True),
        ("mistral-large-latest", True),
        ("gpt-4-9999x", True),
    ],
)
def test_a_name_without_a_date_or_revision_moves(asked: str, moves: bool) -> None:
    it = by_name(lock_of(fleet_of(asked), "fleet.toml", READ))["model-api:one/m"]
    assert isinstance(it, ModelApi)
    assert it.moving is moves


def test_an_engine_of_your_own_does_not_move() -> None:
    it = by_name(lock_of(fleet_of(), "fleet.toml", READ))["model-api:two/m"]
    assert isinstance(it, ModelApi)
    assert it.moving is False


def test_a_server_of_tools_names_the_package_that_it_runs() -> None:
    it = by_name(lock_of(fleet_of(), "fleet.toml", READ))["mcp:mail"]
    assert isinstance(it, McpServer)
    assert (it.package, it.tools) == ("npm:postmark@1.0.0", TOOLS)


def test_what_only_the_world_tells_is_kept_while_the_artifact_is_the_same() -> None:
    who = Publisher(kind="GitHub", identity="a/b")
    told = package(publishers=[msgspec.to_builtins(who)], startup=["x.pth"])
    when = datetime(2026, 1, 1, tzinfo=UTC)
    known = msgspec.structs.replace(told.artifacts[0], uploaded=when, size=7)
    old = Lock(component=(msgspec.structs.replace(told, artifacts=(known,)),))
    same = by_name(lock_of(fleet_of(), "fleet.toml", READ, old))["pypi:inert"]
    assert isinstance(same, PypiPackage)
    assert (same.artifacts, same.publishers, same.startup) == ((known,), (who,), ("x.pth",))
    other = Read(weights=READ.weights, packages=(package(digest=B),))
    new = by_name(lock_of(fleet_of(), "fleet.toml", other, old))["pypi:inert"]
    assert isinstance(new, PypiPackage)
    assert (new.artifacts[0].uploaded, new.publishers, new.startup) == (None, None, None)


def test_a_shutdown_and_a_baseline_are_kept_for_the_same_snapshot_only() -> None:
    first = by_name(lock_of(fleet_of(), "fleet.toml", READ))["model-api:one/m"]
    known = msgspec.structs.replace(first, shutdown=date(2027, 1, 1), baseline=file("b.json"))
    old = Lock(component=(known,))

    def locked(asked: str, digest: str) -> Component:
        baselines = {"one/m": file("b.json", digest)}
        read = Read(weights=READ.weights, packages=READ.packages, baselines=baselines)
        return by_name(lock_of(fleet_of(asked), "fleet.toml", read, old))["model-api:one/m"]

    assert locked("m-2026-01-01", A) == known
    moved = locked("m-2026-06-01", A)
    assert isinstance(moved, ModelApi)
    assert (moved.shutdown, moved.baseline) == (None, None)
    anew = locked("m-2026-06-01", B)
    assert isinstance(anew, ModelApi)
    assert anew.baseline == file("b.json", B)


def test_two_versions_of_a_package_are_two_components() -> None:
    read = Read(weights=READ.weights, packages=(package(), package("2"), package()))
    names = by_name(lock_of(fleet_of(), "fleet.toml", read))
    assert [it for it in names if it.startswith("pypi:")] == ["pypi:inert", "pypi:inert@2"]


def test_a_fallback_for_nothing_is_a_fault() -> None:
    more = '[[pins.accept]]\ncomponent = "pypi:inrt"\nrule = "x"\nreason = "y"\nuntil = 2027-01-01'
    with pytest.raises(FaultsFound) as found:
        lock_of(fleet_of(more=more), "fleet.toml", READ)
    said = 'fleet.toml: pins.accept."pypi:inrt" names no component. Did you mean "pypi:inert"?'
    assert str(found.value) == said


LOCK = lock_of(fleet_of(), "fleet.toml", READ)


def test_what_is_as_locked_is_verified_whatever_the_order() -> None:
    turned = msgspec.structs.replace(LOCK, component=tuple(reversed(LOCK.component)))
    findings = verified(turned, LOCK)
    assert (findings.found, findings.unaudited, findings.looked) == ((), (), 9)
    assert findings.exit_code == 0


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (
            {"prompts": (file("prompts/a.md", B),)},
            [f"prompt:prompts/a.md digest is {B[:19]}..., and {A[:19]}... is locked"],
        ),
        ({"prompts": ()}, ["prompt:prompts/a.md is locked, and not here any more"]),
        (
            {"prompts": (file("prompts/a.md"), file("prompts/b.md"))},
            ["prompt:prompts/b.md is here, and not locked"],
        ),
        (
            {"weights": {"llama": (file("w/model.safetensors", B), file("w/x.gguf"))}},
            [
                f"weights:llama w/model.safetensors digest is {B[:19]}..., not {A[:19]}...",
                "weights:llama w/x.gguf is here, and not locked",
            ],
        ),
        (
            {"packages": (package(digest=B), npm("postmark@1.0.0"))},
            [f"pypi:inert inert-1.whl digest is {B[:19]}..., not {A[:19]}..."],
        ),
        (
            {"packages": (package("2"), npm("postmark@1.0.0"))},
            [
                "pypi:inert inert-1.whl is locked, and not here any more",
                "pypi:inert inert-2.whl is here, and not locked",
                "pypi:inert purl is pkg:pypi/inert@2, and pkg:pypi/inert@1 is locked",
                "pypi:inert version is 2, and 1 is locked",
            ],
        ),
        (
            {"tools": {"mail": (PinnedTool(name="send", description=B, schema=B),)}},
            [f"mcp:mail send description is {B[:19]}..., not {A[:19]}..."],
        ),
    ],
)
def test_every_difference_is_a_finding(read: dict[str, object], said: list[str]) -> None:
    changed = Read(**{"prompts": READ.prompts, "weights": READ.weights, "packages": READ.packages,
                      "tools": READ.tools, **read})  # type: ignore[arg-type]  # fmt: skip
    now = lock_of(fleet_of(), "fleet.toml", changed, LOCK)
    findings = verified(LOCK, now)
    words = [" ".join(filter(None, (it.component, it.place, it.problem))) for it in findings.found]
    assert words == said
    assert findings.exit_code == 1


def test_a_server_whose_tools_are_not_pinned_is_not_audited() -> None:
    read = Read(prompts=READ.prompts, weights=READ.weights, packages=READ.packages)
    unpinned = lock_of(fleet_of(), "fleet.toml", read)
    findings = verified(unpinned, unpinned)
    assert [(it.component, it.what) for it in findings.unaudited] == [("mcp:mail", "tools")]
    assert findings.exit_code == 3


def test_a_model_that_is_asked_by_another_name_is_a_finding() -> None:
    now = lock_of(fleet_of("m-2026-06-01"), "fleet.toml", READ, LOCK)
    problems = {it.problem for it in verified(LOCK, now).found}
    assert "version is m-2026-06-01, and m-2026-01-01 is locked" in problems
