"""The `[sandbox]` table: read, refused with the mend, and rendered again."""

from dataclasses import fields, replace

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render
from tollway.fleet.sandboxing import SandboxSettings
from tollway.sandbox.order import Limits

BASE = """version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9000/v1"
serves.m = {}
[tenants.acme]
"""
WHOLE = """
[sandbox]
tier = "vm"
require = "vm"
template = "office"
memory = "512MiB"
processes = 64
open_files = 128
disk = "200MB"
inodes = 1000
output = "1MiB"
time = "90s"
grace = "500ms"
cpus = 1.5
kept = "10MiB"
kept_files = 50
connections = 8
"""


def read(text: str) -> Fleet:
    return parse({"fleet.toml": BASE + text}, "fleet.toml")


def test_what_is_declared_is_read() -> None:
    sandbox = read(WHOLE).sandbox
    usual = SandboxSettings()
    assert sandbox.memory == 512 << 20
    assert sandbox.grace == 0.5
    assert sandbox.cpus == 1.5
    same = [it.name for it in fields(usual) if getattr(sandbox, it.name) == getattr(usual, it.name)]
    assert same == []


def test_what_is_rendered_reads_the_same() -> None:
    for text in ("", WHOLE, '[sandbox]\ntier = "vm"\n'):
        fleet = read(text)
        again = parse({"fleet.toml": render(fleet)}, "fleet.toml")
        assert replace(again, digest=fleet.digest) == fleet


def test_bounds_are_those_of_a_sandbox_where_nothing_is_written() -> None:
    usual = read("").sandbox
    assert {it.name: getattr(usual, it.name) for it in fields(Limits)} == {
        it.name: getattr(Limits(), it.name) for it in fields(Limits)
    }


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tier", '"docker"', "ns"),
        ("require", '"full"', "vm"),
        ("memory", "512", "memory"),
        ("processes", "0", "processes"),
        ("cpus", "0", "cpus"),
        ("time", '"soon"', "time"),
        ("memroy", '"1GiB"', 'Did you mean "memory"?'),
    ],
)
def test_faults_say_where_and_what(key: str, value: str, said: str) -> None:
    with pytest.raises(FaultsFound) as found:
        read(f"[sandbox]\n{key} = {value}\n")
    assert f"sandbox.{key}" in str(found.value)
    assert said in str(found.value)
