"""Why a setting of LiteLLM has no place in a fleet file: `reasons.toml`, by table and key."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

Table = Literal["deployment", "info", "router", "litellm", "general", "top", "team"]


@cache
def reasons(table: Table) -> Mapping[str, str]:
    """Key -> reason, of one table; an empty reason where nothing is lost with the key."""
    text = files("tollway.inspect.litellm").joinpath("reasons.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)[table]
    return MappingProxyType({key: it["why"] for it in listed for key in it["keys"]})
