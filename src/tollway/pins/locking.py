"""The lock that a fleet would have now, from what was read of its files.

Rules
1. A model that is asked by a name without a date or a revision moves: its provider may point the
   name elsewhere. An engine of your own does not move by itself.
2. A model's fallback is what its routes would ask instead, unless the fleet file names another.
3. What only asking the world brings (upload times, publishers, dates) is kept from the lock that
   was, for artifacts and models that are still the same ones.
4. A drift baseline is of one snapshot: where the model is asked by another id than the lock that
   was has, the baseline of that lock is none of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
from packageurl import PackageURL

from tollway.errors import Fault, FaultsFound, did_you_mean
from tollway.fleet.objects import Candidate, Fleet, Route, Serving, Source
from tollway.fleet.pinning import ModelPin, PinSettings
from tollway.pins.component import (
    KINDS,
    Artifact,
    Component,
    Image,
    McpServer,
    ModelApi,
    NpmPackage,
    Package,
    PinnedFile,
    PinnedTool,
    Prompt,
    PypiPackage,
    Runtime,
    Weights,
    called,
)
from tollway.pins.lock import Lock
from tollway.pins.threats import threats_of

PLAIN_FORMATS = ("safetensors", "gguf")
"""What a loader may read where the fleet file names no formats: nothing in them runs."""

_MONTH = "(0[1-9]|1[0-2])"
_DATED = re.compile(
    rf"[-@_](20\d{{2}}-?{_MONTH}-?\d{{2}}|{_MONTH}-20\d{{2}}|{_MONTH}\d{{2}}|2\d{_MONTH}|v?\d{{3}})"
    r"(-v\d+:\d+|:\d+)?\Z"
)
"""How providers write a snapshot: 2026-01-31, 20260131, 01-2026, 0131, 2601, 001, -v1:0 behind."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a fleet's files. `tools` has an entry for each server whose tools are
    pinned; `weights` is by the names of the fleet file, `baselines` by `source/model`."""

    prompts: tuple[PinnedFile, ...] = ()
    weights: Mapping[str, tuple[PinnedFile, ...]] = field(
        default_factory=dict[str, tuple[PinnedFile, ...]]
    )
    packages: tuple[Package, ...] = ()
    tools: Mapping[str, tuple[PinnedTool, ...]] = field(
        default_factory=dict[str, tuple[PinnedTool, ...]]
    )
    baselines: Mapping[str, PinnedFile] = field(default_factory=dict[str, PinnedFile])


def lock_of(fleet: Fleet, name: str, read: Read, old: Lock | None = None) -> Lock:
    """The lock of a fleet whose file is called `name`. `old` is the lock that was (rule 3).

    Raises:
        FaultsFound: the fleet file names a fallback for what is no component.
    """
    pins = fleet.pins or PinSettings()
    before = {} if old is None else {called(it): it for it in old.component}
    found: list[Component] = [
        *_models(fleet, pins, read),
        *_weights(pins, read.weights),
        *_packages(read.packages),
        *(_prompt(it) for it in read.prompts),
        *_servers(fleet, read),
        *_runtimes(pins),
        *_images(pins),
    ]
    names = [called(it) for it in found]
    _check_names(pins, names, name)
    return Lock(fleet=name, component=tuple(_whole(it, pins, before) for it in found))


def _whole(it: Component, pins: PinSettings, before: Mapping[str, Component]) -> Component:
    kept = _kept(it, before.get(called(it)))
    fallback = pins.fallbacks.get(called(it), it.fallback)
    return msgspec.structs.replace(kept, fallback=fallback, threats=threats_of(kept))


def _check_names(pins: PinSettings, names: Iterable[str], file: str) -> None:
    known = set(names)
    faults = [
        Fault(f'{file}: pins.{table}."{it}"', "names no component", did_you_mean(it, known))
        for table, written in (
            ("fallbacks", list(pins.fallbacks)),
            ("accept", [it.component for it in pins.accept]),
        )
        for it in written
        if it not in known and (table == "fallbacks" or it.partition(":")[0] in KINDS)
    ]
    if faults:
        raise FaultsFound(faults)


def _kept(it: Component, old: Component | None) -> Component:
    """Rule 3."""
    if isinstance(it, ModelApi) and isinstance(old, ModelApi):
        if old.version == it.version:
            return msgspec.structs.replace(it, shutdown=it.shutdown or old.shutdown)
        return it if it.baseline != old.baseline else msgspec.structs.replace(it, baseline=None)
    if isinstance(it, PypiPackage | NpmPackage) and isinstance(old, PypiPackage | NpmPackage):
        known = {artifact.digest: artifact for artifact in old.artifacts}
        artifacts = tuple(_told(one, known.get(one.digest)) for one in it.artifacts)
        same = old.version == it.version and all(one.digest in known for one in it.artifacts)
        return msgspec.structs.replace(
            it,
            artifacts=artifacts,
            publishers=old.publishers if same and it.publishers is None else it.publishers,
            startup=old.startup if same and it.startup is None else it.startup,
            # What was read of the same bytes is more than what another lock file says of them.
            scripts=old.scripts if same and old.scripts is not None else it.scripts,
        )
    return it


def _told(new: Artifact, old: Artifact | None) -> Artifact:
    if old is None:
        return new
    return msgspec.structs.replace(
        new,
        size=new.size if new.size is not None else old.size,
        uploaded=new.uploaded or old.uploaded,
        yanked=new.yanked if new.yanked is not None else old.yanked,
    )


def is_moving(source: Source, asked: str) -> bool:
    """Rule 1."""
    return source.kind == "api" and _DATED.search(asked) is None


def _models(fleet: Fleet, pins: PinSettings, read: Read) -> Iterator[ModelApi]:
    instead = _fallbacks(fleet)
    for source in fleet.sources.values():
        for model, serving in source.serves.items():
            name = f"{source.name}/{model}"
            known = pins.models.get(name, ModelPin())
            yield ModelApi(
                name=name,
                version=serving.upstream_model,
                purl=_model_purl(source, serving),
                fallback=instead.get(name, ""),
                source=source.name,
                vendor=source.vendor or "",
                answers=known.answers,
                fingerprints=known.fingerprints,
                moving=is_moving(source, serving.upstream_model),
                shutdown=known.shutdown,
                baseline=read.baselines.get(name),
            )


def _model_purl(source: Source, serving: Serving) -> str:
    """`generic`: package URLs know no type for models behind an API."""
    vendor = source.vendor or source.name
    return PackageURL("generic", vendor, serving.upstream_model).to_string()


def _fallbacks(fleet: Fleet) -> Mapping[str, str]:
    """Rule 2: the next that a route has, in the order in which the routes are declared."""
    found: dict[str, str] = {}
    for route in fleet.routes.values():
        asked = _asked(route)
        for index, candidate in enumerate(asked):
            others = [*asked[index + 1 :], *asked[:index]]
            other = next((it for it in others if it.source != candidate.source), None)
            if other is not None:
                found.setdefault(_name(candidate), f"model-api:{_name(other)}")
    return found


def _asked(route: Route) -> tuple[Candidate, ...]:
    return tuple(dict.fromkeys((*route.candidates, *route.fallbacks)))


def _name(candidate: Candidate) -> str:
    return f"{candidate.source}/{candidate.model}"


def _weights(pins: PinSettings, read: Mapping[str, tuple[PinnedFile, ...]]) -> Iterator[Weights]:
    for name, declared in pins.weights.items():
        yield Weights(
            name=name,
            purl=PackageURL("generic", None, name).to_string(),
            files=read[name],
            formats=declared.formats or PLAIN_FORMATS,
            globals=declared.globals,
        )


def _packages(read: Iterable[Package]) -> Iterator[Package]:
    """Each release once. A second version of a Python package has its version in its name, as all
    of npm's have."""
    versions: dict[str, str] = {}
    releases: dict[str, Package] = {}
    for it in read:
        if isinstance(it, PypiPackage) and versions.setdefault(it.name, it.version) != it.version:
            it = msgspec.structs.replace(it, name=f"{it.name}@{it.version}")  # noqa: PLW2901
        known = releases.get(called(it))
        releases[called(it)] = it if known is None else _joined(known, it)
    yield from releases.values()


