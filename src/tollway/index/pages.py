"""What clients are told of a name: PEP 691 JSON, PEP 503 HTML, and npm's packuments.

Rules
1. What is denied is not there. What waits for a person is told as yanked (PEP 592) or restricted
   (npm), with the reason, so that clients choose something else and say why; its file is refused.
2. URLs lead back here: relative on PyPI's pages, below `base` in packuments.
3. `latest` is a version that is served.
4. Digests are relayed as they were told, and never one that is weaker than SHA-256.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from tollway.index.offered import Offered
from tollway.index.stock import Shown
from tollway.pins.admission import Admitted, NeedsApproval, Reason, Verdict, words_of

_SHORT = (
    "name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies",
    "bundleDependencies", "bundledDependencies", "peerDependencies", "peerDependenciesMeta", "bin",
    "directories", "engines", "cpu", "os", "libc", "_hasShrinkwrap", "hasInstallScript", "funding",
)  # fmt: skip
"""What npm's abbreviated form has of a manifest."""
_ODD = re.compile(r"[^A-Za-z0-9]+")
_TOLD = 5


def simple_json(shown: Shown) -> bytes:
    """The page of a name, of API version 1.1 (PEP 700) where its index tells all sizes."""
    files = [_file(it, verdict) for it, verdict in _listed(shown)]
    versions = dict.fromkeys(it.facts.version for it, _ in _listed(shown))
    page = {
        "meta": {"api-version": "1.1" if all("size" in it for it in files) else "1.0"},
        "name": shown.listing.name,
        "versions": list(versions),
        "files": files,
    }
    return json.dumps(page).encode()


def _file(offered: Offered, verdict: Verdict) -> dict[str, Any]:
    facts, held = offered.facts, not isinstance(verdict, Admitted)
    found: dict[str, Any] = {
        "filename": facts.file,
        "url": _link(offered, verdict),
        "hashes": dict(it.split(":") for it in facts.digests),
        "yanked": _yanked(offered, verdict),
    }
    if facts.size is not None:
        found["size"] = facts.size
    if offered.python is not None:
        found["requires-python"] = offered.python
    if facts.uploaded is not None:
        at = datetime.fromtimestamp(facts.uploaded, UTC)
        found["upload-time"] = at.isoformat().replace("+00:00", "Z")
    if offered.metadata is not None and not held:
        found["core-metadata"] = dict([offered.metadata.split(":")])
    return found


def simple_html(shown: Shown) -> bytes:
    """The page of a name (PEP 503, 592, 629, 658)."""
    name = html.escape(shown.listing.name)
    rows = [_row(it, verdict) for it, verdict in _listed(shown)]
    head = '<meta name="pypi:repository-version" content="1.1">'
    page = f"<!DOCTYPE html>\n<html><head>{head}<title>{name}</title></head><body>\n"
    return (page + "\n".join(rows) + "\n</body></html>\n").encode()


def _row(offered: Offered, verdict: Verdict) -> str:
    facts = offered.facts
    digest = next(iter(sorted(facts.digests))).replace(":", "=")
    said = {"href": f"{_link(offered, verdict)}#{digest}"}
    if offered.python is not None:
        said["data-requires-python"] = offered.python
    yanked = _yanked(offered, verdict)
    if yanked is not False:
        said["data-yanked"] = yanked
    if offered.metadata is not None and isinstance(verdict, Admitted):
        said["data-core-metadata"] = offered.metadata.replace(":", "=")
    attributes = " ".join(f'{key}="{html.escape(it)}"' for key, it in said.items())
    return f"<a {attributes}>{html.escape(facts.file)}</a><br>"


def _yanked(offered: Offered, verdict: Verdict) -> str | Literal[False]:
    if isinstance(verdict, NeedsApproval):
        return f"held by Tollway: it {words_of(verdict.reasons)}"
    reason = offered.facts.yanked
    return False if reason is None else reason or "yanked"


def _link(offered: Offered, verdict: Verdict) -> str:
    """Relative to the page. pip and uv print a URL that is refused and no word of the answer, so
    the reason stands in it."""
    facts = offered.facts
    where = "files"
    if isinstance(verdict, NeedsApproval):
        where = f"held/{_ODD.sub('-', verdict.reasons[0].words).strip('-')[:80]}"
    return f"../../{where}/{facts.name}/{facts.digests[0].replace(':', '-')}/{facts.file}"


def _listed(shown: Shown) -> Iterator[tuple[Offered, Verdict]]:
    """Rule 1."""
    return (it for it in shown.verdicts if isinstance(it[1], Admitted | NeedsApproval))


def packument(shown: Shown, base: str, *, short: bool) -> bytes:
    """The packument of a name; `short` as `application/vnd.npm.install-v1+json`."""
    listing = shown.listing
    versions: dict[str, Any] = {}
    held: dict[str, Any] = {}
    reasons: dict[str, tuple[Reason, ...]] = {}
    for offered, verdict in _listed(shown):
        told = _manifest(offered, base, short=short)
        if isinstance(verdict, NeedsApproval):
            held[offered.facts.version] = told
            reasons[offered.facts.version] = verdict.reasons
        else:
            versions[offered.facts.version] = told
    found: dict[str, Any] = {
        "name": listing.name,
        "dist-tags": _tags(shown, versions),
        "versions": versions,
    }
    if held:
        message = _message(listing.name, reasons)
        found["policyRestrictions"] = {"message": message, "versions": held}
    times = {it: at for it, at in listing.times.items() if it in versions or it in held}
    if times:
        found["modified"] = max(times.values())
    if not short:
        found |= {"_id": listing.name, "time": times}
    return json.dumps(found).encode()


def _manifest(offered: Offered, base: str, *, short: bool) -> dict[str, Any]:
    manifest, facts = offered.manifest or {}, offered.facts
    told = {key: manifest[key] for key in _SHORT if key in manifest} if short else dict(manifest)
    dist = manifest.get("dist", {})
    kept = {key: dist[key] for key in ("integrity", "shasum", "unpackedSize") if key in dist}
    told["dist"] = {**kept, "tarball": f"{base}/{facts.name}/-/{facts.file}"}
    if facts.scripts:
        told["hasInstallScript"] = True
    return told


def _tags(shown: Shown, versions: Mapping[str, Any]) -> dict[str, str]:
    """Rule 3: `latest` as it was, else the last version that is served and no preview."""
    tags = {tag: it for tag, it in shown.listing.tags.items() if it in versions}
    if versions and "latest" not in tags:
        full = [it for it in versions if "-" not in it] or list(versions)
        tags["latest"] = max(full, key=_rank)
    return tags


def _rank(version: str) -> tuple[tuple[int, ...], str]:
    plain, _, preview = version.partition("+")[0].partition("-")
    return tuple(int(it) for it in plain.split(".")), preview


def _message(name: str, reasons: Mapping[str, tuple[Reason, ...]]) -> str:
    last = list(reasons.items())[-_TOLD:]
    lines = [f"{name}@{version} {words_of(it)}" for version, it in reversed(last)]
    return "held by Tollway: " + "\n".join(lines)
