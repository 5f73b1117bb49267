"""The Feel page, in a browser: streams at their rate, keys, a source, a prediction, the sums."""

import asyncio
import json
import re
import subprocess
import sys
import time
from typing import Any
from urllib.request import Request, urlopen

import pytest
from console_site import Site

from tollway.cli import feel_words
from tollway.cli.feel_streams import asked_for
from tollway.feel.texts import MODES, Mode
from tollway.units import TokensPerSecond

READY = "document.body.dataset.ready === 'yes'"


def ask(site: Site, times: int) -> None:
    """Real streams through the gateway, so that its source was observed."""
    for _ in range(times):
        body = {"model": "chat", "stream": True, "max_tokens": 60}
        body["messages"] = [{"role": "user", "content": "Tell me of harbours."}]
        head = {"authorization": f"Bearer {site.client_key}", "content-type": "application/json"}
        url = f"{site.gateway.removesuffix('/v1')}/v1/chat/completions"
        with urlopen(Request(url, json.dumps(body).encode(), head), timeout=60) as answer:
            assert b"[DONE]" in answer.read()


async def until(page: Any, holds: str, patience: float = 40.0) -> None:
    """The page's policy forbids what Playwright's own wait would evaluate."""
    end = time.monotonic() + patience
    while not await page.evaluate(holds):
        assert time.monotonic() < end, holds
        await asyncio.sleep(0.05)


def told(*argv: str) -> Any:
    """What the command says."""
    command = [sys.executable, "-m", "tollway", *argv]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def printed(mode: Mode, daily: float) -> tuple[list[list[str]], list[str]]:
    """What the command prints of 30 and of 120 tokens a second: its table, and its sources."""
    felts = [asked_for(TokensPerSecond(rate), 0.5) for rate in (30.0, 120.0)]
    sums = feel_words.sums_of(felts, mode, None, (daily, ""))
    return feel_words.table(sums)[1:], feel_words.origins(sums)


async def settled(watched: Any) -> Any:
    await until(watched.page, READY)
    await until(watched.page, "document.querySelectorAll('#sums tr').length > 0")
    return watched.page


