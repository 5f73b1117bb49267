"""Egress and secrets in a fleet file: read, refused with the mend, and rendered again."""

from dataclasses import replace

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render

BASE = """version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9000/v1"
serves.m = {}
[tenants.acme]
"""
WHOLE = """
[egress]
listen = "127.0.0.1:0"
private = ["10.0.0.0/8", "::1"]
ca_file = "house.pem"
patience = "30s"
max_body = "1MiB"

[[egress.allow]]
name = "code"
hosts = ["GitHub.com", "*.github.com"]
methods = ["GET", "POST"]
paths = ["/acme/**"]
ports = [443, 8443]
tenants = ["acme"]

[[egress.allow]]
name = "the rest is asked about"
hosts = ["*"]
action = "ask"
plain = true
uninspected = true

[secrets.github]
hosts = ["api.github.com"]
methods = ["GET"]
paths = ["/repos/acme/*"]
tenants = ["acme"]
template = "Bearer {secret}"

[secrets.registry-2]
hosts = ["registry.example.com"]
place = "basic"
variable = "NPM_TOKEN"
"""


def read(text: str) -> Fleet:
    return parse({"fleet.toml": BASE + text}, "fleet.toml")


def faults(text: str) -> str:
    with pytest.raises(FaultsFound) as found:
        read(text)
    return str(found.value)


def test_what_is_declared_is_read() -> None:
    fleet = read(WHOLE)
    assert fleet.egress is not None
    first, second = fleet.egress.rules
    assert first.hosts == ("github.com", "*.github.com")
    assert first.ports == (443, 8443)
    assert (second.action, second.plain, second.uninspected) == ("ask", True, True)
    assert fleet.egress.private == ("10.0.0.0/8", "::1/128")
    assert fleet.egress.patience == 30.0
    assert fleet.secrets["github"].variable == "GITHUB"
    assert fleet.secrets["registry-2"].variable == "NPM_TOKEN"
    assert fleet.secrets["github"].template == "Bearer {secret}"


def test_what_is_rendered_reads_the_same() -> None:
    fleet = read(WHOLE)
    again = parse({"fleet.toml": render(fleet)}, "fleet.toml")
    assert replace(again, digest=fleet.digest) == fleet


def test_nothing_is_declared_unless_written() -> None:
    assert read("").egress is None
    assert read("").secrets == {}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("hosts", '["https://x.com"]', "not a host"),
        ("hosts", '["x.com:443"]', "not a host"),
        ("hosts", '["*.*.com"]', "not a host"),
        ("hosts", '["a*.com"]', "not a host"),
        ("hosts", '["127.1"]', "not a host"),
        ("hosts", '["0x7f000001"]', "not a host"),
        ("hosts", '["bücher.de"]', "not a host"),
        ("hosts", "[]", "hosts"),
        ("paths", '["a"]', "not a path"),
        ("paths", '["/a/../b"]', "not a path"),
        ("paths", '["/a?b"]', "not a path"),
        ("paths", '["/a%2fb"]', "not a path"),
        ("methods", '["get"]', "not a method"),
        ("methods", '["CONNECT"]', "not a method"),
        ("ports", "[0]", "ports"),
        ("tenants", '["acne"]', 'Did you mean "acme"?'),
        ("action", '"deny"', "action"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_a_fault(key: str, value: str, said: str) -> None:
    hosts = "" if key == "hosts" else 'hosts = ["x.com"]\n'
    rule = f'[egress]\n[[egress.allow]]\nname = "r"\n{hosts}{key} = {value}\n'
    assert said in faults(rule)


@pytest.mark.parametrize("value", ['["10.1.0.0/8"]', '["localhost"]', '["10.0.0.0/33"]'])
def test_a_private_network_is_written_exactly(value: str) -> None:
    assert "not a network" in faults(f"[egress]\nprivate = {value}\n")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("hosts", '["*"]', "Name the hosts"),
        ("hosts", '["elsewhere.org"]', "no rule of egress lets through"),
        ("template", '"Bearer"', "not a template"),
        ("template", '"{secret}{secret}"', "not a template"),
        ("header", '"Host"', "not a header for a secret"),
        ("variable", '"A-B"', "not an environment variable"),
        ("place", '"body"', "place"),
    ],
)
def test_a_secret_that_cannot_be_used_so_is_a_fault(key: str, value: str, said: str) -> None:
    hosts = "" if key == "hosts" else 'hosts = ["a.x.com"]\n'
    text = f'[egress]\n[[egress.allow]]\nname = "r"\nhosts = ["*.x.com"]\n[secrets.s]\n{hosts}'
    assert said in faults(f"{text}{key} = {value}\n")


def test_a_secret_without_a_way_out_is_a_fault() -> None:
    assert "there is no [egress]" in faults('[secrets.s]\nhosts = ["x.com"]\n')


def test_a_header_beside_another_place_is_a_fault() -> None:
    rule = '[egress]\n[[egress.allow]]\nname = "r"\nhosts = ["x.com"]\n'
    text = 'place = "basic"\nheader = "X-Key"\n'
    assert "is not asked for" in faults(f'{rule}[secrets.s]\nhosts = ["x.com"]\n{text}')


def test_two_secrets_do_not_share_a_variable() -> None:
    rule = '[egress]\n[[egress.allow]]\nname = "r"\nhosts = ["x.com"]\n'
    one = '[secrets.a-b]\nhosts = ["x.com"]\n[secrets.a_b]\nhosts = ["x.com"]\n'
    assert "gets A_B" in faults(rule + one)


def test_two_rules_do_not_share_a_name() -> None:
    rule = '[[egress.allow]]\nname = "r"\nhosts = ["x.com"]\n'
    assert "is already" in faults(f"[egress]\n{rule}{rule}")
