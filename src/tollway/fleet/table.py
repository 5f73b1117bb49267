"""What every table of the fleet file is, and how a key of one is written down."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_REQUIRED: Any = ...


def key(meaning: str, default: Any = _REQUIRED) -> Any:
    """A key of a table; without a default it must be written. A default is given as a person
    would write it, and is read like anything written."""
    return Field(default=default, description=meaning)


class Table(BaseModel):
    """A table of the fleet file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_default=True)
