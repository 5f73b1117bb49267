"""Where a secret is, never the secret."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Credential:
    """Where a secret is, never the secret: `env:NAME` or `file:PATH`."""

    scheme: Literal["env", "file"]
    name: str
