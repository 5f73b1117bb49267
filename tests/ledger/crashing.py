"""Reserves and settles in the ledger at argv[1] until it is killed, and reports each booked item on
standard output as one write. Started by test_crash."""

import os
import sys
from pathlib import Path

from ledger_records import Turns, reserve, settle

from tollway.ledger.sqlite import open_for_gateway
from tollway.ledger.writer import LedgerWriter, Pace


def main(path: Path, life: str) -> None:
    ledger = open_for_gateway(path)
    reconciled = ledger.reconcile(1_800_014_400.0)
    os.write(1, f"opened {reconciled.count}\n".encode())
    loop = Turns()
    writer = LedgerWriter(ledger, ledger.journal, loop, Pace(0.0, checkpoint=200))
    writer.start()

    def submit(number: int) -> None:
        name = f"{life}-{number}"

        assert writer.submit(reserve(name, amount=1_000_000)) is None
        os.write(1, f"reserved {name}\n".encode())
        assert writer.submit(settle(name, cost=1)) is None
        os.write(1, f"settled {name}\n".encode())

    number = 0
    while True:
        for _ in range(7):
            submit(number)
            number += 1
        loop.turn()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
