"""`tollway index check`: is what is locked still there, as it was?"""

import asyncio
import sys
import time
from pathlib import Path

from tollway.cli.index_serve import need_index
from tollway.cli.table import printable


def check_lock(fleet: Path, *, json: bool) -> int:
    """Print what was found; the exit code is `Findings.exit_code`."""
    need_index()
    from tollway.index.checking import check

    findings = asyncio.run(check(fleet, time.time))
    if json:
        import msgspec

        told = {**msgspec.to_builtins(findings), "exit_code": findings.exit_code}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")
        return findings.exit_code
    for one in findings.found:
        place = f" {one.place}" if one.place else ""
        words = f"{one.component}{place}: {one.problem}. {one.mend} ({one.rule})"
        sys.stdout.write(printable(words) + "\n")
    for one in findings.unaudited:
        words = f"{one.component}: {one.what} was not looked at: {one.why}"
        sys.stdout.write(printable(words) + "\n")
    sys.stderr.write(
        f"{findings.looked} packages looked at: {len(findings.found)} findings, "
        f"{len(findings.unaudited)} not audited.\n"
    )
    return findings.exit_code
