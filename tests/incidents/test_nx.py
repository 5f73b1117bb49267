"""nx, August 2025: a postinstall script drove the AI tools of whoever installed it.

The replica's script writes a file. Control: packages whose installation runs scripts are held, by
what their tarball says, whatever the registry does.
"""

from pathlib import Path

import pytest
from index_rig import Upstream, decisions, installing, npm

SCRIPT = "require('fs').writeFileSync(process.env.INIT_CWD + '/ran', 'at installation')\n"


@pytest.fixture
def upstream():
    with Upstream() as it:
        it.add_npm("nx", "20.10.0", {})
        bad = {"postinstall": "node telemetry.js"}
        it.add_npm("nx", "20.11.0", {"telemetry.js": SCRIPT}, scripts=bad)
        # A registry that does not say what its tarball does.
        it.add_npm(
            "nx-hidden", "1.0.0", {"telemetry.js": SCRIPT}, scripts=bad, told={"scripts": {}}
        )
        yield it


def test_what_runs_scripts_is_held(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "on", {"npm": npm(upstream)}, scripts="ask") as programs:
        pinned = programs.npm("nx@20.11.0")
        assert "runs postinstall at its installation (index.scripts)" in pinned.stderr
        hidden = programs.npm("nx-hidden")
        assert "runs postinstall at its installation (index.scripts)" in hidden.stderr
        assert programs.npm("nx").returncode == 0
        assert not (programs.into / "ran").exists()
    assert ("asked", "npm:nx-hidden@1.0.0", "index.scripts") in decisions(programs)


def test_without_the_control_they_run(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "off", {"npm": npm(upstream)}) as programs:
        assert programs.npm("nx").returncode == 0
        assert (programs.into / "ran").read_text() == "at installation"
