"""Words of a query that are short to write and long to work out, and what is not what it says."""

import asyncio
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from console_site import console

from tollway.console.requests.asked import asked_of
from tollway.console.twin.query import read
from tollway.units import pico_from_usd, pico_per_token

HUGE = ("1e999999999999", "1e300", "1e-9999999", "-1", "1e31")


@pytest.mark.parametrize("text", ["1e999999999999", "-1e999999999", "1e-9999999", "1e31"])
def test_an_amount_of_few_bytes_is_never_an_integer_of_many(text: str) -> None:
    for exact in (pico_from_usd, pico_per_token):
        with pytest.raises(ValueError, match="is not an amount of money"):
            exact(Decimal(text))
    assert pico_from_usd(Decimal("0E+999999999")) == 0
    assert pico_from_usd(Decimal("1e9")) == 10**21


@pytest.mark.parametrize("text", HUGE)
def test_a_cost_that_no_request_has_is_a_fault_beside_its_field(text: str) -> None:
    assert "min_cost" in asked_of({"min_cost": text}, 1e9).faults


async def test_a_link_with_such_an_amount_leaves_the_console_answering(tmp_path: Path) -> None:
    async with console(tmp_path) as site, httpx2.AsyncClient(base_url=site.url) as client:
        await client.post("/sign-in", data={"key": site.key, "to": "/"})
        async with asyncio.timeout(10):
            for text in HUGE:
                await client.get("/requests", params={"min_cost": text})
            assert (await client.get("/static/icon.svg")).status_code == 200


async def test_only_plain_forms_are_read_and_any_token_is_compared(tmp_path: Path) -> None:
    async with console(tmp_path) as site, httpx2.AsyncClient(base_url=site.url) as client:
        parts = {"key": ("a", b"x", "text/plain; charset=punycode")}
        assert (await client.post("/sign-in", files=parts)).status_code == 415
        await client.post("/sign-in", data={"key": site.key, "to": "/"})
        answer = await client.post("/sign-out", headers=[(b"x-csrf", b"\xff")])
        assert answer.status_code == 403


async def test_what_cannot_be_read_is_not_left_out_of_an_export(tmp_path: Path) -> None:
    async with console(tmp_path) as site, httpx2.AsyncClient(base_url=site.url) as client:
        await client.post("/sign-in", data={"key": site.key, "to": "/"})
        for path in ("/money/spend.json?since=2026-13-45", "/money/export.csv?until=2026-13-45"):
            answer = await client.get(path)
            assert answer.status_code == 400
            assert '"2026-13-45" is no date. Write 2026-11-30.' in answer.text


@pytest.mark.parametrize("until", ["0001-01-01", "9999-12-31"])
async def test_a_day_whose_months_cannot_be_worked_out_is_a_fault(
    tmp_path: Path, until: str
) -> None:
    async with console(tmp_path) as site, httpx2.AsyncClient(base_url=site.url) as client:
        await client.post("/sign-in", data={"key": site.key, "to": "/"})
        answer = await client.get(f"/money/export.csv?until={until}")
        assert (answer.status_code, "is no date" in answer.text) == (400, True)


@pytest.mark.parametrize("text", ["0000000000000019999999999", "1" * 13, "0", "-1", "4097"])
def test_a_count_is_judged_by_all_of_its_digits(text: str) -> None:
    assert "at" in read({"at": text, "load": "users"}, "llama-3.3-70b").faults
