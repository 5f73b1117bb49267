"""What the load rules promise, one by one."""

import json
from pathlib import Path

import numpy as np
import pytest
from weights.corpus import containers as made
from weights.corpus.attacks import made as estimator
from weights.corpus.opcodes import called, named, pickled, value

from tollway.cli.app import run
from tollway.errors import FaultsFound
from tollway.inspect.weights import examine, formats_of
from tollway.pins.weights.examine import examine as judge
from tollway.pins.weights.look import Piece, Rules
from tollway.pins.weights.reader import Held, Unreadable

BLOCK = {"w": np.arange(4, dtype=np.float32)}


def test_a_folder_is_one_model_and_says_which_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "model.safetensors").write_bytes(made.safetensors(BLOCK))
    (tmp_path / "sub" / "x.bin").write_bytes(pickled(called("os:system", "x")))
    findings = examine(tmp_path, formats=("pickle",), name="m")
    assert findings.looked == 1
    assert {(it.component, it.place) for it in findings.found} == {("weights:m", "sub/x.bin")}


def test_a_link_out_of_the_model_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "secret").write_bytes(b"text")
    (tmp_path / "m" / "a.txt").symlink_to(tmp_path / "secret")
    (tmp_path / "m" / "folder").symlink_to(tmp_path)
    findings = examine(tmp_path / "m", name="m")
    assert [it.rule for it in findings.found] == ["weights.link", "weights.link"]


def test_a_download_cache_of_links_is_followed_to_its_blobs(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "1").write_bytes(made.safetensors(BLOCK))
    (snapshot / "model.safetensors").symlink_to(tmp_path / "blobs" / "1")
    assert examine(snapshot, name="m").exit_code == 0


def test_only_gits_own_folder_is_left_out(tmp_path: Path) -> None:
    for folder in (".git", ".cache"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.bin").write_bytes(pickled(called("os:system", "x")))
    findings = examine(tmp_path, formats=("pickle",), name="m")
    assert {it.place for it in findings.found} == {".cache/x.bin"}


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.txt").write_text("x")
    findings = examine(tmp_path, name="m")
    assert [it.what for it in findings.unaudited] == ["pipe"]


def test_an_empty_folder_is_not_clean(tmp_path: Path) -> None:
    assert examine(tmp_path, name="m").exit_code == 3


def test_what_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(FaultsFound, match="is not there"):
        examine(tmp_path / "x", name="m")


def test_an_unknown_format_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(FaultsFound, match="Did you mean"):
        examine(tmp_path, formats=("pickel",), name="m")


def test_formats_are_told_by_structure_and_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(made.safetensors(BLOCK))
    (tmp_path / "b.safetensors").write_bytes(pickled(value({})))
    assert formats_of(tmp_path / "a.pkl") == ("safetensors",)
    assert formats_of(tmp_path / "b.safetensors") == ("pickle",)
    assert formats_of(tmp_path) == ("pickle", "safetensors")


def test_a_global_of_ones_own_is_allowed_by_its_whole_name(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickled(called("mine.models:Thing", 1)))
    assert examine(path, formats=("pickle",), name="m").exit_code == 1
    assert examine(path, formats=("pickle",), globals=("mine.models",), name="m").exit_code == 1
    allowed = examine(path, formats=("pickle",), globals=("mine.models.Thing",), name="m")
    assert allowed.exit_code == 0


def test_an_allowed_global_may_not_be_called_where_it_may_only_stand(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    for code in (called("numpy:float32", 1), called("torch:FloatStorage", 5)):
        path.write_bytes(pickled(code))
        assert examine(path, formats=("pickle",), name="m").exit_code == 1
    path.write_bytes(pickled(named("numpy:float32")))
    assert examine(path, formats=("pickle",), name="m").exit_code == 0


def test_external_data_of_onnx_is_raw_bytes_only_where_the_graph_says_so(tmp_path: Path) -> None:
    rows = (13, made.proto((1, "location"), (2, "m.onnx_data")))
    tensor = made.proto((1, 4), (2, 1), (8, "w"), (14, 1), rows)
    (tmp_path / "m.onnx").write_bytes(made.proto((1, 8), (7, made.proto((5, tensor)))))
    (tmp_path / "m.onnx_data").write_bytes(bytes(range(256)))
    assert examine(tmp_path, formats=("onnx",), name="m").exit_code == 0
    (tmp_path / "other.data").write_bytes(bytes(range(256)))
    assert examine(tmp_path, formats=("onnx",), name="m").exit_code == 3


def test_an_error_in_the_examiner_is_not_audited_and_never_a_pass() -> None:
    class Failing(Held):
        def read(self, offset: int, count: int) -> bytes:
            raise ZeroDivisionError

    def refused() -> Held:
        raise Unreadable("it cannot be opened")

    pieces = [Piece("a", lambda: Failing(b"x")), Piece("b", refused)]
    findings = judge(pieces, "weights:m", Rules())[0]
    assert findings.exit_code == 3
    assert [it.what for it in findings.unaudited] == ["a", "b"]


def test_a_file_of_many_gigabytes_is_read_by_its_header(tmp_path: Path) -> None:
    count = 20 << 30
    header = {"w": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}
    text = json.dumps(header).encode()
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + count)
    assert examine(path, name="m").exit_code == 0


def test_second_opinion_never_clears_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickled(called("mine.models:Thing", 1)))
    findings = examine(path, formats=("pickle",), name="m")
    assert {it.rule for it in findings.found} == {"weights.pickle-global"}


def test_the_command_says_what_and_exits_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, odd = tmp_path / "a.safetensors", tmp_path / "b.pkl", tmp_path / "c.bin"
    good.write_bytes(made.safetensors(BLOCK))
    bad.write_bytes(pickled(value({"a": 1})))
    odd.write_bytes(bytes(range(256)))
    assert run(["weights", str(good)]) == 0
    assert run(["weights", str(bad)]) == 1
    assert "is pickle, which is not among the allowed formats" in capsys.readouterr().out
    assert run(["weights", str(bad), "--allow-format", "pickle"]) == 0
    assert run(["weights", str(odd)]) == 3
    assert "NOT AUDITED" in capsys.readouterr().out
    assert run(["weights", str(bad), "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["findings"][0]["rule"] == "weights.format"
    assert run(["weights", str(tmp_path / "none")]) == 2
    assert run(["weights"]) == 2


def test_a_transformer_may_run_the_function_that_the_user_allows(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    kind = "sklearn.preprocessing._function_transformer:FunctionTransformer"
    path.write_bytes(pickled(estimator(kind, {"func": named("mine.features:scaled")})))
    assert examine(path, formats=("pickle",), name="m").exit_code == 1
    allowed = examine(path, formats=("pickle",), globals=("mine.features.scaled",), name="m")
    assert allowed.exit_code == 0
