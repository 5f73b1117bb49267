"""A fleet's emulated sources: all of them, in one process, as the file declares them."""

import pytest

from tollway.emulator.build import emulators
from tollway.errors import FaultsFound
from tollway.fleet.parse import parse

FLEET = """
version = 1
[models."llama-3.3-70b"]
[models."llama-3.1-8b"]
[sources.big]
kind = "emulated"
listen = "127.0.0.1:8411"
chip = "h200"
tp = 8
replicas = 2
[sources.big.serves."llama-3.3-70b"]
precision = "fp8"
context = 32768
[sources.small]
kind = "emulated"
listen = "127.0.0.1:8412"
chip = "l40s"
tp = 1
[sources.small.serves."llama-3.1-8b"]
upstream_model = "llama-small"
[sources.remote]
kind = "server"
url = "http://127.0.0.1:9000/v1"
[sources.remote.serves."llama-3.1-8b"]
"""


def test_every_emulated_source_is_served_as_declared() -> None:
    made = emulators(parse({"fleet.toml": FLEET}, "fleet.toml"))
    assert [(one.source, one.host, one.port) for one in made] == [
        ("big", "127.0.0.1", 8411),
        ("small", "127.0.0.1", 8412),
    ]
    big = made[0].emulator.pools["llama-3.3-70b"]
    assert (big.deployment.chip.name, big.deployment.tp) == ("h200", 8)
    assert (big.deployment.precision, big.deployment.context) == ("fp8", 32768)
    assert len(big.replicas) == 2
    assert list(made[1].emulator.pools) == ["llama-small"]


def test_every_source_that_cannot_be_is_named_at_once() -> None:
    text = FLEET.replace("context = 32768", "context = 200000").replace("tp = 1", "tp = 3")
    with pytest.raises(FaultsFound) as caught:
        emulators(parse({"fleet.toml": text}, "fleet.toml"))
    first, second = map(str, caught.value.faults)
    assert "sources.big: context 200000 is more than llama-3.3-70b was made for" in first
    assert "sources.small: tp 3 does not divide" in second
