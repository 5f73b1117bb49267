"""Signing in through a provider: who gets in, and every way in that is not one.

Each attack has its positive control: the same steps without the attack let somebody in.
"""

import asyncio
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from console_site import FLEET, Site, console
from provider import CLIENT, SECRET, Provider, by_public_key, key, providing, query_of, unsigned

from tollway.console.clocks import Clocks
from tollway.console.house import House
from tollway.console.oidc.attempts import LASTS, Attempts
from tollway.console.oidc.refusal import ProviderDownError
from tollway.gateway.log import Log
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events

_HTML = {"accept": "text/html"}


def fleet_of(issuer: str, more: str = "") -> str:
    return (
        FLEET
        + f"""
[credentials]
sso = "env:TEST_OIDC_SECRET"

[console.oidc]
issuer = "{issuer}"
client_id = "{CLIENT}"
client_secret = "sso"
{more}
[console.oidc.roles]
viewer = ["everybody"]
operator = ["platform"]
approver = ["security"]
"""
    )


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_OIDC_SECRET", SECRET)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with providing() as made:
        yield made


@pytest.fixture
async def site(tmp_path: Path, provider: Provider) -> AsyncIterator[Site]:
    async with console(tmp_path, fleet_of(provider.issuer)) as made:
        yield made


@asynccontextmanager
async def browser(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=site.url, headers=_HTML, trust_env=False) as client:
        yield client


async def there(client: httpx2.AsyncClient, to: str = "/") -> httpx2.Response:
    """To the provider and to where it sends the browser back, not followed yet."""
    answer = await client.get("/sign-in/oidc", params={"to": to})
    assert answer.status_code == 303, answer.text
    answer = await client.get(answer.headers["location"])
    assert answer.status_code == 302
    return answer


async def sign_in(client: httpx2.AsyncClient, to: str = "/") -> httpx2.Response:
    answer = await there(client, to)
    return await client.get(answer.headers["location"])


