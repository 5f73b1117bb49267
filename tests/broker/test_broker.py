"""The broker: sentinels of living tasks, values as the store has them now."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tollway.broker.broker import Broker, mint
from tollway.broker.vault import Vault, VaultError
from tollway.errors import TollwayError
from tollway.fleet.egressing import SecretUse
from tollway.guard.sentinel import SENTINEL
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.connections import Connection, Connections
from tollway.ledger.guarded.sentinels import Holder, Sentinels
from tollway.ledger.guarded.tasks import Tasks

USES = {
    "a": SecretUse("a", ("a.com",), "A_TOKEN"),
    "b": SecretUse("b", ("b.com",), "B_TOKEN", tenants=("acme",)),
}


@pytest.fixture
def book(tmp_path: Path) -> Iterator[GuardBook]:
    opened = GuardBook(tmp_path / GUARD_BOOK)
    yield opened
    opened.close()


def filled(folder: Path) -> None:
    Vault(folder, {}).set("a", b"secret-of-a", 1.0)
    Vault(folder, {}).set("b", b"secret-of-b", 1.0)


def test_a_task_gets_a_sentinel_for_each_secret_of_its_tenant(book: GuardBook) -> None:
    first, _ = Tasks(book).open("acme", 1.0, 60.0, None)
    second, _ = Tasks(book).open("other", 1.0, 60.0, None)
    mine = mint(book, USES, first.id, "acme", 1.0)
    others = mint(book, USES, second.id, "other", 1.0)
    assert (set(mine), set(others)) == ({"A_TOKEN", "B_TOKEN"}, {"A_TOKEN"})
    assert mine["A_TOKEN"] != others["A_TOKEN"]
    assert all(SENTINEL.fullmatch(word.encode()) for word in mine.values())


def test_the_book_holds_no_sentinel(tmp_path: Path, book: GuardBook) -> None:
    task, _ = Tasks(book).open("acme", 1.0, 60.0, None)
    word = mint(book, USES, task.id, "acme", 1.0)["A_TOKEN"]
    book.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert task.id.encode() in kept
    assert word.encode() not in kept
    assert word[4:].encode() not in kept


def test_a_sentinel_is_known_while_its_task_lives(book: GuardBook) -> None:
    task, _ = Tasks(book).open("acme", 1.0, 60.0, None)
    word = mint(book, USES, task.id, "acme", 1.0)["A_TOKEN"].encode()
    sentinels = Sentinels(book)
    assert sentinels.holder(word, 2.0) == Holder(task.id, "a", alive=True)
    assert sentinels.holder(word, 61.0) == Holder(task.id, "a", alive=False)
    assert sentinels.holder(word[:-1] + b"A", 2.0) in (None, sentinels.holder(word, 2.0))
    Tasks(book).close(task.id, 3.0)
    assert sentinels.holder(word, 4.0) == Holder(task.id, "a", alive=False)


def test_sentinels_of_tasks_that_ended_long_ago_are_forgotten(book: GuardBook) -> None:
    task, _ = Tasks(book).open("acme", 1.0, 60.0, None)
    word = mint(book, USES, task.id, "acme", 1.0)["A_TOKEN"].encode()
    later = 30 * 86400.0
    task, _ = Tasks(book).open("acme", later, 60.0, None)
    mint(book, USES, task.id, "acme", later)
    assert Sentinels(book).holder(word, later) is None


def test_a_broker_without_its_key_refuses(tmp_path: Path, book: GuardBook) -> None:
    filled(tmp_path)
    Broker(tmp_path, USES, book)
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(VaultError, match="key is missing"):
        Broker(tmp_path, USES, book)


def test_a_declared_secret_without_a_value_is_refused(tmp_path: Path, book: GuardBook) -> None:
    Vault(tmp_path, {}).set("a", b"secret-of-a", 1.0)
    with pytest.raises(TollwayError, match=r"secrets\.b has no value"):
        Broker(tmp_path, USES, book)


def test_without_declared_secrets_no_store_is_needed(tmp_path: Path, book: GuardBook) -> None:
    assert Broker(tmp_path, {}, book).of_task("x") == {}


def test_a_changed_secret_holds_for_the_next_request(tmp_path: Path, book: GuardBook) -> None:
    filled(tmp_path)
    broker = Broker(tmp_path, USES, book)
    task, _ = Tasks(book).open("other", 1.0, 60.0, None)
    mint(book, USES, task.id, "other", 1.0)
    assert broker.of_task(task.id) == {"a": b"secret-of-a"}
    Vault(tmp_path, {}).set("a", b"changed-secret", 2.0)
    assert broker.of_task(task.id) == {"a": b"changed-secret"}
    Vault(tmp_path, {}).rotate(3.0)
    assert broker.of_task(task.id) == {"a": b"changed-secret"}


def test_a_store_that_cannot_be_read_any_more_gives_nothing(
    tmp_path: Path, book: GuardBook
) -> None:
    filled(tmp_path)
    broker = Broker(tmp_path, USES, book)
    Vault(tmp_path, {}).set("a", b"changed-secret", 2.0)
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(VaultError):
        broker.values()
    with pytest.raises(VaultError):
        broker.values()


def test_connections_are_kept_by_task(book: GuardBook) -> None:
    row = Connection(
        1.0, 0.5, "t1", "acme", "a.com", 443, "8.8.8.8", "GET", "/x", "allowed", "", "r", None,
        ("a", "b"), 200, 10, 20,
    )  # fmt: skip
    kept = Connections(book)
    kept.add([row])
    assert kept.read("t1") == [(1, row)]
    assert kept.read("t2") == []
    assert kept.read(None, after=1) == []
