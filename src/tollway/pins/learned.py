"""What an audit learns of a package, written into its lock.

Rules
1. Only what the lock did not know is filled in: what was locked is never replaced.
2. A publisher is filled in where the attestations of every artifact held.
"""

from msgspec.structs import replace

from tollway.pins.component import Artifact, Package
from tollway.pins.threats import threats_of

_SAID = ("hasInstallScript",)
"""All that a package-lock.json says of scripts: that there are some."""


def learned(package: Package, asked: Package, opened: Package) -> Package:
    """A package with what its index said (`asked`) and what its artifacts hold (`opened`)."""
    told = {it.digest: it for it in asked.artifacts}
    unknown = package.scripts in (None, _SAID)
    new = replace(
        package,
        artifacts=tuple(_artifact(it, told.get(it.digest, it)) for it in package.artifacts),
        publishers=asked.publishers if package.publishers is None else package.publishers,
        startup=opened.startup if package.startup is None else package.startup,
        scripts=opened.scripts if unknown else package.scripts,
    )
    return replace(new, threats=threats_of(new))


def _artifact(locked: Artifact, told: Artifact) -> Artifact:
    return replace(
        locked,
        size=told.size if locked.size is None else locked.size,
        uploaded=locked.uploaded or told.uploaded,
        yanked=told.yanked if locked.yanked is None else locked.yanked,
    )
