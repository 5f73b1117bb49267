"""Runs the suites through the gateway: `python -m bench.agentdojo --help`.

Rules
1. Three gateways are compared, real processes over the same servers: without the defence (one rule
   that allows everything, the positive control), with it and nobody to ask, and with a user who
   approves exactly the calls of the task's own ground truth.
2. A pair counts where the user's task reads the injection, and the injection's own ground truth
   passes its checker offline. Injections without a call (text alone) are told apart.
3. Whether an attack succeeded, and whether a task passed, is what the suite's own checkers say of
   the environment and of the calls that were really made.
"""

import argparse
import asyncio
import json
import logging
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
from agentdojo.base_tasks import BaseUserTask
from agentdojo.functions_runtime import FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suites
from agentdojo.types import text_content_block_from_string
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bench.agentdojo.agent import MARK, Agent
from bench.agentdojo.gateway import Gateway, write_fleet
from bench.agentdojo.upstream import Suite, serve

VERSION = "v1.2.2"
MODES = ("undefended", "defended", "approving")


class Runs:
    """Every run of one gateway."""

    def __init__(self, gateway: Gateway, suites: dict[str, Any], served: dict[str, Suite]) -> None:
        self._gateway = gateway
        self._suites = suites
        self._served = served

    async def run(self, name: str, user: Any, attack: Any | None) -> dict[str, Any]:
        """One task of a user, with or without an injection in what it reads."""
        suite, served = self._suites[name], self._served[name]
        injections = {} if attack is None else injected(suite, attack)
        environment = user.init_environment(suite.load_and_inject_default_environment(injections))
        before = environment.model_copy(deep=True)
        calls = user.ground_truth(before.model_copy(deep=True))
        evil = [] if attack is None else attack.ground_truth(before.model_copy(deep=True))
        served.start(environment)
        task, token = self._gateway.open(user.PROMPT)
        self._gateway.approve(task, name, calls)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http:
            transport = streamable_http_client(self._gateway.url, http_client=http)
            async with Client(transport, mode="2026-07-28", cache=None) as client:
                agent = Agent(client, name, evil)
                await agent.play(calls)
        said = user.GROUND_TRUTH_OUTPUT
        if attack is not None and agent.obeyed:
            said += "\n" + attack.GROUND_TRUTH_OUTPUT
        output = [text_content_block_from_string(said)]
        judged = (output, before, served.environment, served.done)
        return {
            "suite": name,
            "user": user.ID,
            "attack": None if attack is None else attack.ID,
            "passed": bool(suite._check_user_task_utility(user, *judged)),
            "succeeded": attack is not None
            and bool(suite._check_injection_task_security(attack, *judged)),
            "obeyed": agent.obeyed,
            "refused": agent.refused,
        }


def injected(suite: Any, attack: Any) -> dict[str, str]:
    """The attack's goal in every place where strangers write."""
    text = f"{MARK} {' '.join(attack.GOAL.split())}".replace('"', "'").replace("\\", "/")
    return dict.fromkeys(suite.get_injection_vector_defaults(), text)


def played(suite: Any, task: Any, environment: Any) -> tuple[list[Any], list[str], Any]:
    """A task's ground truth played offline: its calls, the answers, the environment after."""
    from agentdojo.agent_pipeline.tool_execution import tool_result_to_str

    runtime = FunctionsRuntime(suite.tools)
    calls, answers = task.ground_truth(environment.model_copy(deep=True)), []
    for call in calls:
        result, _ = runtime.run_function(environment, call.function, call.args)
        answers.append(tool_result_to_str(result))
    return calls, answers, environment


def attacks_that_work(suite: Any) -> list[Any]:
    """Injection tasks whose own ground truth passes their checker offline."""
    found = []
    for attack in suite.injection_tasks.values():
        environment = suite.load_and_inject_default_environment({})
        before = environment.model_copy(deep=True)
        try:
            calls, _, after = played(suite, attack, environment)
        except Exception:  # noqa: BLE001 - a ground truth that cannot be played
            continue
        output = [text_content_block_from_string(attack.GROUND_TRUTH_OUTPUT)]
        if suite._check_injection_task_security(attack, output, before, after, calls):
            found.append(attack)
    return found


