"""What is pinned, as declared: frozen objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

PinMode = Literal["off", "flag", "enforce"]
"""Answers are not held against the lock; a difference is told; only what is locked is served."""

LOCK = ".lock"
"""How the name of a lock ends: among the documents of a fleet it is none of the fleet's own."""


@dataclass(frozen=True, slots=True)
class ModelPin:
    """What is known of a model behind a source. `answers` are the ids that it may answer under,
    `fingerprints` what it may answer as `system_fingerprint`; empty where nothing was written.
    `shutdown` is the announced last day, UTC."""

    answers: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    shutdown: date | None = None


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """Who must have signed a model's files, by OpenSSF Model Signing: the holder of `public_key`
    (PEM, elliptic curve), or, by Sigstore, an `identity` that `issuer` vouches for. `path` is the
    signature's; all paths are relative to the fleet file."""

    path: str
    public_key: str | None = None
    identity: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class WeightsPin:
    """A model's files, below the fleet file's folder. `formats` are those that its loader reads
    (empty: those that run nothing), `globals` what a pickle may name besides, as `module.name`."""

    path: str
    formats: tuple[str, ...] = ()
    globals: tuple[str, ...] = ()
    signed: ModelSignature | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A finding that somebody has looked at, and lives with until a day (UTC, that day included).
    `component` is `kind:name`."""

    component: str
    rule: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class PinSettings:
    """What the lock covers besides sources and tools, and how far the gateway goes by it.

    Paths are relative to the fleet file. `models` is by `source/model`, `images` are references
    with a digest, `runtimes` name -> version, `fallbacks` `kind:name` -> what serves instead.
    """

    mode: PinMode = "off"
    lock: str = "ai.lock"
    requirements: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    models: Mapping[str, ModelPin] = field(default_factory=lambda: MappingProxyType({}))
    weights: Mapping[str, WeightsPin] = field(default_factory=lambda: MappingProxyType({}))
    runtimes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    fallbacks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    accept: tuple[Acceptance, ...] = ()
