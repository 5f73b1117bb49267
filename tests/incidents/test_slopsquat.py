"""Slopsquatting: a model invents a name, somebody registers it, and an agent installs it.

Control: a name that is on no list of well-known ones, nor in the lock, needs a person. What it is
like does not matter: of 181 such names in one study, heuristics caught 52.
"""

from pathlib import Path

import pytest
from index_rig import Upstream, decisions, installing, pypi

from tollway.pins.admission_names import looks_like, ranked

RANKED = 'ranked = { pypi = "../names.txt" }'


@pytest.fixture
def upstream(tmp_path: Path):
    (tmp_path / "names.txt").write_text("requests\nhuggingface-hub\n")
    with Upstream() as it:
        it.add_wheel("huggingface-hub", "1.0", {"hub.py": ""})
        it.add_wheel("fast-tensor-mailer", "1.0", {"mailer.py": ""})
        it.add_wheel("requets", "1.0", {"requets.py": ""})
        yield it


def test_an_unknown_name_needs_a_person(tmp_path: Path, upstream: Upstream) -> None:
    name = "fast-tensor-mailer"
    assert looks_like(name, ranked("pypi", ["requests", "huggingface-hub"])) is None
    on = installing(tmp_path / "on", {"pypi": pypi(upstream)}, RANKED, unranked="ask")
    with on as programs:
        refused = programs.uv(name)
        assert "on no list of well-known names, nor in the lock" in refused.stderr
        assert programs.uv("huggingface_hub").returncode == 0
    assert ("asked", f"pypi:{name}@1.0", "index.unranked") in decisions(programs)


def test_a_misspelt_name_says_what_was_meant(tmp_path: Path, upstream: Upstream) -> None:
    on = installing(tmp_path / "on", {"pypi": pypi(upstream)}, RANKED, misspelt="ask")
    with on as programs:
        assert "looks like requests (index.misspelt)" in programs.uv("requets").stderr


def test_without_the_control_it_is_installed(tmp_path: Path, upstream: Upstream) -> None:
    with installing(tmp_path / "off", {"pypi": pypi(upstream)}, RANKED) as programs:
        assert programs.uv("fast-tensor-mailer", "requets").returncode == 0
