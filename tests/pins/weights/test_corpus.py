"""Malicious files are stopped with every format allowed; benign ones pass with theirs."""

from pathlib import Path

import pytest
from weights.corpus import benign, malicious
from weights.corpus.case import Case
from weights.corpus.gadgets import ABSENT, RUNNING

from tollway.inspect.weights import examine, formats_of
from tollway.pins.finding import Findings
from tollway.pins.weights.look import DEFAULT_FORMATS, FORMATS

MALICIOUS = list(malicious.cases())
BENIGN = list(benign.cases())


def judged(case: Case, folder: Path, formats: tuple[str, ...] = FORMATS) -> Findings:
    path = folder / case.name
    path.write_bytes(case.data)
    return examine(path, formats=formats, name="model")


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len({it.id for it in MALICIOUS}) == len(MALICIOUS) >= 60
    assert len({it.id for it in BENIGN}) == len(BENIGN) >= 100
    assert len(RUNNING) + len(ABSENT) >= 25


@pytest.mark.parametrize("start", range(0, len(MALICIOUS), 40))
def test_every_malicious_file_is_stopped_with_its_format_allowed(
    start: int, tmp_path: Path
) -> None:
    for case in MALICIOUS[start : start + 40]:
        findings = judged(case, tmp_path)
        assert findings.exit_code in (1, 3), case.id
        assert not any("failed" in it.why for it in findings.unaudited), case.id


@pytest.mark.parametrize("start", range(0, len(BENIGN), 40))
def test_every_benign_file_passes_with_its_format_allowed(start: int, tmp_path: Path) -> None:
    for case in BENIGN[start : start + 40]:
        findings = judged(case, tmp_path)
        assert findings.exit_code == 0, (case.id, findings)


def test_pickles_are_denied_by_default_and_named(tmp_path: Path) -> None:
    for case in BENIGN:
        if case.id.startswith(("py-", "torch-", "joblib-", "np-", "pd-frame", "sklearn-")):
            findings = judged(case, tmp_path, ())
            assert {it.rule for it in findings.found} >= {"weights.format"}, case.id


def test_safetensors_gguf_and_plain_data_pass_by_default(tmp_path: Path) -> None:
    for case in BENIGN:
        path = tmp_path / case.name
        path.write_bytes(case.data)
        if set(formats_of(path)) <= set(DEFAULT_FORMATS):
            assert judged(case, tmp_path, ()).exit_code == 0, case.id


def test_what_is_judged_under_one_format_is_not_allowed_by_another(tmp_path: Path) -> None:
    case = next(it for it in BENIGN if it.id == "keras")
    assert judged(case, tmp_path, ("pickle",)).exit_code == 1
    assert judged(case, tmp_path, ("keras",)).exit_code == 0
