"""The `[console]` table: read, refused with the mend, and rendered again."""

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.consoling import console_url
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render

BASE = """version = 1
[models.m]
[credentials]
login = "env:LOGIN_SECRET"
[sources.s]
kind = "server"
url = "http://127.0.0.1:9000/v1"
serves.m = {}
"""
OIDC = """
[console.oidc]
issuer = "https://login.example.com/realm"
client_id = "tollway"
client_secret = "login"
roles = { viewer = ["all"], operator = ["platform"], approver = ["security", "leads"] }
"""


def fleet(text: str) -> Fleet:
    return parse({"f.toml": BASE + text}, "f.toml")


def test_every_key_is_read_and_rendered_again() -> None:
    whole = fleet(
        '[console]\nlisten = "0.0.0.0:9443"\nurl = "https://tollway.example.com"\nidle = "30m"\n'
        f'session = "8h"\n{OIDC}ca_file = "ca.pem"\ngroups_claim = "roles"\nscopes = ["email"]\n'
    )
    console = whole.console
    assert console is not None
    assert (console.session, console.idle) == (8 * 3600.0, 1800.0)
    assert console_url(console) == "https://tollway.example.com"
    oidc = console.oidc
    assert oidc is not None
    assert oidc.client_secret is not None
    assert (oidc.client_secret.name, oidc.groups_claim) == ("LOGIN_SECRET", "roles")
    assert oidc.groups["approver"] == ("security", "leads")
    assert parse({"f.toml": render(whole)}, "f.toml").console == console


def test_without_the_table_there_is_no_console_and_by_default_it_is_on_loopback() -> None:
    assert fleet("").console is None
    console = fleet("[console]\n").console
    assert console is not None
    assert console_url(console) == "http://127.0.0.1:8440"
    assert console.oidc is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[console]\nlisten = "0.0.0.0:8440"', "put a proxy with TLS before it"),
        ('[console]\nurl = "http://tollway.example.com"', "anyone on the way can read a sign-in"),
        ('[console]\nurl = "https://example.com/console"', "below a path"),
        ("[console]" + OIDC.replace("https://login", "http://login"), "console.oidc.issuer"),
        ("[console]" + OIDC.replace('"login"', '"nobody"'), "no credential of [credentials]"),
        ("[console]" + OIDC.replace("= { viewer", "= { visitor"), "visitor"),
        ("[console]" + OIDC.partition("roles =")[0] + "roles = {}", "names no group"),
    ],
)
def test_what_cannot_be_served_safely_is_refused_with_the_mend(text: str, words: str) -> None:
    with pytest.raises(FaultsFound) as found:
        fleet(text)
    assert words in str(found.value)
