"""A lock as a CycloneDX 1.7 bill of materials.

Rules
1. Every component of the lock is in it, under its `kind:name` as bom-ref. Nothing is made up: what
   the lock does not say is not there.
2. The same lock, serial and timestamp give the same text.
3. A model is a `machine-learning-model` with a card, a server of tools a service, a prompt data, an
   image a container, a package a library, a runtime a platform.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from tollway.errors import TollwayError
from tollway.pins.component import (
    Component,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    Prompt,
    PypiPackage,
    Weights,
    called,
)
from tollway.pins.lock import Lock

_TYPES = {
    "model-api": "MACHINE_LEARNING_MODEL",
    "weights": "MACHINE_LEARNING_MODEL",
    "pypi": "LIBRARY",
    "npm": "LIBRARY",
    "prompt": "DATA",
    "runtime": "PLATFORM",
    "image": "CONTAINER",
}
_HASHES = {"sha256": "SHA_256", "sha512": "SHA_512"}
_MODELS = ("model-api", "weights")


def bom_text(lock: Lock, *, serial: str, made: datetime, version: str) -> str:
    """The bill of materials as JSON.

    `serial` is a UUID as text, `made` the moment that it bears, with its time zone, and `version`
    Tollway's own.

    Raises:
        TollwayError: the extra is not installed.
    """
    cdx = _library()
    bom = cdx.Bom()
    root = cdx.Component(name=lock.fleet, type=cdx.ComponentType.APPLICATION, bom_ref="fleet")
    tool = cdx.Component(
        name="tollway", type=cdx.ComponentType.APPLICATION, version=version, bom_ref="tollway"
    )
    bom.metadata.component = root
    bom.metadata.timestamp = made
    bom.metadata.tools = cdx.ToolRepository(components=[tool])
    made_of = {called(it): _entry(it) for it in lock.component}
    for entry in made_of.values():
        if isinstance(entry, cdx.Component):
            bom.components.add(entry)
        else:
            bom.services.add(entry)
    bom.register_dependency(root, list(made_of.values()))
    for it in lock.component:
        needed = [made_of[name] for name in _needs(it) if name in made_of]
        bom.register_dependency(made_of[called(it)], needed)
    told = json.loads(cdx.JsonV1Dot7(bom).output_as_string())
    return _finished(told, lock, serial)


@cache
def _library() -> Any:
    """The names of the library that are used here. Its classes are made by decorators whose types a
    checker cannot follow, so that they are of any type here."""
    try:
        from cyclonedx import model
        from cyclonedx.model import bom, component, contact, service, tool
        from cyclonedx.output.json import JsonV1Dot7
        from packageurl import PackageURL
    except ImportError:
        raise TollwayError("This needs an extra. Run: pip install 'tollway[pins]'") from None
    taken = {
        "Bom": bom.Bom, "Component": component.Component, "ComponentType": component.ComponentType,
        "OrganizationalEntity": contact.OrganizationalEntity, "Service": service.Service,
        "ToolRepository": tool.ToolRepository, "HashAlgorithm": model.HashAlgorithm,
        "HashType": model.HashType, "Property": model.Property, "XsUri": model.XsUri,
        "JsonV1Dot7": JsonV1Dot7, "PackageURL": PackageURL,
    }  # fmt: skip
    return SimpleNamespace(**taken)


def _finished(told: dict[str, Any], lock: Lock, serial: str) -> str:
    """What the library has no words for: cards of models; and the serial number."""
    told["serialNumber"] = f"urn:uuid:{serial}"
    cards = {called(it): _card(it) for it in lock.component if it.kind in _MODELS}
    for entry in told.get("components", []):
        if entry["bom-ref"] in cards:
            entry["modelCard"] = cards[entry["bom-ref"]]
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _card(component: Component) -> dict[str, Any]:
    """What a lock knows of a model; the rest of a card is for who made the model to say."""
    said: dict[str, Any] = {"bom-ref": f"card:{called(component)}"}
    known = [{"name": name, "value": value} for name, value in _model_facts(component)]
    if known:
        said["properties"] = known
    if isinstance(component, ModelApi) and component.shutdown:
        last = f"Its vendor announced {component.shutdown} as its last day."
        said["considerations"] = {"technicalLimitations": [last]}
    return said


def _model_facts(component: Component) -> Iterator[tuple[str, str]]:
    if isinstance(component, Weights):
        yield from (("tollway:format", it) for it in component.formats)
        yield from (("tollway:global", it) for it in component.globals)
    if isinstance(component, ModelApi):
        yield "tollway:source", component.source
        yield "tollway:moving", str(component.moving).lower()
        yield from (("tollway:answers", it) for it in component.answers)
        yield from (("tollway:fingerprint", it) for it in component.fingerprints)
        if component.baseline:
            yield "tollway:baseline", f"{component.baseline.path} {component.baseline.digest}"


def _needs(component: Component) -> Iterator[str]:
    if isinstance(component, PypiPackage | NpmPackage):
        yield from (f"{component.kind}:{it}" for it in component.dependencies)
    if isinstance(component, McpServer) and component.package:
        yield component.package


def _entry(component: Component) -> Any:
    cdx = _library()
    if isinstance(component, McpServer):
        return _service(component)
    vendor = component.vendor if isinstance(component, ModelApi) else ""
    purl, further = _purl(component)
    return cdx.Component(
        name=component.name,
        type=cdx.ComponentType[_TYPES[component.kind]],
        bom_ref=called(component),
        version=component.version or None,
        purl=purl,
        supplier=cdx.OrganizationalEntity(name=vendor) if vendor else None,
        hashes=_own_hashes(component),
        properties=[*_properties(component), *further],
        components=[_file(component, it) for it in _files(component)],
    )


def _purl(component: Component) -> tuple[Any, list[Any]]:
    """As the library has it; one that it does not take is kept as a property."""
    cdx = _library()
    try:
        return cdx.PackageURL.from_string(component.purl), []
    except ValueError:
        return None, [cdx.Property(name="tollway:purl", value=component.purl)]


def _service(server: McpServer) -> Any:
    cdx = _library()
    reached = [it for it in server.runs if it.startswith(("http://", "https://"))][:1]
    facts = [cdx.Property(name="tollway:purl", value=server.purl)]
    if not reached:
        facts.append(cdx.Property(name="tollway:runs", value=json.dumps(server.runs)))
    facts += [
        cdx.Property(name="tollway:tool", value=f"{it.name} {it.description} {it.schema}")
        for it in server.tools or ()
    ]
    if server.tools is None:
        facts.append(cdx.Property(name="tollway:tools", value="not asked"))
    return cdx.Service(
        name=server.name,
        bom_ref=called(server),
        version=server.version or None,
        endpoints=[cdx.XsUri(it) for it in reached],
        properties=[*_properties(server), *facts],
    )


def _properties(component: Component) -> list[Any]:
    cdx = _library()
    facts = [cdx.Property(name="tollway:kind", value=component.kind)]
    facts += [cdx.Property(name="tollway:threat", value=it) for it in component.threats]
    if component.fallback:
        facts.append(cdx.Property(name="tollway:fallback", value=component.fallback))
    if isinstance(component, PypiPackage | NpmPackage):
        facts += [cdx.Property(name=name, value=value) for name, value in _package_facts(component)]
    return facts


def _package_facts(package: PypiPackage | NpmPackage) -> Iterator[tuple[str, str]]:
    if package.index:
        yield "tollway:index", package.index
    yield "tollway:direct", str(package.direct).lower()
    for publisher in package.publishers or ():
        yield "tollway:publisher", f"{publisher.kind} {publisher.identity}"
    for name, found in (("startup", package.startup), ("scripts", package.scripts)):
        if found is None:
            yield f"tollway:{name}", "not opened"
        yield from ((f"tollway:{name}", it) for it in found or ())


def _own_hashes(component: Component) -> list[Any]:
    digest = getattr(component, "digest", None)
    if isinstance(component, Prompt):
        digest = component.file.digest
    return [] if digest is None else [_hash(digest)]


def _hash(digest: str) -> Any:
    cdx = _library()
    kind, _, content = digest.partition(":")
    return cdx.HashType(alg=cdx.HashAlgorithm[_HASHES[kind]], content=content)


def _files(component: Component) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Name, digest and further facts of what a component is made of."""
    if isinstance(component, Weights):
        yield from ((it.path, it.digest, _size(it)) for it in component.files)
    if isinstance(component, PypiPackage | NpmPackage):
        for it in component.artifacts:
            facts = {
                "tollway:size": it.size,
                "tollway:uploaded": it.uploaded.isoformat() if it.uploaded else None,
                "tollway:yanked": it.yanked,
            }
            said = {key: str(value) for key, value in facts.items() if value is not None}
            yield it.name, it.digest, said


def _size(file: PinnedFile) -> Mapping[str, str]:
    return {"tollway:size": str(file.size)}


def _file(component: Component, told: tuple[str, str, Mapping[str, str]]) -> Any:
    cdx = _library()
    name, digest, facts = told
    return cdx.Component(
        name=name,
        type=cdx.ComponentType.FILE,
        bom_ref=f"{called(component)}#{name}#{digest}",
        hashes=[_hash(digest)],
        properties=[cdx.Property(name=key, value=value) for key, value in facts.items()],
    )


def bom_refs(text: str) -> frozenset[str]:
    """The bom-refs of components and services, at the top, of a bill of materials."""
    told = cast("dict[str, list[dict[str, Any]]]", json.loads(text))
    return frozenset(
        it["bom-ref"] for key in ("components", "services") for it in told.get(key, ())
    )
