"""Names of what lies in an archive."""

import re

_DRIVE = re.compile(r"[A-Za-z]:")


def wrong_name(name: str) -> str | None:
    """What is wrong with a name, as a clause: it must stay below where it is unpacked."""
    if not name or "\x00" in name:
        return "has no name" if not name else "has a name with a NUL"
    if name.startswith(("/", "\\", "~")) or _DRIVE.match(name):
        return f"has an absolute name: {name}"
    if ".." in re.split(r"[/\\]", name):
        return f"climbs out of its folder: {name}"
    if "\\" in name:
        return f"has a name that another system reads otherwise: {name}"
    if len(name) > 1024 or not name.isprintable():
        return f"has a name that is none: {name!r}"
    return None
