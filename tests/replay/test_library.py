from pathlib import Path

import pytest

from tollway.errors import TollwayError
from tollway.replay.library import PACKAGED, load
from tollway.simulator.trace import cut
from tollway.units import Seconds


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_trace_is_thirty_minutes_or_more_and_its_default_slice_is_not_empty(
    name: str,
) -> None:
    trace = load(name)
    assert trace.span > 1799
    assert len(cut(trace, Seconds(0), Seconds(120), None).requests) > 100
    assert all(r.output >= 1 for r in trace.requests)


def test_every_packaged_trace_is_attributed() -> None:
    import tollway.replay

    folder = Path(tollway.replay.__file__).parent / "traces"
    text = (folder / "ATTRIBUTION.md").read_text()
    packed = sorted(path.name for path in folder.glob("*.gz"))
    assert packed == sorted(f"{name}.csv.gz" for name in PACKAGED)
    assert all(f"## {name}\n" in text for name in packed)
    assert "CC-BY-4.0" in text
    assert "Splitwise" in text


def test_a_name_that_is_neither_packaged_nor_a_file_says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(TollwayError, match=r'azure-code.*Did you mean "azure-code"'):
        load("azure-cod")
    with pytest.raises(TollwayError, match="cannot be read"):
        load(str(tmp_path))
