"""Names that a fleet file can carry, out of names that LiteLLM could."""

import re
from collections.abc import Container

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")


def is_model_name(name: str) -> bool:
    """Whether clients can ask for it here."""
    return _MODEL.fullmatch(name) is not None


def label(words: str) -> str:
    """The words as a name of a source or a tenant."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", words).strip("-._")[:56]
    return kept or "unnamed"


def free_name(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or it with a number behind, so that it is not taken."""
    name, count = label(wanted), 1
    while name in taken:
        count += 1
        name = f"{label(wanted)}-{count}"
    return name
