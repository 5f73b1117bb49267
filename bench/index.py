"""What the package index adds to a request, beside nginx serving the same bytes from the disk.

`python -m bench.index [--requests 400] [--files 600]`, on an idle machine. A made-up upstream on
loopback lists one project of so many wheels, each old enough; the index has fetched the page and
the file once (warm). Asked one after another over one connection: the project's page in JSON, and
one wheel of 1 MB. Milliseconds from the request to the last byte, by the client's clock. The page
is 60 s fresh, as by default: rules and approvals are looked at again for each request all the same.
nginx is what somebody would take who wants no rules; without it the upstream itself is asked.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

JSON = "application/vnd.pypi.simple.v1+json"
NAME = "measured"
OLD = "2020-01-01T00:00:00Z"
PATIENCE = 20.0
FLEET = """version = 1
[models.m]
context = 1000
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.s.serves.m]
prices = []
[tenants.t]
[index]
listen = "127.0.0.1:{port}"
[index.rules]
unranked = "allow"
[index.upstreams.pypi]
kind = "pypi"
url = "{url}/simple"
"""
NGINX = """daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{}}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/t; default_type {json};
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}; index index.json; }} }}
"""


def wheel() -> bytes:
    """A wheel of a megabyte."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("measured/data.bin", os.urandom(1_000_000))
        archive.writestr(f"{NAME}-1.0.dist-info/METADATA", f"Name: {NAME}\nVersion: 1.0\n")
    return made.getvalue()


def site(files: int) -> dict[str, bytes]:
    """What the upstream has: a page, and the file that is asked for."""
    body = wheel()
    digest = hashlib.sha256(body).hexdigest()
    told = [
        {
            "filename": f"{NAME}-1.{number}-py3-none-any.whl",
            "url": f"/files/{NAME}-1.{number}-py3-none-any.whl",
            "hashes": {"sha256": digest},
            "size": len(body),
            "upload-time": OLD,
            "requires-python": ">=3.9",
        }
        for number in range(files)
    ]
    page = {"meta": {"api-version": "1.1"}, "name": NAME, "files": told}
    file = f"/files/{NAME}-1.0-py3-none-any.whl"
    return {f"/simple/{NAME}/": json.dumps(page).encode(), file: body}


@contextmanager
def upstream(known: Mapping[str, bytes]) -> Iterator[str]:
    """An index that isn't there; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = known.get(self.path, b"")
            self.send_response(200 if body else 404)
            kind = JSON if self.path.startswith("/simple/") else "application/octet-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def program(command: list[str], url: str) -> Iterator[str]:
    """A server in a process of its own, from when it answers."""
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                httpx2.get(url, trust_env=False)
                break
            except httpx2.TransportError:
                if time.monotonic() > until or running.poll() is not None:
                    raise
                time.sleep(0.05)
        yield url
    finally:
        running.terminate()
        running.wait(PATIENCE)


def asked(base: str, path: str, requests: int) -> list[float]:
    """Milliseconds of each request, after some that warm everything up."""
    found: list[float] = []
    with httpx2.Client(base_url=base, trust_env=False, headers={"accept": JSON}) as client:
        for number in range(requests + 20):
            began = time.perf_counter()
            client.get(path).raise_for_status()
            if number >= 20:
                found.append(1000 * (time.perf_counter() - began))
    return found


def measured(base: str, known: Mapping[str, bytes], requests: int) -> dict[str, list[float]]:
    """The page and the file, of an index or of a plain server."""
    page = f"/pypi/simple/{NAME}/"
    digest = hashlib.sha256(next(it for path, it in known.items() if "files" in path)).hexdigest()
    file = f"/pypi/files/{NAME}/sha256-{digest}/{NAME}-1.0-py3-none-any.whl"
    return {"page": asked(base, page, requests), "file": asked(base, file, requests)}


def plain(base: str, known: Mapping[str, bytes], requests: int) -> dict[str, list[float]]:
    """The same of a server of files."""
    page, file = known
    return {"page": asked(base, page, requests), "file": asked(base, file, requests)}


def free_port() -> int:
    """One that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def beside(folder: Path, known: Mapping[str, bytes], requests: int, url: str) -> tuple[str, dict]:
    """What is compared with: nginx where there is one, else the upstream itself."""
    nginx = shutil.which("nginx")
    if nginx is None:
        return "the upstream itself", plain(url, known, requests)
    page, file = known
    for path, body in ((f"{page}index.json", known[page]), (file, known[file])):
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, json=JSON))
    with program([nginx, "-c", str(configuration)], f"http://127.0.0.1:{port}{page}"):
        return "nginx", plain(f"http://127.0.0.1:{port}", known, requests)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--files", type=int, default=600)
    said = parser.parse_args()
    known = site(said.files)
    with tempfile.TemporaryDirectory() as name, upstream(known) as url:
        folder = Path(name)
        folder.chmod(0o755)
        port = free_port()
        (folder / "fleet.toml").write_text(FLEET.format(port=port, url=url))
        command = [sys.executable, "-m", "tollway", "index", "serve", "--until-eof"]
        command += ["--fleet", str(folder / "fleet.toml"), "--state", str(folder / "state")]
        with program(command, f"http://127.0.0.1:{port}/pypi/simple/{NAME}/"):
            own = measured(f"http://127.0.0.1:{port}", known, said.requests)
        title, other = beside(folder, known, said.requests, url)
    print(f"{said.requests} requests, {said.files} files listed; ms, one after another")
    for what, times in own.items():
        ours, theirs = (statistics.quantiles(it, n=20) for it in (times, other[what]))
        print(
            f"{what:5}  index p50 {ours[9]:6.2f}  p95 {ours[-1]:6.2f}    {title} "
            f"p50 {theirs[9]:6.2f}  p95 {theirs[-1]:6.2f}    of p95 {ours[-1] / theirs[-1]:.1f} x"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
