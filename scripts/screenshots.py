"""Takes the docs' pictures of the console, light and dark, of a demo fleet that has done some work.

    .venv/bin/python scripts/screenshots.py [FOLDER]

Needs Chromium (Debian: apt-get install chromium). FOLDER is docs/images/console unless said; each
page gives NAME-light.png and NAME-dark.png, and with --phone also NAME-phone.png.
"""

import argparse
import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tollway.console.rendering import NAVIGATION
from tollway.inspect.demo import demo_fleet_text

ROOT = Path(__file__).resolve().parent.parent
WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
WITHIN = {
    "request": ("/requests", "main tbody a.code"),
    "margin": ("/money/margin", None),
    "runs": ("/guard/runs", None),
    "run": ("/guard/runs", "main tbody a.code"),
    "stopped": ("/guard/stopped", None),
    "components": ("/pins/components", None),
    "threats": ("/pins/threats", None),
    "models": ("/pins/models", None),
}
"""Pages within those of the navigation: where they start, and the last link there to follow."""
COLOURS = 128
"""Of a picture: half a page of text and a chart need no more, and it is a third of the size."""


def tollway(*words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "tollway", *words]
    done = subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise SystemExit(f"tollway {' '.join(words)}: {done.stderr}")
    return done.stdout


def elsewhere(text: str) -> str:
    """A fleet file with every address of it on a free port."""
    ports = sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text)))
    sockets = [socket.socket() for _ in ports]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    for port, one in zip(ports, sockets, strict=True):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{one.getsockname()[1]}")
        one.close()
    return text


ADDED = """
[guard]

[[guard.rules]]
name = "secrets stay here"
detectors = ["secret"]
direction = "out"
action = "block"

[[guard.rules]]
name = "bank details need a person's yes"
detectors = ["iban"]
direction = "out"
action = "ask"

[[price_books.list]]
since = 2026-01-01
markup = "0.20"

[parties.us]
title = "Us"

[parties.neocloud-a]
title = "Neocloud A"

[contracts.lease]
buyer = "us"
supplier = "neocloud-a"
sources = ["h200"]
term = { start = 2026-01-01, months = 36 }
commitment = { amount = "36500", true_up = "pay" }
"""
CHANGED = {
    "reserve_output = 256\n": """reserve_output = 256
quality.code = { score = 71.2, margin = 1.5, of = "made up for this picture" }
""",
    "[tenants.demo]\n": '[tenants.demo]\nprice_book = "list"\n',
}
"""What the demo fleet has otherwise here, so that every page has something to show."""


@contextmanager
def demo(folder: Path) -> Iterator[dict[str, str]]:
    """A demo fleet that runs, and what `tollway up` says of it."""
    fleet = folder / "fleet.toml"
    text = demo_fleet_text()
    for old, new in CHANGED.items():
        text = text.replace(old, new)
    fleet.write_text(elsewhere(text + ADDED))
    tollway("lock", str(fleet))
    state = folder / "state"
    try:
        yield json.loads(tollway("up", str(fleet), "--state", str(state), "--json"))
    finally:
        tollway("down", "--state", str(state))


def work(up: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Some traffic that has ended, a leak that was stopped, and traffic that goes on while pictures
    are taken."""
    words = ["replay", "azure-code", "--state", up["state"], "--url", up["url"], "--tag"]
    tollway(*words, "morning", "--duration", "20s")
    say(up, "Why does AKIA" + "Q3EGRTLW7ZPN2VXK not work?")  # made up
    say(up, "Pay 120 euros to DE89 3704 0044 0532 0130 00.")  # the IBAN of textbooks
    agent(up)
    command = [sys.executable, "-m", "tollway", *words, "now", "--duration", "120s"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet)  # noqa: S603 - as above


def say(up: dict[str, str], words: str) -> None:
    """A request that the guard does not let pass."""
    headers = {"authorization": f"Bearer {up['key']}"}
    said = {"role": "user", "content": words}
    body = {"model": "chat", "max_tokens": 16, "messages": [said]}
    answer = httpx2.post(f"{up['url']}/chat/completions", json=body, headers=headers, timeout=60)
    if answer.status_code < 400:
        raise SystemExit(f"The guard let this pass: {words}")


def agent(up: dict[str, str]) -> None:
    """A run of something small in a sandbox, so that there is a receipt."""
    task = ["--task", "Say hello in a file", "--out", "hello.txt", "--state", up["state"]]
    with contextlib.chdir(up["state"]):
        tollway("run", "--tier", "ns", *task, "--", "sh", "-c", "echo hello > hello.txt")


def take(page: Page, url: str, where: Path, *, phone: bool) -> None:
    """The pictures of one page, in as many colours as they need."""
    looks = [("light", WIDE, False), ("dark", WIDE, False)]
    looks += [("light", PHONE, True)] if phone else []
    for scheme, size, whole in looks:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        answer = page.goto(url)
        if answer is None or not answer.ok:
            raise SystemExit(f"{url} cannot be shown: {page.inner_text('main')}")
        page.wait_for_timeout(2500)  # two pieces of news, so that rates are there
        name = where.with_name(f"{where.name}-{'phone' if whole else scheme}.png")
        page.screenshot(path=name, full_page=whole)
        with Image.open(name) as picture:
            small = picture.convert("RGB").quantize(COLOURS)
        small.save(name, optimize=True)


def pages() -> list[tuple[str, str, str | None]]:
    """Name, path, and the link to follow from there, of each page."""
    first: list[tuple[str, str, str | None]] = [(name, path, None) for name, path, _ in NAVIGATION]
    return first + [(name, path, link) for name, (path, link) in WITHIN.items()]


def main() -> int:
    """Take them all."""
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs/images/console")
    asked.add_argument("--phone", action="store_true")
    asked.add_argument("--only", action="append", choices=[it[0] for it in pages()])
    wanted = asked.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("Chromium is not there. Debian: apt-get install chromium\n")
        return 1
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as up, sync_playwright() as it:
        traffic = work(up)
        try:
            browser = it.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport=WIDE)
            page.goto(f"{up['console']}/sign-in")
            page.get_by_label("Admin key").fill(up["console_key"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_timeout(6000)  # until the traffic is well under way
            for name, path, link in pages():
                if wanted.only and name not in wanted.only:
                    continue
                if link:
                    page.goto(up["console"] + path)
                    path = str(page.locator(link).last.get_attribute("href"))  # noqa: PLW2901
                take(page, up["console"] + path, wanted.folder / name, phone=wanted.phone)
            browser.close()
        finally:
            traffic.terminate()
            traffic.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
