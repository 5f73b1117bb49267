"""Takes the docs' pictures of the console, light and dark, of a demo fleet that has done some work.

    .venv/bin/python scripts/screenshots.py [FOLDER]

Needs Chromium (Debian: apt-get install chromium). FOLDER is docs/images/console unless said; each
page gives NAME-light.png and NAME-dark.png, and with --phone also NAME-phone.png.
"""

import argparse
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
from playwright.sync_api import Page, sync_playwright

from tollway.console.rendering import NAVIGATION
from tollway.inspect.demo import demo_fleet_text

ROOT = Path(__file__).resolve().parent.parent
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
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
"""
SCORED = """reserve_output = 256
quality.code = { score = 71.2, margin = 1.5, of = "made up for this picture" }
"""


@contextmanager
def demo(folder: Path) -> Iterator[dict[str, str]]:
    """A demo fleet that runs, and what `tollway up` says of it."""
    fleet = folder / "fleet.toml"
    text = demo_fleet_text().replace("reserve_output = 256\n", SCORED)
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
    leak(up)
    command = [sys.executable, "-m", "tollway", *words, "now", "--duration", "120s"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet)  # noqa: S603 - as above


def leak(up: dict[str, str]) -> None:
    """A request with a key in it, made up: the guard stops it."""
    made_up = "AKIA" + "Q3EGRTLW7ZPN2VXK"
    said = {"role": "user", "content": f"Why does {made_up} not work?"}
    headers = {"authorization": f"Bearer {up['key']}"}
    body = {"model": "chat", "max_tokens": 16, "messages": [said]}
    answer = httpx2.post(f"{up['url']}/chat/completions", json=body, headers=headers, timeout=60)
    if answer.status_code < 400:
        raise SystemExit("The guard let a key pass.")


def take(page: Page, where: Path, *, whole: bool) -> None:
    """One picture, in as many colours as it needs."""
    page.wait_for_timeout(2500)  # two pieces of news, so that rates are there
    page.screenshot(path=where, full_page=whole)
    with Image.open(where) as picture:
        small = picture.convert("RGB").quantize(COLOURS)
    small.save(where, optimize=True)


def main() -> int:
    """Take them all."""
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs/images/console")
    asked.add_argument("--phone", action="store_true")
    asked.add_argument("--only", action="append", choices=[it[0] for it in NAVIGATION])
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
            for name, path, _ in NAVIGATION:
                if wanted.only and name not in wanted.only:
                    continue
                page.set_viewport_size(WIDE)
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    page.goto(up["console"] + path)
                    take(page, wanted.folder / f"{name}-{scheme}.png", whole=False)
                if wanted.phone:
                    page.emulate_media(color_scheme="light")
                    page.set_viewport_size(PHONE)
                    take(page, wanted.folder / f"{name}-phone.png", whole=True)
            browser.close()
        finally:
            traffic.terminate()
            traffic.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
