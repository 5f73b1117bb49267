"""Package indexes as sandboxes, developers and CI may see them, as declared: frozen objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from tollway.fleet.credential import Credential
from tollway.units import Bytes, Seconds

IndexMode = Literal["lock", "cooldown"]
"""lock: only what the lock names by its digest; cooldown: what the rules let pass as well."""

PackageKind = Literal["pypi", "npm"]

PackageAnswer = Literal["allow", "ask", "deny"]
"""What is done with a file that a rule is about: served, held for a person, or refused."""


@dataclass(frozen=True, slots=True)
class PackageUpstream:
    """Where packages of some names come from. `names` are globs over normalised names; `files` are
    further URLs below which its files may lie, beside its own origin; `user` has the credential
    sent as the password of Basic credentials, else as a bearer token."""

    name: str
    kind: PackageKind
    url: str
    names: tuple[str, ...] = ("*",)
    files: tuple[str, ...] = ()
    credential: Credential | None = None
    user: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class PackageRules:
    """What is done with what. `cooldown` is how old a file must be. Each other one is a rule of
    `pins.admission`."""

    cooldown: Seconds = Seconds(7 * 86400.0)
    young: PackageAnswer = "ask"
    undated: PackageAnswer = "deny"
    yanked: PackageAnswer = "deny"
    unranked: PackageAnswer = "ask"
    misspelt: PackageAnswer = "ask"
    sdists: PackageAnswer = "deny"
    scripts: PackageAnswer = "ask"
    startup: PackageAnswer = "ask"
    publishers: PackageAnswer = "ask"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How the package index listens, what it serves, and its bounds. `lock` and `ranked` (a file of
    well-known names for each kind) are relative to the fleet file's folder; `waits` is how long a
    held release may be approved, `holds` how long an approval is good; `fresh` how long an
    upstream's answer is used again; `timeout` for an upstream to answer."""

    host: str
    port: int
    mode: IndexMode = "cooldown"
    lock: str = "ai.lock"
    rules: PackageRules = field(default_factory=PackageRules)
    ranked: Mapping[PackageKind, str] = field(default_factory=lambda: MappingProxyType({}))
    waits: Seconds = Seconds(7 * 86400.0)
    holds: Seconds = Seconds(30 * 86400.0)
    fresh: Seconds = Seconds(60.0)
    timeout: Seconds = Seconds(30.0)
    cache: Bytes = Bytes(2 << 30)
    max_file: Bytes = Bytes(1 << 30)
    max_page: Bytes = Bytes(64 << 20)
    upstreams: Mapping[str, PackageUpstream] = field(default_factory=lambda: MappingProxyType({}))
