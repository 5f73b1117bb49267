"""Reads a packument of an npm registry.

Rules
1. A version whose manifest names another package or version makes a packument unreadable.
2. A digest weaker than SHA-512 is none: of `integrity` only sha512 counts, and `shasum` never.
3. What npm runs at installation: preinstall, install, postinstall, and the build of a binding.gyp.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urljoin

from tollway.index.offered import Listing, Offered
from tollway.index.strict import moment, read_object
from tollway.pins.admission import PackageFile
from tollway.pins.component import Publisher

SCRIPTS = ("preinstall", "install", "postinstall")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z")
_MALWARE = re.compile(
    r"malware|malicious|compromised|security holding|hijack|backdoor", re.IGNORECASE
)
_MOST = 50_000


def read_packument(name: str, body: bytes, url: str) -> Listing:
    """What the packument at `url` offers of a normalised name. Slow, for a large one.

    Raises:
        ValueError: it is none; the text says why.
    """
    told = read_object(body)
    said = told.get("name")
    if not isinstance(said, str) or said != name:
        raise ValueError(f"it is of {str(said)[:60]!r}")
    versions, times = _table(told, "versions"), _table(told, "time")
    if len(versions) > _MOST:
        raise ValueError(f"it has over {_MOST} versions")
    files = tuple(_offered(name, said, versions, times, url))
    known = {it.facts.version for it in files}
    tags = {
        tag: it
        for tag, it in _table(told, "dist-tags").items()
        if isinstance(it, str) and it in known
    }
    written = {it: at for it, at in times.items() if it in known and isinstance(at, str)}
    return Listing("npm", name, files, tags, written)


def _offered(
    name: str, said: str, versions: Mapping[str, Any], times: Mapping[str, Any], url: str
) -> Iterator[Offered]:
    for version, manifest in versions.items():
        if not isinstance(manifest, dict) or _VERSION.match(version) is None:
            raise ValueError(f"its version {version[:40]!r} is none")
        facts = cast("dict[str, Any]", manifest)
        if facts.get("version") != version or facts.get("name") != said:  # rule 1
            raise ValueError(f"its version {version} says that it is another")
        dist = _table(facts, "dist")
        tarball = dist.get("tarball")
        if not isinstance(tarball, str):
            raise ValueError(f"its version {version} has no tarball")
        deprecated = facts.get("deprecated")
        file = PackageFile(
            kind="npm",
            name=name,
            version=version,
            file=f"{name.rpartition('/')[2]}-{version}.tgz",
            form="tarball",
            digests=_digests(dist.get("integrity")),
            uploaded=moment(times.get(version)),
            yanked=_taken_back(version, deprecated),
            scripts=_scripts(facts),
            publishers=_publishers(facts),
        )
        yield Offered(file, urljoin(url, tarball), manifest=facts)


def _taken_back(version: str, deprecated: object) -> str | None:
    if version.endswith("-security"):
        return "it stands where malware was"
    if isinstance(deprecated, str) and _MALWARE.search(deprecated):
        return deprecated
    return None


def scripts_of(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Rule 3, as far as a package.json tells."""
    scripts = manifest.get("scripts")
    named = cast("dict[str, Any]", scripts) if isinstance(scripts, dict) else {}
    return tuple(it for it in SCRIPTS if named.get(it))


def _scripts(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    found = scripts_of(manifest)
    if not found and (manifest.get("hasInstallScript") or manifest.get("gypfile")):
        return ("install",)
    return found


def _publishers(manifest: Mapping[str, Any]) -> tuple[Publisher, ...]:
    user = manifest.get("_npmUser")
    if not isinstance(user, dict):
        return ()
    name = cast("dict[str, Any]", user).get("name")
    if not isinstance(name, str) or not name:
        return ()
    return (Publisher(kind="npm-user", identity=name[:4096]),)


def _digests(integrity: object) -> tuple[str, ...]:
    """Rule 2."""
    found: list[str] = []
    for word in integrity.split() if isinstance(integrity, str) else ():
        kind, _, encoded = word.partition("?")[0].partition("-")
        try:
            digest = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        if kind == "sha512" and len(digest) == 64:
            found.append(f"sha512:{digest.hex()}")
    return tuple(found)


def _table(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = facts.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"its {key} is no object")
    return cast("dict[str, Any]", found)
