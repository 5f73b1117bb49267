"""Tools in files: every fault with place, value and mend; what is rendered reads the same."""

from dataclasses import replace

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render

TEXT = """
version = 1
credentials.hub = "env:HUB"
models.m = {}
[tenants.team]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9000/v1"
serves.m = {}
[tools]
listen = "127.0.0.1:4002"
patience = "5m"
[tools.servers.mail]
command = ["mailer", "--stdio"]
env = { TZ = "UTC" }
secrets = { HUB_TOKEN = "hub" }
tenants = ["team"]
[tools.servers.mail.tools.send]
reads = "nothing"
sensitive = false
content = ["subject", "parts.text"]
asked = ["send"]
vouches = ["email", "field:full name"]
[tools.servers.web]
url = "http://127.0.0.1:9100/mcp"
credential = "hub"
[[tools.rules]]
name = "our own people"
action = "allow"
tools = ["mail/*"]
where = { to = { domain = ["example.com"] }, copies = { one_of = [1, "a", true], at_most = 2.5 } }
tainted = true
"""


def read(text: str) -> Fleet:
    return parse({"fleet.toml": text}, "fleet.toml")


def faults(old: str, new: str) -> list[str]:
    assert old in TEXT
    with pytest.raises(FaultsFound) as refused:
        read(TEXT.replace(old, new))
    return [str(fault) for fault in refused.value.faults]


def test_a_tool_of_which_nothing_is_said_is_taken_for_the_worst() -> None:
    tools = read(TEXT + "[tools.servers.web.tools.fetch]\n").tools
    assert tools is not None
    fetch = tools.servers["web"].tools["fetch"]
    assert (fetch.reads, fetch.sensitive, fetch.effect) == ("untrusted", True, "external")
    assert (fetch.content, fetch.vouches, fetch.asked) == ((), (), None)


def test_what_is_rendered_reads_the_same() -> None:
    fleet = read(TEXT)
    assert replace(read(render(fleet)), digest=fleet.digest) == fleet


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('url = "http://127.0.0.1:9100/mcp"\n', "", "has neither command nor url"),
        ('credential = "hub"', 'env = { A = "b" }', "is for a command"),
        ('HUB_TOKEN = "hub"', 'HUB_TOKEN = "sk-1234"', "names no credential"),
        ('tenants = ["team"]', 'tenants = ["taem"]', 'Did you mean "team"?'),
        ('tools = ["mail/*"]', 'tools = ["mial/*"]', 'is "mial/*"; known: mail/send'),
        ('"email"', '"emial"', "field:NAME"),
        ('action = "allow"', 'action = "deny"', "It is for allow only"),
        ('name = "our own people"', "", "tools.rules[0].name is missing"),
        ("[tools.servers.mail]", "[tools.servers.Mail__x]", "lower-case letters"),
        ('reads = "nothing"', 'reads = "trustd"', 'Did you mean "trusted"?'),
        ('"127.0.0.1:4002"', '"0.0.0.0:4002"', "which other machines reach"),
        ("copies = { one_of", "copies = {}, other = { one_of", "asks nothing"),
    ],
)
def test_a_fault_says_what_is_wrong_and_how_to_mend_it(old: str, new: str, said: str) -> None:
    found = faults(old, new)
    assert any(said in fault for fault in found), found
    assert "sk-1234" not in "".join(found)