async def test_two_streams_run_side_by_side_and_show_their_rates(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    for at, rate in ((0, 30), (1, 120)):
        shown = f"Number(document.querySelectorAll('[data-is=shown]')[{at}].textContent)"
        await until(page, f"Math.abs({shown} / {rate} - 1) < 0.15")
    texts = await page.locator(".stream").all_inner_texts()
    assert len(texts[1]) > len(texts[0]) > 0
    assert texts[0].startswith("You: Why do harbour towns")
    await watched.must_be_accessible()


async def test_keys_pause_nudge_choose_presets_and_modes(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    asked = page.locator("[data-is=asked]").first
    await page.locator(".stream").first.focus()
    for key, rate in (("ArrowUp", "33"), ("ArrowRight", "60"), ("9", "800"), ("ArrowLeft", "400")):
        await page.keyboard.press(key)
        assert await asked.inner_text() == rate
    assert await page.locator("[data-preset='400']").get_attribute("aria-pressed") == "true"
    await page.keyboard.press(" ")
    assert await watched.text("#said") == "paused"
    before = await page.locator(".stream").first.inner_text()
    await page.wait_for_timeout(300)
    assert await page.locator(".stream").first.inner_text() == before
    await page.keyboard.press(" ")
    await page.keyboard.press("m")
    await until(page, "document.querySelector('.stream').textContent.includes('[thinks]')")
    assert await page.locator("[data-mode=think]").get_attribute("aria-pressed") == "true"


async def test_keys_in_a_field_are_only_typed(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    await page.get_by_label("Answers a day").fill("")
    await page.get_by_label("Answers a day").press("9")
    assert await page.get_by_label("Answers a day").input_value() == "9"
    assert await page.locator("[data-is=asked]").first.inner_text() == "30"


async def test_letters_act_only_while_a_stream_or_a_tool_has_the_focus(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    asked = page.locator("[data-is=asked]").first
    mode = page.locator("[data-mode][aria-pressed=true]")
    for place in ("body", "#main", "header.top a", "#prediction-form button", "details summary"):
        await page.evaluate(
            "it => { document.activeElement.blur(); document.querySelector(it).focus(); }", place
        )
        for key in ("9", "m", "ArrowRight", "r", " " if place == "body" else "5"):
            await page.keyboard.press(key)
        assert await asked.inner_text() == "30", place
        assert await mode.inner_text() == "text", place
        assert await watched.text("#said") == "", place
    await page.locator("#slower").focus()
    await page.keyboard.press("9")
    assert await asked.inner_text() == "800"
    await page.locator(".pick").first.focus()
    await page.keyboard.press("m")
    await until(page, "document.querySelector('[data-mode=think]').ariaPressed === 'true'")


async def test_the_sums_are_those_of_the_command(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    await page.get_by_label("Answers a day").fill("2000")
    rows = "[...document.querySelectorAll('#sums tr')]"
    shown = f"JSON.stringify({rows}.map(it => [...it.cells].map(it => it.textContent)))"
    for mode in MODES:
        cells, sources = await asyncio.to_thread(printed, mode, 2000.0)
        await page.get_by_role("button", name=mode, exact=True).click()
        await until(page, f"document.querySelector('[data-mode={mode}]').ariaPressed === 'true'")
        wanted = json.dumps(cells, separators=(",", ":"))
        await until(page, f"{shown} === {json.dumps(wanted)}")
        notes = await page.locator("#notes li").all_inner_texts()
        assert notes
        assert set(notes) < set(sources)


async def observed(page: Any, served: Site, sources: list[str]) -> str:
    """A source that the page knows from the gateway: its metrics are asked every few seconds."""
    async with asyncio.timeout(30):
        while True:
            for name in sources:
                answer = await page.request.get(f"{served.url}/feel/source?name={name}")
                if answer.ok and "running gateway" in (await answer.json())["origin"]:
                    return name
            await asyncio.sleep(0.25)


async def test_a_source_is_felt_as_the_gateway_observed_it(served: Site, open_page: Any) -> None:
    await asyncio.to_thread(ask, served, 3)
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    sources = await page.locator("#source-form option").all_inner_texts()
    found = await observed(page, served, sources)
    await page.locator("#source-form select").select_option(found)
    await page.get_by_role("button", name="Feel this source now").click()
    pane = page.locator(".pane").nth(2)
    await pane.wait_for()
    words = await pane.locator("[data-is=origin]").inner_text()
    assert re.match(r"measured: \d+ answers? that ended (in the last|since)", words)
    assert "in the running gateway's metrics" in words
    said = await (await page.request.get(f"{served.url}/feel/source?name={found}")).json()
    assert await pane.locator("[data-is=asked]").inner_text() == f"{said['rate']:.4g}"
    assert len(said["firsts"]) == 64
    await until(page, "document.querySelector('#now').textContent.includes('answer')")
    argv = ["--source", found, "--watch", "0", "--state", str(served.state), "--json"]
    (felt,) = (await asyncio.to_thread(told, "feel", *argv))["streams"]
    assert felt["provenance"] == "measured"
    assert felt["answers"] >= said["answers"] >= 3
    assert (felt["window"], felt["window_s"]) == ("since the gateway's start", None)
    assert felt["jitter"] is True
    stream = await page.request.get(f"{served.url}/feel/stream?mode=text&source={found}")
    waits = {one[2] for one in (await stream.json())["tokens"]}
    assert len(waits) > 5, "the gaps are jittered"


async def test_a_source_without_answers_is_told_with_the_mend(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    answer = await page.request.get(f"{served.url}/feel/source?name=nowhere")
    assert answer.status == 422
    assert 'source is "nowhere"; known:' in (await answer.json())["error"]


async def test_a_prediction_is_felt_with_its_interval(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    await page.get_by_role("button", name="Feel this prediction").click()
    pane = page.locator(".pane").nth(2)
    await pane.wait_for()
    assert "with 64 users" in await pane.locator("[data-is=origin]").inner_text()
    assert "80% interval" in await pane.locator("[data-is=origin]").inner_text()
    argv = ["feel", "--predict", "llama-3.3-70b", "--chip", "h200", "--tp", "4", "--json"]
    said = await asyncio.to_thread(told, *argv)
    rate = said["streams"][0]["tokens_per_second"]
    low, high = said["streams"][0]["whole_answer_interval_s"]
    row = page.locator("#sums tr", has_text="whole answer").locator("td").nth(2)
    await until(page, "document.querySelectorAll('#heads th').length === 4")
    assert f"({low:.2f} s to {high:.1f} s)" in await row.inner_text()
    low, high = said["streams"][0]["interval"]
    row = page.locator("#sums tr", has_text="tokens/s").first.locator("td").nth(2)
    assert await row.inner_text() == f"{rate:.1f} ({low:.1f} to {high:.1f})"
    assert await pane.locator("[data-is=asked]").inner_text() == f"{rate:.4g}"


async def test_a_link_of_the_twin_is_felt_as_the_twin_predicted_it(
    served: Site, open_page: Any
) -> None:
    asked = "model=llama-3.3-70b&chip=h200&tp=8&precision=fp8&users=19&input=2337&output=22"
    watched = await open_page(served, f"/feel?{asked}")
    page = await settled(watched)
    assert await page.locator(".pane").count() == 1
    assert await page.locator(".pick").inner_text() == "llama-3.3-70b on 8 x h200, fp8"
    words = await page.locator("[data-is=origin]").inner_text()
    assert "with 19 users of 2,337 tokens in and 22 out" in words
    argv = "--model llama-3.3-70b --chip h200 --tp 8 --precision fp8 --concurrency 19"
    said = await asyncio.to_thread(
        told, "predict", *argv.split(), "--in", "2337", "--out", "22", "--json"
    )
    rate = said["answers"][0]["user_tokens_s"]["value"]
    assert await page.locator("[data-is=asked]").inner_text() == f"{rate:.4g}"
    await watched.go("/feel?model=nothing&chip=h200")
    page = await settled(watched)
    assert "nothing" in await page.locator("#trouble").inner_text()
    assert await page.locator(".pane").count() == 2
    watched.faults.clear()  # Chromium reports the 422 of the question


async def test_who_asked_for_less_motion_starts_the_streams_by_hand(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served, "/sign-in")
    page = watched.page
    await page.emulate_media(reduced_motion="reduce")
    await watched.go("/feel")
    await settled(watched)
    assert await page.get_by_role("button", name="Go on").is_visible()
    await page.wait_for_timeout(800)
    assert not await page.locator(".stream").first.inner_text()
    await page.get_by_role("button", name="Go on").click()
    await until(page, "document.querySelector('.stream').textContent.length > 20")


async def test_a_stream_is_silent_to_a_screen_reader(served: Site, open_page: Any) -> None:
    watched = await open_page(served, "/feel")
    page = await settled(watched)
    live = await page.evaluate(
        "[...document.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log]')]"
        ".filter(it => it.getAttribute('aria-live') !== 'off').map(it => it.id)"
    )
    assert live == ["said", "trouble"]
    await until(page, "document.querySelector('.stream').textContent.length > 80")
    assert await watched.text("#said") == ""


@pytest.mark.parametrize(
    "path",
    [
        "stream?mode=cod",
        "sums?rates=x&ttfts=0",
        "prediction?model=m&chip=h200",
        "sums?rates=5&ttfts=",
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_mend(
    served: Site, open_page: Any, path: str
) -> None:
    watched = await open_page(served, "/feel")
    await settled(watched)
    answer = await watched.page.request.get(f"{served.url}/feel/{path}")
    assert answer.status == 422
    assert (await answer.json())["error"]
