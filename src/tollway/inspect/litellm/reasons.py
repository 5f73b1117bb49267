"""Why a setting of LiteLLM has no place in a fleet file: `reasons.toml`, by table and key."""

import tomllib
from importlib.resources import files
from typing import Literal

Table = Literal["deployment", "info", "router", "litellm", "general", "top", "team"]


def reasons(table: Table) -> dict[str, str]:
    """Key -> reason, of one table; an empty reason where nothing is lost with the key."""
    text = files("tollway.inspect.litellm").joinpath("reasons.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)[table]
    return {key: entry["why"] for entry in listed for key in entry["keys"]}
