"""Which files of the host a mount shows."""

from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.sandbox.order import Mount
from tollway.sandbox.sources import source_of


def test_a_plain_path_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert source_of(Mount(tmp_path / "data", "/data")) == tmp_path / "data"
    assert source_of(Mount(tmp_path / "data" / ".." / "data", "/d")) == tmp_path / "data"


@pytest.mark.parametrize("within", ["", "/below"])
def test_a_path_over_a_link_is_refused_and_says_where_it_leads(tmp_path: Path, within: str) -> None:
    (tmp_path / "secrets" / "below").mkdir(parents=True)
    (tmp_path / "data").symlink_to("secrets")
    with pytest.raises(TollwayError) as refused:
        source_of(Mount(Path(f"{tmp_path}/data{within}"), "/data"))
    assert f"leads over a link to {tmp_path}/secrets{within}. " in str(refused.value)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TollwayError, match="is not there"):
        source_of(Mount(tmp_path / "nothing", "/data"))
