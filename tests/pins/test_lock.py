"""The lock's text holds what it was given, and refuses what it does not understand."""

import string
from datetime import UTC, date, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import FaultsFound
from tollway.pins.component import (
    Artifact,
    Component,
    Image,
    ModelApi,
    PinnedFile,
    Prompt,
    Publisher,
    PypiPackage,
    Runtime,
    called,
)
from tollway.pins.lock import Lock, lock_text, read_lock

_ONE = 'version = 1\n[[component]]\nkind = "runtime"\nname = "x"\npurl = "p"\n'
_DIGEST = "sha256:" + "0a" * 32

_words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
_digests = st.text(string.hexdigits.lower()[:16], min_size=64, max_size=64).map("sha256:{}".format)
_times = st.datetimes(timezones=st.just(UTC))
_files = st.builds(PinnedFile, path=_words, digest=_digests, size=st.integers(0, 1 << 40))
_artifacts = st.builds(
    Artifact,
    name=_words,
    digest=_digests,
    size=st.none() | st.integers(0, 1 << 40),
    uploaded=st.none() | _times,
    yanked=st.none() | st.just("") | _words,
)
_publishers = st.builds(Publisher, kind=_words, identity=_words)
_components: st.SearchStrategy[Component] = st.one_of(
    st.builds(
        ModelApi,
        name=_words,
        purl=_words,
        source=_words,
        answers=st.tuples(_words),
        shutdown=st.none() | st.dates(),
    ),
    st.builds(
        PypiPackage,
        name=_words,
        purl=_words,
        artifacts=st.lists(_artifacts, max_size=3).map(tuple),
        publishers=st.none() | st.tuples() | st.tuples(_publishers),
        startup=st.none() | st.tuples() | st.tuples(_words, _words),
    ),
    st.builds(Prompt, name=_words, purl=_words, file=_files),
    st.builds(Image, name=_words, purl=_words, digest=_digests),
    st.builds(Runtime, name=_words, purl=_words, threats=st.lists(_words, max_size=3).map(tuple)),
)


@given(st.lists(_components, max_size=5, unique_by=lambda it: (it.kind, it.name)), st.randoms())
def test_a_lock_reads_back_as_it_was_written_whatever_the_order(
    components: list[Component], chance: Random
) -> None:
    lock = Lock(component=tuple(components))
    text = lock_text(lock)
    back = read_lock(text, "ai.lock")
    assert sorted(map(called, back.component)) == sorted(map(called, components))
    assert all(back.find(called(it)) == it for it in components)
    shuffled = list(components)
    chance.shuffle(shuffled)
    assert lock_text(Lock(component=tuple(shuffled))) == text == lock_text(back)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 2", "has version 2; known: 1"),
        ("", "has version None"),
        ("version = ", "is not TOML"),
        ("version = 1\nfleet = 3", "Expected `str`"),
        ("version = 1\nwhat = 3", "unknown field `what`"),
        (_ONE.replace("runtime", "model"), "component 'x' is not understood: Invalid value"),
        (_ONE + 'digest = "md5:00"', "component 'x' is not understood"),
        (_ONE + _ONE.removeprefix("version = 1\n"), "runtime:x is there twice"),
        ('version = 1\ncomponent = 3', "component 1 is not understood"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(FaultsFound) as found:
        read_lock(text, "ai.lock")
    assert said in str(found.value)
    assert str(found.value).startswith("ai.lock:")


def test_every_fault_of_a_lock_is_told_at_once() -> None:
    bad = '[[component]]\nkind = "runtime"\nname = "{}"\n'
    with pytest.raises(FaultsFound) as found:
        read_lock("version = 1\n" + bad.format("a") + bad.format("b"), "ai.lock")
    assert len(found.value.faults) == 2


def test_a_lock_is_text_that_a_review_reads() -> None:
    model = ModelApi(
        name="openai/gpt",
        version="gpt-2026-01-01",
        purl="pkg:generic/gpt@1",
        source="openai",
        shutdown=date(2027, 1, 2),
    )
    uploaded = datetime(2026, 1, 1, tzinfo=UTC)
    wheel = Artifact(name="inert-1.whl", digest=_DIGEST, size=3, uploaded=uploaded)
    package = PypiPackage(name="inert", purl="pkg:pypi/inert@1", artifacts=(wheel,), publishers=())
    assert (
        lock_text(Lock(component=(package, model)))
        == f"""\
# Written by `tollway lock`. Commit it; `tollway verify` holds it against what is here.
version = 1
fleet = "fleet.toml"

[[component]]
kind = "model-api"
name = "openai/gpt"
version = "gpt-2026-01-01"
purl = "pkg:generic/gpt@1"
source = "openai"
shutdown = 2027-01-02

[[component]]
kind = "pypi"
name = "inert"
purl = "pkg:pypi/inert@1"
artifacts = [
    {{ name = "inert-1.whl", digest = "{_DIGEST}", size = 3, uploaded = 2026-01-01T00:00:00Z }},
]
publishers = []
"""
    )