def _joined(one: Package, other: Package) -> Package:
    artifacts = {(it.name, it.digest): it for it in (*one.artifacts, *other.artifacts)}
    return msgspec.structs.replace(
        one,
        index=one.index or other.index,
        artifacts=tuple(sorted(artifacts.values(), key=lambda it: (it.name, it.digest))),
        direct=one.direct or other.direct,
        dependencies=tuple(sorted({*one.dependencies, *other.dependencies})),
    )


def _prompt(file: PinnedFile) -> Prompt:
    return Prompt(
        name=file.path, purl=PackageURL("generic", None, file.path).to_string(), file=file
    )


def _servers(fleet: Fleet, read: Read) -> Iterator[McpServer]:
    if fleet.tools is None:
        return
    packages = {called(it) for it in _packages(read.packages)}
    for server in fleet.tools.servers.values():
        runs = server.command or ((server.url or ""),)
        yield McpServer(
            name=server.name,
            purl=PackageURL("generic", None, server.name).to_string(),
            runs=runs,
            package=_package_of(runs, packages),
            tools=read.tools.get(server.name),
        )


def _package_of(runs: tuple[str, ...], packages: set[str]) -> str:
    """The locked package that a command runs: a word of it that names one, as `npx NAME@VERSION`,
    `uvx NAME==VERSION` and `python -m NAME` have."""
    for word in runs:
        for name in (f"npm:{word}", f"pypi:{word.partition('==')[0].replace('_', '-').lower()}"):
            if name in packages:
                return name
    return ""


def _runtimes(pins: PinSettings) -> Iterator[Runtime]:
    for name, version in pins.runtimes.items():
        purl = PackageURL("generic", None, name, version).to_string()
        yield Runtime(name=name, version=version, purl=purl)


def _images(pins: PinSettings) -> Iterator[Image]:
    for reference in pins.images:
        name, _, digest = reference.partition("@")
        folder, slash, last = name.rpartition("/")
        base, _, tag = last.partition(":")
        where = {"repository_url": f"{folder}{slash}{base}"}
        purl = PackageURL("oci", None, base.lower(), digest, where).to_string()
        yield Image(name=name, version=tag, purl=purl, digest=digest)
