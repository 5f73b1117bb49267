"""What is written down of runs, and what is found out about them."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.runs import Ending, Exit, Run, Runs
from tollway.ledger.guarded.tasks import Tasks
from tollway.sandbox.digests import digests
from tollway.sandbox.hosts import is_alive, this_host
from tollway.sandbox.order import Mount, Order
from tollway.sandbox.session import sweep


def a_run(task: str = "AbCd1234", began: float = 1.0) -> Run:
    return Run(
        task=task,
        tenant="acme",
        key=None,
        request="tidy up",
        argv=("true",),
        tier="ns",
        isolates=("all",),
        leaves_open=(),
        ground="00",
        mounts=(),
        tools=None,
        limits={"memory": 1},
        ledger="/nowhere",
        began=began,
        host=this_host(),
    )


ENDING = Ending(0, "exit", "", 1.5, None, 3, {"models": Exit(1, 2, 3)}, {"a": (1, "ff")}, {}, {})


def test_a_run_is_there_before_and_after_its_end(tmp_path: Path) -> None:
    with closing(GuardBook(tmp_path / GUARD_BOOK)) as book:
        runs = Runs(book)
        run = a_run()
        runs.begin(run)
        assert runs.find(run.task) == run
        over = runs.end(run, ENDING, 3.0)
        assert over.ending == ENDING
        assert runs.find(run.task) == over
        assert runs.find("nothing") is None


def test_the_latest_run_comes_first(tmp_path: Path) -> None:
    with closing(GuardBook(tmp_path / GUARD_BOOK)) as book:
        runs = Runs(book)
        for number in range(3):
            runs.begin(a_run(f"run{number}", began=float(number)))
        assert [it.task for it in runs.last(2)] == ["run2", "run1"]


def test_a_book_from_before_runs_keeps_all_it_has(tmp_path: Path) -> None:
    path = tmp_path / GUARD_BOOK
    with closing(GuardBook(path)) as book:
        task, token = Tasks(book).open("acme", 1.0, 100.0, None)
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE runs")
        old.execute("PRAGMA user_version = 1")
    with closing(GuardBook(path)) as book:
        assert Tasks(book).recognise(token.encode(), 2.0) == task
        Runs(book).begin(a_run())


def test_a_host_is_alive_until_its_process_ends() -> None:
    assert is_alive(this_host())
    words = "import msgspec; from tollway.sandbox.hosts import this_host; "
    words += "print(msgspec.json.encode(this_host()).decode())"
    said = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True)
    dead = msgspec.json.decode(said.stdout, type=type(this_host()))
    assert not is_alive(dead)


def test_a_process_id_that_was_given_anew_is_another_host() -> None:
    here = this_host()
    assert not is_alive(msgspec.structs.replace(here, started=here.started + 1))
    assert not is_alive(msgspec.structs.replace(here, boot="another"))


def test_doors_of_dead_hosts_are_swept_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    with closing(GuardBook(tmp_path / GUARD_BOOK)) as book:
        runs = Runs(book)
        runs.begin(a_run("living"))
        dead = msgspec.structs.replace(a_run("dead"), host=msgspec.structs.replace(
            this_host(), boot="another"))  # fmt: skip
        runs.begin(dead)
        for name in ("living", "dead", "unknown"):
            (tmp_path / "doors" / name).mkdir(parents=True)
        sweep(tmp_path, runs)
        assert os.listdir(tmp_path / "doors") == ["living"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "a.txt").write_text("a")
    (tmp_path / "tree" / "sub" / "b.txt").write_text("b")
    return tmp_path / "tree"


def test_the_digest_of_a_mount_changes_with_its_files_and_their_names(tree: Path) -> None:
    def of() -> str:
        order = Order(("true",), {}, "t", mounts=(Mount(tree, "/data"),))
        return digests(order, shown=True)["/data"]

    first = of()
    assert of() == first
    (tree / "sub" / "b.txt").rename(tree / "sub" / "c.txt")
    second = of()
    (tree / "a.txt").write_text("b")
    assert len({first, second, of()}) == 3


def test_a_program_of_the_host_has_its_digest_only_where_the_host_is_shown() -> None:
    order = Order(("sh", "-c", "true"), {}, "t")
    assert list(digests(order, shown=True)) == ["sh"]
    assert digests(order, shown=False) == {}
    assert digests(Order(("/opt/none/x",), {}, "t"), shown=True) == {}


def test_what_may_change_has_no_digest(tree: Path) -> None:
    order = Order(("no-such",), {}, "t", mounts=(Mount(tree, "/data", writable=True),))
    assert digests(order, shown=True) == {}
