"""One AI component as the lock holds it: what it is, by which bytes, against what, and instead.

Rules
1. A digest is `sha256:` or `sha512:` and lower-case hex. Nothing weaker is read.
2. A list is never "unknown": None means that nobody looked, an empty list that nothing is there.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Digest = Annotated[str, Meta(pattern=r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z")]
Size = Annotated[int, Meta(ge=0, lt=1 << 62)]
Ecosystem = Literal["pypi", "npm"]


class _Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How values of the lock are read: unknown keys are faults."""


class PinnedFile(_Value, frozen=True, kw_only=True):
    """A file by its bytes. `path` is relative to the lock's folder, with `/`."""

    path: Text
    digest: Digest
    size: Size


class Artifact(_Value, frozen=True, kw_only=True):
    """A file of a package's release, as its index lists it.

    `uploaded` is None where the index did not say, `yanked` is the reason or an empty string.
    """

    name: Text
    digest: Digest
    size: Size | None = None
    uploaded: datetime | None = None
    yanked: str | None = None


class Publisher(_Value, frozen=True, kw_only=True):
    """Who an attestation says published a release, as PEP 740 names it.

    `kind` is "GitHub", "GitLab", "Google", "npm-user" or what the index calls it; `identity` is the
    repository or account, `workflow` the file that ran, `environment` its environment.
    """

    kind: Text
    identity: Text
    workflow: str = ""
    environment: str = ""


class PinnedTool(_Value, frozen=True, kw_only=True):
    """A tool as its server described it: digests of the description's text and of its schemas."""

    name: Text
    description: Digest
    schema: Digest


class _Component(_Value, frozen=True, kw_only=True):
    """What every component says.

    `name` is unique within its kind. `purl` is a package URL. `threats` are ids of the frameworks
    that the catalog holds (`LLM03`, `ASI04`, `AML.T0010.001`). `fallback` names what serves
    instead: another component as `kind:name`, or words for a person; empty where nothing does.
    """

    name: Text
    version: str = ""
    purl: Text
    threats: tuple[Text, ...] = ()
    fallback: str = ""


class ModelApi(_Component, tag="model-api", tag_field="kind", frozen=True, kw_only=True):
    """A model behind a source. `name` is `source/model` of the fleet file.

    `version` is the snapshot: the model id that the source is asked for. `answers` are the ids
    under which it may answer (the snapshot itself where empty) and `fingerprints` the accepted
    values of `system_fingerprint` (any where empty). `moving` says that the id is an alias that the
    provider may point elsewhere. `shutdown` is the announced last day, UTC. `baseline` is the drift
    baseline.
    """

    kind: ClassVar[str] = "model-api"
    source: Text
    vendor: str = ""
    answers: tuple[Text, ...] = ()
    fingerprints: tuple[Text, ...] = ()
    moving: bool = False
    shutdown: date | None = None
    baseline: PinnedFile | None = None


class Weights(_Component, tag="weights", tag_field="kind", frozen=True, kw_only=True):
    """A model's files. `formats` are those that its loader may read, `globals` what a pickle in it
    may name beyond the built-in allowlist, as `module.name`."""

    kind: ClassVar[str] = "weights"
    files: tuple[PinnedFile, ...]
    formats: tuple[Text, ...]
    globals: tuple[Text, ...] = ()


class _Package(_Component, frozen=True, kw_only=True):
    """A package's release.

    `index` is the base URL that it came from, `extra` its extras. `startup` are files that an
    interpreter runs at its start (`.pth`), `scripts` what its installation runs; None where no
    artifact was opened. `publishers` are those that attestations name; None where none was looked
    for. `dependencies` are names of its own kind.
    """

    index: str = ""
    artifacts: tuple[Artifact, ...]
    direct: bool = False
    publishers: tuple[Publisher, ...] | None = None
    startup: tuple[Text, ...] | None = None
    scripts: tuple[Text, ...] | None = None
    dependencies: tuple[Text, ...] = ()


class PypiPackage(_Package, tag="pypi", tag_field="kind", frozen=True, kw_only=True):
    """A distribution of the Python Package Index. `name` is normalised (PEP 503); where a lock has
    several versions, all but the first are `name@version`."""

    kind: ClassVar[str] = "pypi"


class NpmPackage(_Package, tag="npm", tag_field="kind", frozen=True, kw_only=True):
    """A package of the npm registry. `name` is `name@version`: several versions may be locked."""

    kind: ClassVar[str] = "npm"


class Prompt(_Component, tag="prompt", tag_field="kind", frozen=True, kw_only=True):
    """A system prompt or template."""

    kind: ClassVar[str] = "prompt"
    file: PinnedFile


class McpServer(_Component, tag="mcp", tag_field="kind", frozen=True, kw_only=True):
    """A server of tools. `runs` is its command, or its URL alone; `package` is the component that
    the command is of, as `kind:name`; `tools` is None where the server was not asked."""

    kind: ClassVar[str] = "mcp"
    runs: tuple[Text, ...]
    package: str = ""
    tools: tuple[PinnedTool, ...] | None = None


class Runtime(_Component, tag="runtime", tag_field="kind", frozen=True, kw_only=True):
    """An engine or interpreter. `digest` is None where nobody saw its bytes."""

    kind: ClassVar[str] = "runtime"
    digest: Digest | None = None


class Image(_Component, tag="image", tag_field="kind", frozen=True, kw_only=True):
    """A container image by its manifest."""

    kind: ClassVar[str] = "image"
    digest: Digest


Component = ModelApi | Weights | PypiPackage | NpmPackage | Prompt | McpServer | Runtime | Image
Package = PypiPackage | NpmPackage

KINDS: Mapping[str, type[Component]] = {
    it.kind: it
    for it in (ModelApi, Weights, PypiPackage, NpmPackage, Prompt, McpServer, Runtime, Image)
}
"""Kind -> its type, in the order of the lock."""


def released(package: Package) -> str:
    """The name that a package's index knows it by, without the version that tells releases of one
    name apart in a lock."""
    if isinstance(package, NpmPackage):
        return package.name.rpartition("@")[0] or package.name
    return package.name.partition("@")[0]


def called(component: Component) -> str:
    """How other components and findings name it: `kind:name`."""
    return f"{component.kind}:{component.name}"
