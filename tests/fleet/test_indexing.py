"""The `[index]` table: read, checked, written again."""

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.parse import parse
from tollway.fleet.render import render

BASE = """version = 1
[models.m]
context = 1000
[credentials]
key = "env:KEY"
[sources.a]
kind = "api"
url = "https://api.example.com/v1"
credential = "key"
[sources.a.serves.m]
[tenants.t]
"""
FULL = """[index]
listen = "127.0.0.1:4004"
mode = "lock"
lock = "locks/ai.lock"
ranked = { pypi = "names.txt" }
fresh = "5m"
cache = "1GiB"
[index.rules]
cooldown = "14d"
young = "deny"
[index.upstreams.own]
kind = "pypi"
url = "https://pypi.acme.example/simple"
names = ["acme-*", "torchtriton"]
credential = "key"
user = "ci"
[index.upstreams.pypi]
kind = "pypi"
url = "https://pypi.example.com/simple"
files = ["https://files.example.com"]
[index.upstreams.npm]
kind = "npm"
url = "https://npm.example.com"
"""


def fleet(text: str):
    return parse({"fleet.toml": BASE + text}, "fleet.toml")


def test_without_the_table_there_is_no_index() -> None:
    assert fleet("").index is None


def test_what_is_written_is_read_and_what_is_read_can_be_written() -> None:
    first = fleet(FULL)
    assert first.index is not None
    assert first.index.rules.cooldown == 14 * 86400
    assert first.index.rules.sdists == "deny"
    assert list(first.index.upstreams) == ["own", "pypi", "npm"]
    own = first.index.upstreams["own"]
    assert (own.names, own.user) == (("acme-*", "torchtriton"), "ci")
    again = parse({"fleet.toml": render(first)}, "fleet.toml")
    assert again.index == first.index


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("127.0.0.1:4004", "0.0.0.0:4004"), "which other machines reach"),
        (
            ("https://pypi.example.com", "http://pypi.example.com"),
            "which anyone on the way can change",
        ),
        (("https://files", "http://files"), "which anyone on the way can change"),
        (('credential = "key"\nuser', 'credential = "keys"\nuser'), "names no credential"),
        (('credential = "key"\nuser', "user"), "stands without a credential"),
        (('"acme-*", "torchtriton"', '"*"'), "all of which comes from own"),
        (('{ pypi = "names.txt" }', '{ nuget = "names.txt" }'), "nuget"),
        (('young = "deny"', 'young = "maybe"'), "maybe"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(change: tuple[str, str], words: str) -> None:
    with pytest.raises(FaultsFound) as found:
        fleet(FULL.replace(*change))
    assert words in str(found.value)


def test_an_index_without_upstreams_is_a_fault() -> None:
    with pytest.raises(FaultsFound, match="names no upstream"):
        fleet("[index]\n")