async def is_in(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/live-is-not-a-page", headers={"accept": "*/*"})).status_code != 401


def session_of(site: Site):
    assert site.house is not None
    (session,) = site.house.desk.sessions._by_digest.values()
    return session


def told(site: Site) -> list[str]:
    """What the security events say so far."""
    assert site.house is not None
    site.house.desk.audit.close()
    book = GuardBook(site.state / GUARD_BOOK)
    try:
        return [event.words for _, event in Events(book).last(100)]
    finally:
        book.close()


async def test_somebody_in_a_named_group_gets_in_with_its_roles(site: Site) -> None:
    async with browser(site) as client:
        answer = await sign_in(client, "/guard?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/guard?x=1")
        assert await is_in(client)
    session = session_of(site)
    assert session.name == "ann@example.org"
    assert session.roles == {"viewer", "operator"}
    assert any("ann@example.org" in it and "subject subject-1" in it for it in told(site))


async def test_no_name_says_what_somebody_else_did(site: Site, provider: Provider) -> None:
    """People choose their names, and what is written down of them are sentences."""
    provider.claims["email"] = 'bob" (x) signed in as approver, and "ann'
    async with browser(site) as client:
        await sign_in(client)
    (said,) = [it for it in told(site) if "signed in" in it]
    assert said.startswith(f"\"bob' (x) signed in as approver, and 'ann\" ({provider.issuer}, ")
    assert said.endswith("subject subject-1) signed in as operator, viewer")


async def test_a_public_client_gets_in_with_pkce_alone(tmp_path: Path, provider: Provider) -> None:
    provider.public = True
    fleet = fleet_of(provider.issuer).replace('client_secret = "sso"\n', "")
    async with console(tmp_path, fleet) as site, browser(site) as client:
        assert (await sign_in(client)).status_code == 303
    assert provider.forms[0]["client_id"] == CLIENT


async def test_operator_and_approver_may_also_look(site: Site, provider: Provider) -> None:
    provider.claims["groups"] = ["security"]
    async with browser(site) as client:
        await sign_in(client)
    assert session_of(site).roles == {"viewer", "approver"}


@pytest.mark.parametrize(
    "groups", [["Everybody"], ["everybody "], [], "nobody", None, {"a": 1}, [7]]
)
async def test_nobody_without_a_mapped_group_gets_in(
    site: Site, provider: Provider, groups: object
) -> None:
    provider.claims["groups"] = groups
    async with browser(site) as client:
        answer = await sign_in(client)
        assert answer.status_code == 403
        assert "no group of yours may see this console" in answer.text
        assert "everybody" not in answer.text.lower()
        assert not await is_in(client)
        provider.claims["groups"] = ["everybody"]
        assert (await sign_in(client)).status_code == 303


async def test_the_log_names_the_groups_of_who_was_not_let_in(
    site: Site, provider: Provider
) -> None:
    provider.claims["groups"] = ["guests\u202e", "interns"]
    async with browser(site) as client:
        answer = await sign_in(client)
        assert "interns" not in answer.text
    assert any("guests[U+202E], interns" in it for it in told(site))


async def test_groups_are_found_by_the_path_of_a_claim(tmp_path: Path, provider: Provider) -> None:
    provider.claims |= {"groups": None, "realm_access": {"roles": ["everybody"]}}
    fleet = fleet_of(provider.issuer, 'groups_claim = "realm_access.roles"')
    async with console(tmp_path, fleet) as site, browser(site) as client:
        assert (await sign_in(client)).status_code == 303


_DOUBTFUL = [False, None, "false", "true", 1, 0, [True], {}]


@pytest.mark.parametrize("said", [True, *_DOUBTFUL], ids=repr)
async def test_an_address_that_is_not_verified_is_nobodys_name(
    site: Site, provider: Provider, said: object
) -> None:
    provider.claims["email_verified"] = said
    async with browser(site) as client:
        await sign_in(client)
    assert session_of(site).name == ("ann@example.org" if said is True else "subject-1")


@pytest.mark.parametrize("said", [True, *_DOUBTFUL], ids=repr)
async def test_an_address_that_is_not_verified_gives_nobody_a_role(
    tmp_path: Path, provider: Provider, said: object
) -> None:
    provider.claims["email_verified"] = said
    fleet = fleet_of(provider.issuer, 'groups_claim = "email"')
    fleet = fleet.replace('"everybody"', '"ann@example.org"')
    async with console(tmp_path, fleet) as site, browser(site) as client:
        assert (await sign_in(client)).status_code == (303 if said is True else 403)
        assert await is_in(client) is (said is True)


def _hs256(provider: Provider) -> None:
    provider.sign = by_public_key(provider.keys[0])


def _none(provider: Provider) -> None:
    provider.sign = unsigned


def _other_key(provider: Provider) -> None:
    from joserfc import jwt

    stranger = key()
    provider.sign = lambda header, claims: jwt.encode(header, claims, stranger)


def _own_key_in_header(provider: Provider) -> None:
    from joserfc import jwt

    stranger = key("mine")
    header = {"jwk": stranger.as_dict(private=False), "kid": "mine"}
    provider.sign = lambda head, claims: jwt.encode({**head, **header}, claims, stranger)


def _small_key(provider: Provider) -> None:
    provider.keys = [key("small", 1024)]


def _for_encryption(provider: Provider) -> None:
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    signing = provider.keys[0]
    told = {**signing.as_dict(private=True), "use": "enc"}
    provider.sign = lambda head, claims: jwt.encode(head, claims, signing)
    provider.keys = [RSAKey.import_key(told)]


def _claim(**changes: object) -> Callable[[Provider], None]:
    return lambda provider: provider.claims.update(changes)


def _answer(**changes: object) -> Callable[[Provider], None]:
    return lambda provider: setattr(provider, "answer", lambda said: said.update(changes))


def _at(seconds: float) -> Callable[[float], object]:
    """So long after a token is made: the tests may come long after they were collected."""
    return lambda now: now + seconds


_ATTACKS: dict[str, Callable[[Provider], None]] = {
    "alg none": _none,
    "HS256 with the public key": _hs256,
    "a stranger's key under the same id": _other_key,
    "a key in the token's own header": _own_key_in_header,
    "a key of 1024 bits": _small_key,
    "a key for encryption": _for_encryption,
    "an access token": lambda it: it.header.update(typ="at+jwt"),
    "another audience": _claim(aud="somebody-else"),
    "no audience": _claim(aud=None),
    "several audiences without azp": _claim(aud=[CLIENT, "other"]),
    "azp of another": _claim(aud=[CLIENT, "other"], azp="other"),
    "azp of another, one audience": _claim(azp="other"),
    "another issuer": _claim(iss="https://evil.example"),
    "an issuer with a slash more": lambda it: it.claims.update(iss=it.issuer + "/"),
    "expired": _claim(exp=_at(-61)),
    "never expires": _claim(exp=None),
    "expires as text": _claim(exp=lambda now: str(now + 300)),
    "expires at no time": _claim(exp=True),
    "made tomorrow": _claim(iat=_at(86400), exp=_at(90000)),
    "made an hour ago": _claim(iat=_at(-3600)),
    "no moment": _claim(iat=None),
    "not valid yet": _claim(nbf=_at(600)),
    "wrong nonce": _claim(nonce="0" * 43),
    "no nonce": _claim(nonce=None),
    "nobody": _claim(sub=None),
    "an empty subject": _claim(sub=""),
    "no token": _answer(id_token=None),
    "a token that is none": _answer(id_token="a.b"),
    "another kind of token": _answer(token_type="mac"),
    "another issuer on the way back": lambda it: setattr(it, "names_itself", "https://evil.example"),
    "no issuer on the way back where one was promised": lambda it: it.document.update(
        authorization_response_iss_parameter_supported=True
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("attack", _ATTACKS)
async def test_a_token_that_breaks_a_rule_lets_nobody_in(
    site: Site, provider: Provider, attack: str
) -> None:
    _ATTACKS[attack](provider)
    async with browser(site) as client:
        answer = await sign_in(client)
        assert answer.status_code == 403
        assert "not believed" in answer.text
        assert not await is_in(client)
    said = told(site)
    assert any(it.startswith("a sign-in was refused") for it in said)
    assert not any("eyJ" in it for it in said)


@pytest.mark.parametrize(
    ("change", "header"),
    [
        ({}, {}),
        ({"aud": [CLIENT]}, {}),
        ({"aud": [CLIENT, "other"], "azp": CLIENT}, {}),
        ({"exp": _at(-5)}, {}),
        ({"iat": _at(30)}, {}),
        ({}, {"typ": None}),
        ({}, {"kid": None}),
        ({}, {"alg": "PS256"}),
    ],
    ids=["plain", "list", "azp", "leeway-exp", "leeway-iat", "no-typ", "no-kid", "PS256"],
)
async def test_a_token_that_keeps_the_rules_lets_in(
    site: Site, provider: Provider, change: dict[str, object], header: dict[str, object]
) -> None:
    provider.claims |= change
    provider.header |= header
    async with browser(site) as client:
        assert (await sign_in(client)).status_code == 303


async def test_an_issuer_on_the_way_back_that_is_the_one_lets_in(
    site: Site, provider: Provider
) -> None:
    provider.names_itself = provider.issuer
    provider.document["authorization_response_iss_parameter_supported"] = True
    async with browser(site) as client:
        assert (await sign_in(client)).status_code == 303


async def test_a_new_key_of_the_provider_is_fetched_once(
    tmp_path: Path, provider: Provider
) -> None:
    steady = [100.0]
    state, file = tmp_path / "state", tmp_path / "fleet.toml"
    state.mkdir()
    file.write_text(fleet_of(provider.issuer))
    clocks = Clocks(time.time, lambda: steady[0])
    async with House(file, state, Log(time.time), clocks) as house:
        site = Site(house.url, "", state, file, house=house)
        async with browser(site) as client:
            assert (await sign_in(client)).status_code == 303
            provider.keys = [key("two")]
            steady[0] += 31.0
            assert (await sign_in(client)).status_code == 303
            assert provider.seen.count("keys") == 2
            provider.keys, provider.header = [key("three")], {"kid": "four"}
            for _ in range(3):
                assert (await sign_in(client)).status_code == 403
            assert provider.seen.count("keys") == 2  # at most once in half a minute


async def test_the_way_back_works_once_and_in_the_browser_that_began_it(
    site: Site, provider: Provider
) -> None:
    async with browser(site) as attacker, browser(site) as victim:
        answer = await there(attacker)  # signed in at the provider as the attacker
        way_back = answer.headers["location"]
        refused = await victim.get(way_back)  # login CSRF: the victim is made to follow it
        assert refused.status_code == 403
        assert not await is_in(victim)
        await there(victim)  # and with an attempt of their own under way
        assert (await victim.get(way_back)).status_code == 403
        assert not await is_in(victim)
        assert (await attacker.get(way_back)).status_code == 303
        assert await is_in(attacker)
        exchanged = provider.seen.count("token")
        assert (await attacker.get(way_back)).status_code == 403  # replayed
        assert provider.seen.count("token") == exchanged == 1


async def test_an_attempt_that_was_taken_is_over_whoever_kept_its_cookie(
    site: Site, provider: Provider
) -> None:
    async with browser(site) as client:
        way_back = (await there(client)).headers["location"]
        kept = [(it.name, it.value or "") for it in client.cookies.jar if "-oidc" in it.name]
        assert (await client.get(way_back)).status_code == 303
    async with browser(site) as replaying:
        for name, value in kept:
            replaying.cookies.set(name, value, domain="127.0.0.1")
        assert (await replaying.get(way_back)).status_code == 403
        assert not await is_in(replaying)
    assert provider.seen.count("token") == 1


async def test_many_attempts_push_nobody_elses_out(site: Site) -> None:
    async with browser(site) as honest, browser(site) as stranger:
        way_back = (await there(honest)).headers["location"]
        for _ in range(600):
            assert (await stranger.get("/sign-in/oidc")).status_code == 303
        assert (await honest.get(way_back)).status_code == 303
        assert await is_in(honest)


def test_a_cookie_of_an_attempt_shows_nothing_and_cannot_be_changed() -> None:
    attempts, other = Attempts(lambda: 1.0), Attempts(lambda: 1.0)
    attempt, cookie = attempts.begin("/pins", "v")
    raw = urlsafe_b64decode(cookie + "==")
    for secret in (attempt.state, attempt.nonce, attempt.verifier, "/pins"):
        assert secret.encode() not in raw
    for at in range(len(raw)):
        changed = bytes(it ^ (at == n) for n, it in enumerate(raw))
        assert attempts.take(attempt.state, urlsafe_b64encode(changed).decode(), "v") is None
    for wrong in ("", "a", "\u00e9", cookie[:-2], cookie + cookie, "=" * 40, "A" * 4000):
        assert attempts.take(attempt.state, wrong, "v") is None
    assert other.take(attempt.state, cookie, "v") is None  # another process's key
    assert attempts.take("\ud800", cookie, "v") is None
    assert attempts.take(attempt.state, cookie, "v") == attempt
    assert attempts.take(attempt.state, cookie, "v") is None


def test_an_attempt_is_over_after_its_time_and_a_flood_of_taken_ones_brings_none_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tollway.console.oidc.attempts._MOST", 10)
    now = [1000.0]
    attempts = Attempts(lambda: now[0])
    begun = [attempts.begin("/", "v") for _ in range(3)]
    now[0] += LASTS - 1.0
    assert attempts.take(begun[0][0].state, begun[0][1], "v") is not None
    late = attempts.begin("/", "v")
    now[0] += 2.0
    assert attempts.take(begun[1][0].state, begun[1][1], "v") is None
    taken: list[tuple[str, str]] = []
    for _ in range(50):
        now[0] += 0.01
        attempt, cookie = attempts.begin("/" + "a" * 5000, "v")
        assert attempt.to == "/"
        assert len(cookie) < 1000
        taken.append((attempt.state, cookie))
        assert attempts.take(*taken[-1], "v") is not None
    assert len(attempts._taken) == len(attempts._by_age) == 10
    assert not any(attempts.take(*it, "v") for it in taken)
    assert attempts.take(late[0].state, late[1], "v") is None  # rather over than taken twice


async def test_a_reload_while_somebody_signs_in_lets_them_in_or_says_to_begin_again(
    site: Site, provider: Provider
) -> None:
    assert site.house is not None
    provider.held = asyncio.Event()
    async with browser(site) as client:
        way_back = (await there(client)).headers["location"]
        before = site.house.desk.provider
        assert before is not None
        coming = asyncio.create_task(client.get(way_back))
        async with asyncio.timeout(20):
            while "token" not in provider.seen:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        reloading = asyncio.create_task(site.house.reload())
        async with asyncio.timeout(20):
            while site.house.desk.provider is before:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert not coming.done()
        provider.held.set()
        assert await reloading
        assert (await coming).status_code == 503  # its keys were not asked for yet
        provider.held = None
        assert (await sign_in(client)).status_code == 303
    with pytest.raises(ProviderDownError, match="declared anew"):
        await before._fetching.get("keys", provider.issuer)


async def test_a_code_of_another_attempt_is_refused_by_pkce(site: Site) -> None:
    async with browser(site) as attacker, browser(site) as victim:
        stolen = query_of((await there(victim)).headers["location"])["code"]
        own = (await there(attacker)).headers["location"]
        mine = query_of(own)["code"]
        answer = await attacker.get(own.replace(f"code={mine}", f"code={stolen}"))
        assert answer.status_code == 403
        assert not await is_in(attacker)


async def test_an_attempt_ends_when_the_provider_is_declared_otherwise(
    site: Site, provider: Provider
) -> None:
    async with browser(site) as client:
        way_back = (await there(client)).headers["location"]
        site.fleet_file.write_text(fleet_of(provider.issuer).replace('["security"]', '["sec"]'))
        assert site.house is not None
        assert await site.house.reload()
        assert (await client.get(way_back)).status_code == 403
        assert (await sign_in(client)).status_code == 303


async def test_a_sign_in_makes_a_session_that_was_not_there_before(site: Site) -> None:
    """Session fixation: what an attacker put into the browser is no session, and opens none."""
    assert site.house is not None
    name = f"tollway-console-{site.url.rpartition(':')[2]}"
    async with browser(site) as client:
        client.cookies.set(name, "planted", domain="127.0.0.1")
        await sign_in(client)
        held = [it.value or "" for it in client.cookies.jar if it.name == name]
        (first,) = [it for it in held if it != "planted"]
        async with browser(site) as attacker:
            attacker.cookies.set(name, "planted", domain="127.0.0.1")
            assert not await is_in(attacker)
        await sign_in(client)
        async with browser(site) as old:
            old.cookies.set(name, first, domain="127.0.0.1")
            assert not await is_in(old)  # the session before ended


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)",
     "/\t/evil.example", "/a\\..\\b", "\\\\evil.example", "/\u2044/evil", "", "guard",
     "/%0d%0aset-cookie:a=b\r\n"],
)  # fmt: skip
async def test_where_to_go_afterwards_is_a_path_of_ours(site: Site, to: str) -> None:
    async with browser(site) as client:
        answer = await sign_in(client, to)
        assert answer.headers["location"] == "/"
        shown = await client.get("/sign-in", params={"to": to})
        assert 'name="to" value="/"' in shown.text
        key_in = await client.post("/sign-in", data={"to": to, "key": site.key})
        assert key_in.headers["location"] == "/"


async def test_the_way_there_is_a_link_and_says_what_the_protocol_wants(
    site: Site, provider: Provider
) -> None:
    async with browser(site) as client:
        page = await client.get("/sign-in", params={"to": "/pins?a=1&b=2"})
        assert 'href="/sign-in/oidc?to=%2Fpins%3Fa%3D1%26b%3D2"' in page.text
        answer = await client.get("/sign-in/oidc")
        asked = query_of(answer.headers["location"])
        assert asked["redirect_uri"] == f"{site.url}/sign-in/oidc/back"
        assert asked["scope"] == "openid profile email groups"
        assert len(asked["state"]) == len(asked["nonce"]) == len(asked["code_challenge"]) == 43
        again = query_of((await client.get("/sign-in/oidc")).headers["location"])
        assert not {asked["state"], asked["nonce"]} & {again["state"], again["nonce"]}
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert asked["state"] not in answer.headers["set-cookie"]


async def test_a_browser_under_another_name_of_ours_is_sent_to_the_one_the_provider_knows(
    site: Site,
) -> None:
    port = site.url.rpartition(":")[2]
    async with httpx2.AsyncClient(trust_env=False, headers=_HTML) as client:
        answer = await client.get(f"http://localhost:{port}/sign-in/oidc?to=/pins")
        assert answer.headers["location"] == f"{site.url}/sign-in/oidc?to=/pins"


@pytest.mark.parametrize("fault", ["down", "large", "moved"])
async def test_a_provider_that_cannot_be_used_is_said_and_the_admin_key_still_opens(
    site: Site, provider: Provider, fault: str
) -> None:
    setattr(provider, fault, True)
    async with browser(site) as client:
        answer = await client.get("/sign-in/oidc")
        assert answer.status_code == 503
        assert "The admin key still opens the console" in answer.text
        assert (await client.get("/sign-in/oidc")).status_code == 503
        assert provider.seen == ["discovery"]  # not asked anew at once
        answer = await client.post("/sign-in", data={"key": site.key})
        assert answer.status_code == 303
        assert await is_in(client)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "url",
    ["http://login.example.com/x", "ftp://127.0.0.1/x", "https://a@login.example.com/", "//x", None,
     "http://10.0.0.1/x", "https://login.example.com/#x", "javascript:alert(1)"],
)  # fmt: skip
async def test_an_endpoint_that_is_neither_https_nor_of_this_machine_is_not_used(
    site: Site, provider: Provider, name: str, url: str | None
) -> None:
    provider.document[name] = url
    async with browser(site) as client:
        assert (await client.get("/sign-in/oidc")).status_code == 503


async def test_a_document_of_another_issuer_is_not_used(site: Site, provider: Provider) -> None:
    provider.document["issuer"] = "https://evil.example"
    async with browser(site) as client:
        assert (await client.get("/sign-in/oidc")).status_code == 503


async def test_what_the_provider_says_is_shown_escaped_and_cut(site: Site) -> None:
    async with browser(site) as client:
        answer = await client.get("/sign-in/oidc")
        state = query_of(answer.headers["location"])["state"]
        words = "<script>alert(1)</script>\u202e" + "a" * 500
        answer = await client.get("/sign-in/oidc/back", params={"state": state, "error": words})
        assert answer.status_code == 403
        assert "<script>alert" not in answer.text
        assert "a" * 100 not in answer.text


@pytest.mark.parametrize("change", ["roles", "gone"])
async def test_a_reload_that_changes_provider_or_roles_ends_its_sessions(
    site: Site, provider: Provider, change: str
) -> None:
    assert site.house is not None
    async with browser(site) as client, browser(site) as admin:
        await sign_in(client)
        await admin.post("/sign-in", data={"key": site.key})
        assert await site.house.reload()
        assert await is_in(client)  # the same text ends nothing
        text = fleet_of(provider.issuer).replace('["platform"]', '["ops"]')
        site.fleet_file.write_text(FLEET if change == "gone" else text)
        assert await site.house.reload()
        assert not await is_in(client)
        assert await is_in(admin)


async def test_a_faulty_reload_ends_no_session(site: Site) -> None:
    assert site.house is not None
    async with browser(site) as client:
        await sign_in(client)
        site.fleet_file.write_text("version = 1\n[console]\nlisten = 7\n")
        assert not await site.house.reload()
        assert await is_in(client)


async def test_a_secret_that_is_not_there_is_said_at_the_start(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tollway.errors import FaultsFound

    monkeypatch.delenv("TEST_OIDC_SECRET")
    with pytest.raises(FaultsFound, match="TEST_OIDC_SECRET is not set"):
        async with console(tmp_path, fleet_of(provider.issuer)):
            pass


async def test_without_the_extra_the_start_says_which(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from tollway.errors import TollwayError

    monkeypatch.delitem(sys.modules, "tollway.console.oidc.provider", raising=False)
    monkeypatch.delitem(sys.modules, "tollway.console.oidc.fetching", raising=False)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(TollwayError, match=r'pip install "tollway\[oidc\]"'):
        async with console(tmp_path, fleet_of(provider.issuer)):
            pass
