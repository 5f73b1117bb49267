"""The fleet file that `tollway up` serves where it is given none."""

from importlib.resources import files

DEMO_NAME = "demo.toml"


def demo_fleet_text() -> str:
    """The packaged demonstration, as TOML text."""
    return files("tollway.inspect").joinpath(DEMO_NAME).read_text(encoding="utf-8")
