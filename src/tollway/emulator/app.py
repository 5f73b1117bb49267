"""The ASGI application: OpenAI's endpoints over pools of replicas, and the controls beside them.

Rules
1. The controls (`/emulator/*`) answer loopback peers only, whatever address is listened on, and no
   web page that a browser on this machine shows.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from tollway.emulator.answering import Answering
from tollway.emulator.asks import Refusal
from tollway.emulator.exchange import Exchange, Receive, Scope, Send
from tollway.emulator.failures import Failures, Order
from tollway.emulator.replica import Clock, Pool
from tollway.emulator.script import Script
from tollway.engine import Deployment
from tollway.errors import TollwayError

_T = TypeVar("_T")


class Warp(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /emulator/warp`: emulated seconds in a real one."""

    factor: float


class Emulator:
    """An OpenAI-compatible engine that isn't there. Add deployments, then serve it with
    `tollway.emulator.server.start`, or drive it as an ASGI application inside `running()`."""

    def __init__(self, *, seed: int = 0, script: Script | None = None) -> None:
        self.clock = Clock()
        self.failures = Failures()
        self.pools: dict[str, Pool] = {}
        self._answering = Answering(self.pools, self.failures, seed, script)
        self._routes = {
            ("GET", "/health"): self._answering.health,
            ("GET", "/v1/models"): self._answering.models,
            ("POST", "/v1/chat/completions"): self._answering.chat,
            ("POST", "/v1/completions"): self._answering.completion,
            ("POST", "/v1/embeddings"): self._answering.embeddings,
            ("GET", "/emulator/status"): self._status,
            ("POST", "/emulator/fault"): self._fault,
            ("DELETE", "/emulator/fault"): self._clear,
            ("POST", "/emulator/warp"): self._warp,
        }

    def add(self, name: str, deployment: Deployment, replicas: int = 1) -> None:
        """Serve a deployment, `replicas` times, under the model name `name`."""
        self.pools[name] = Pool(name, deployment, replicas, self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The engines work within this context. The vocabularies load meanwhile."""
        tasks = [
            asyncio.create_task(replica.run())
            for pool in self.pools.values()
            for replica in pool.replicas
        ]
        tasks.append(asyncio.create_task(self._answering.load()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._route(exchange)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Exception:
            # The server's own log is off: it would also report every cut that was asked for.
            traceback.print_exc()
            raise
        finally:
            exchange.end_watch()

    async def _route(self, exchange: Exchange) -> None:
        if exchange.path.startswith("/emulator/") and not exchange.from_loopback:
            raise Refusal(403, "The controls answer loopback peers only.")
        if exchange.path.startswith("/emulator/") and exchange.from_web_page:
            raise Refusal(403, "The controls answer no web page; ask them by a loopback address.")
        answer = self._routes.get((exchange.method, exchange.path))
        if answer is not None:
            await answer(exchange)
        elif any(path == exchange.path for _, path in self._routes):
            raise Refusal(405, f"{exchange.method} is not allowed for {exchange.path}.")
        else:
            raise Refusal(404, f"Unknown path {exchange.path}.", code="unknown_url")

    async def _status(self, exchange: Exchange) -> None:
        models = {name: _pool_status(pool) for name, pool in self.pools.items()}
        faults = self.failures.listed()
        await exchange.value({"warp": self.clock.factor, "faults": faults, "models": models})

    async def _fault(self, exchange: Exchange) -> None:
        order = _order(await exchange.body(), Order)
        try:
            self.failures.add(order, asyncio.get_running_loop().time())
        except TollwayError as error:
            raise Refusal(400, str(error), param="fault") from None
        await exchange.value({"faults": self.failures.listed()})

    async def _clear(self, exchange: Exchange) -> None:
        self.failures.clear()
        await exchange.value({"faults": []})

    async def _warp(self, exchange: Exchange) -> None:
        order = _order(await exchange.body(), Warp)
        if not 1e-3 <= order.factor <= 1e6:
            raise Refusal(400, "factor is between 0.001 and 1000000.", param="factor")
        self.clock.factor = order.factor
        await exchange.value({"warp": order.factor})


def _order(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refusal(400, f"Invalid request: {error}") from None


def _pool_status(pool: Pool) -> dict[str, object]:
    deployment = pool.deployment
    return {
        "chip": deployment.chip.name,
        "tp": deployment.tp,
        "precision": deployment.precision,
        "context": deployment.context,
        "served": pool.served,
        "replicas": [
            {
                "running": replica.core.running,
                "waiting": replica.core.load - replica.core.running,
                "kv_blocks": replica.core.settings.blocks,
                "kv_used": replica.core.used,
                "steps": replica.core.counters.steps,
                "step_seconds": replica.step_seconds,
                "preemptions": replica.core.counters.preempted,
            }
            for replica in pool.replicas
        ],
    }
