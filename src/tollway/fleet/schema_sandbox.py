"""The `[sandbox]` table: how agents are run. See `schema`."""

from typing import Annotated

from pydantic import Field

from tollway.fleet.fields import Count, Duration, Size, Text
from tollway.fleet.sandboxing import SandboxTier
from tollway.fleet.table import Table, key

Cores = Annotated[float, Field(gt=0, le=1024)]


class SandboxTable(Table):
    """How `tollway run` runs agents: which tier, and the bounds of one sandbox."""

    tier: SandboxTier = key(
        "ns: namespaces, which share this machine's kernel; vm: a virtual machine with its own.",
        "ns",
    )
    require: SandboxTier | None = key(
        "The least that a run may take, whatever it asks for: vm refuses ns.", None
    )
    template: Text = key("What a vm starts from: a name of `tollway sandbox build`.", "default")
    memory: Size = key("Memory, files in memory included.", "2GiB")
    processes: Count = key("Processes and threads at once.", 512)
    open_files: Count = key("Open files of one process.", 4096)
    disk: Size = key("All that is written below /workspace, /tmp and the home.", "1GiB")
    inodes: Count = key("Files and folders there.", 100_000)
    output: Size = key("All that is printed; more ends the run.", "64MiB")
    time: Duration = key("How long a run may take.", "1h")
    grace: Duration = key("From the request to end, SIGTERM, to the end.", "5s")
    cpus: Cores = key("Cores.", 1.0)
    kept: Size = key("All that is kept of a run by --out.", "256MiB")
    kept_files: Count = key("Files and folders that are kept.", 10_000)
    connections: Count = key("Connections to models, hosts and tools at once.", 64)
