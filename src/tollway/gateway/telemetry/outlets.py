"""Where a gateway tells of its requests, as far as its fleet file wants that."""

import secrets
from pathlib import Path

from tollway.fleet.objects import Telemetry
from tollway.gateway.log import Log
from tollway.gateway.metrics import Metrics
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.telemetry.exporter import Exporter
from tollway.gateway.telemetry.lines import STDOUT, LineWriter
from tollway.gateway.telemetry.requestlog import Each, RequestLog
from tollway.gateway.tracing.tracer import Tracer
from tollway.ledger.ring import KeyRing


class Outlets:
    """The collector and the request log of one gateway; it puts its eyes on the switchboard.

    Raises:
        TollwayError: the log cannot be written, or a library is not installed.
    """

    def __init__(
        self, telemetry: Telemetry, folder: Path, board: Switchboard, ring: KeyRing, log: Log
    ) -> None:
        self._board = board
        self._exporter: Exporter | None = None
        self._writer: LineWriter | None = None
        self._unlogged = 0
        if telemetry.otlp is not None:
            self._exporter = Exporter(telemetry, secrets.token_hex(8), log, board.clock)
            board.tracer = Tracer(telemetry.sample, board.clock, board.utc)
        name = telemetry.request_log
        if name is not None:
            self._writer = LineWriter(None if name == STDOUT else folder / name, log)
            lines = RequestLog(self._writer, ring.tenant_of, board.utc)
            board.recording = lines if board.recording is None else Each(board.recording, lines)

    def tell(self) -> None:
        """Hand on what has been written down. Call about twice a second."""
        if self._board.tracer is not None:
            self.forward(*self._board.tracer.take())
        if self._writer is not None:
            self._writer.flush()

    def forward(self, lines: bytes, lost: int) -> None:
        """Tell of requests, a JSON line each; so many more were lost before."""
        if self._exporter is not None:
            self._exporter.send(lines)
            self._exporter.lose(lost, "there are too many at once")

    def count(self, metrics: Metrics) -> None:
        """Add what was told and lost since the last call."""
        if self._exporter is not None:
            metrics.traced(*self._exporter.take_counts())
        if self._writer is not None:
            metrics.unlogged(self._writer.lost - self._unlogged)
            self._unlogged = self._writer.lost

    async def close(self) -> None:
        """Tell what is left, within bounds."""
        self.tell()
        if self._exporter is not None:
            await self._exporter.close()
        if self._writer is not None:
            self._writer.close()
