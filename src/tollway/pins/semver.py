"""The order of versions by Semantic Versioning 2.0.0, as npm has it.

Source: https://semver.org/#spec-item-11. A leading `v` and build metadata say nothing.
"""

import re

_VERSION = re.compile(
    r"v?(\d{1,16})(?:\.(\d{1,16}))?(?:\.(\d{1,16}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]*)?\Z"
)

Order = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def order_of(version: str) -> Order:
    """What sorts as the version does; parts that are left out are 0, as OSV writes them.

    Raises:
        ValueError: it is no such version.
    """
    found = _VERSION.match(version)
    if found is None:
        raise ValueError(f"{version[:60]!r} is no semantic version")
    major, minor, patch, before = found.groups()
    words = before.split(".") if before else []
    marks = tuple(
        (False, int(it), "") if it.isdecimal() and len(it) < 17 else (True, 0, it) for it in words
    )
    # A release comes after its pre-releases.
    return int(major), int(minor or 0), int(patch or 0), not words, marks
