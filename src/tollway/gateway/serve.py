"""Serves a fleet file: in this process, or with workers where the fleet wants several."""

import time
from pathlib import Path

from tollway.gateway.descriptors import raise_limit, too_few
from tollway.gateway.loading import load
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.gateway.own import OwnHands
from tollway.gateway.process import Process


def serve(path: Path, folder: Path, *, open_metrics: bool = False) -> int:
    """Run the gateway of a fleet file in the foreground, with its state in `folder`, until a
    signal or the admin socket ends it. Returns the exit code.

    Raises:
        TollwayError: it cannot start; the text says why.
    """
    keep_private()
    loaded = load(path, folder)
    log = Log(time.time)
    few = too_few(raise_limit(), loaded.fleet.gateway)
    if few is not None:
        log.say(few)
    if loaded.fleet.gateway.workers > 1:
        from tollway.gateway.workers.supervisor import supervise

        return supervise(loaded, folder, log, open_metrics=open_metrics)
    return Process(loaded, folder, log, OwnHands(), open_metrics=open_metrics).serve()
