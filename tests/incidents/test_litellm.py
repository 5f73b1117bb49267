"""LiteLLM, 24 March 2026: 1.82.7 and 1.82.8 brought a `.pth`, which every start of Python runs.

The replica's writes a file. Control: what starts with Python is looked for in each wheel, before
its first byte is served.
"""

from pathlib import Path

import pytest
from index_rig import Upstream, decisions, installing, pypi

MARK = "import pathlib; pathlib.Path('ran').write_text('at start')\n"


@pytest.fixture
def upstream():
    with Upstream() as it:
        it.add_wheel("litellm", "1.82.7", {"litellm/__init__.py": "", "litellm_init.pth": MARK})
        yield it


def test_a_wheel_that_brings_a_new_pth_is_held(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "on", {"pypi": pypi(upstream)}, startup="ask") as programs:
        assert programs.uv("litellm").returncode != 0
        programs.python("")
        assert not (programs.into / "ran").exists()
        again = programs.uv("litellm")  # it is known now, and told as yanked with the reason
        assert "brings litellm_init.pth, which every start of Python runs" in again.stderr
    assert ("asked", "pypi:litellm@1.82.7", "index.startup") in decisions(programs)


def test_without_the_control_every_start_runs_it(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "off", {"pypi": pypi(upstream)}) as programs:
        assert programs.uv("litellm").returncode == 0
        programs.python("")
        assert (programs.into / "ran").read_text() == "at start"