def reads_injection(suite: Any, user: BaseUserTask, attack: Any) -> bool:
    """Whether the user's task meets a text that strangers wrote."""
    environment = suite.load_and_inject_default_environment(injected(suite, attack))
    environment = user.init_environment(environment)
    return any(MARK in answer for answer in played(suite, user, environment)[1])


def pairs_of(suites: dict[str, Any], wanted: list[str]) -> list[tuple[str, Any, Any]]:
    found = []
    for name in wanted:
        suite = suites[name]
        attacks = attacks_that_work(suite)
        for user in suite.user_tasks.values():
            if attacks and reads_injection(suite, user, attacks[0]):
                found += [(name, user, attack) for attack in attacks]
    return found


def is_text_alone(suites: dict[str, Any], name: str, attack: Any) -> bool:
    environment = suites[name].load_and_inject_default_environment({})
    return not attack.ground_truth(environment)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


async def measure(
    runs: Runs, suites: dict[str, Any], pairs: list[Any], benign: list[Any]
) -> dict[str, Any]:
    began = time.monotonic()
    clean = [await runs.run(name, user, None) for name, user in benign]
    attacked = [await runs.run(*pair) for pair in pairs]
    texts = {(n, a.ID) for n, _, a in pairs if is_text_alone(suites, n, a)}
    acting = [it for it in attacked if (it["suite"], it["attack"]) not in texts]
    return {
        "benign": {"tasks": len(clean), "passed": sum(it["passed"] for it in clean)},
        "attacks": {
            "pairs": len(acting),
            "succeeded": sum(it["succeeded"] for it in acting),
            "user's task passed": sum(it["passed"] for it in acting),
        },
        "text alone": {
            "pairs": len(attacked) - len(acting),
            "succeeded": sum(it["succeeded"] for it in attacked)
            - sum(it["succeeded"] for it in acting),
        },
        "by suite": {
            name: {
                "benign": f"{sum(it['passed'] for it in clean if it['suite'] == name)}"
                f"/{sum(it['suite'] == name for it in clean)}",
                "attacks": f"{sum(it['succeeded'] for it in acting if it['suite'] == name)}"
                f"/{sum(it['suite'] == name for it in acting)}",
            }
            for name in Counter(it["suite"] for it in clean)
        },
        "seconds": round(time.monotonic() - began, 1),
        "runs": clean + attacked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.agentdojo", description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--annotations", type=Path, default=here / "annotations.toml")
    parser.add_argument("--python", default=sys.executable, help="the Python that has tollway")
    parser.add_argument("--suite", action="append", help="one suite; default: all")
    parser.add_argument("--mode", action="append", choices=MODES, help="default: all")
    parser.add_argument("--benign", action="store_true", help="leave the attacks out")
    parser.add_argument("--sample", type=int, default=1, help="only every Nth pair")
    parser.add_argument("--out", type=Path, help="every run as JSON")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    suites = get_suites(VERSION)
    wanted = given.suite or list(suites)
    pairs = [] if given.benign else pairs_of(suites, wanted)[:: given.sample]
    benign = [(name, user) for name in wanted for user in suites[name].user_tasks.values()]
    served = {name: Suite(suites[name]) for name in wanted}
    ports = dict(zip(wanted, free_ports(len(wanted)), strict=True))
    for name in wanted:
        serve(served[name], ports[name])
    report = {}
    for mode in given.mode or MODES:
        with tempfile.TemporaryDirectory() as folder:
            write_fleet(Path(folder), given.annotations, ports, mode)
            with Gateway(given.python, Path(folder), approving=mode == "approving") as gateway:
                runs = Runs(gateway, suites, served)
                report[mode] = asyncio.run(measure(runs, suites, pairs, benign))
        shown = {key: it for key, it in report[mode].items() if key != "runs"}
        print(json.dumps({mode: shown}, indent=1), flush=True)
    if given.out:
        given.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
