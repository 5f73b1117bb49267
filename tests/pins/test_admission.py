"""May a file be served? Facts, rules, a moment."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.indexing import PackageRules
from tollway.pins.admission import (
    Admitted,
    Denied,
    LockedName,
    NeedsApproval,
    PackageFile,
    Standards,
    judge,
    locked_names,
)
from tollway.pins.admission_names import looks_like, normalised, ranked
from tollway.pins.component import Artifact, NpmPackage, Publisher, PypiPackage
from tollway.pins.lock import Lock
from tollway.units import UtcSeconds

NOW = UtcSeconds(1_800_000_000.0)
DAY = 86400.0
SHA = "sha256:" + "a" * 64
YOUNG = frozenset(("index.young",))
OTHER = "sha256:" + "b" * 64
WHO = Publisher(kind="GitHub", identity="acme/tool", workflow="release.yml")
GOOD = PackageFile(
    kind="pypi",
    name="tool",
    version="1.0",
    file="tool-1.0-py3-none-any.whl",
    form="wheel",
    digests=(SHA,),
    uploaded=UtcSeconds(NOW - 30 * DAY),
    startup=(),
    publishers=(WHO,),
)
KNOWN = {"pypi": ranked("pypi", ["tool", "requests"])}
STANDARDS = Standards("cooldown", ranked=KNOWN)  # pyright: ignore[reportArgumentType]
LOCKED = {("pypi", "tool"): LockedName(frozenset(("0.9",)), frozenset((OTHER,)), frozenset((WHO,)))}


def rules_of(verdict: object) -> list[str]:
    return [it.rule for it in verdict.reasons]  # type: ignore[attr-defined]


def test_what_breaks_no_rule_is_admitted() -> None:
    assert judge(GOOD, STANDARDS, NOW) == Admitted("rules")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"uploaded": UtcSeconds(NOW - 7 * DAY + 1)}, "index.young"),
        ({"uploaded": None}, "index.undated"),
        ({"uploaded": UtcSeconds(NOW + 1)}, "index.undated"),
        ({"yanked": ""}, "index.yanked"),
        ({"form": "sdist"}, "index.sdist"),
        ({"form": "other"}, "index.form"),
        ({"digests": ()}, "index.digest"),
        ({"scripts": ("postinstall",)}, "index.scripts"),
        ({"startup": ("evil.pth",)}, "index.startup"),
        ({"name": "unheard-of"}, "index.unranked"),
        ({"name": "requets"}, "index.misspelt"),
    ],
)
def test_each_rule_stops_alone_and_only_while_it_is_on(
    change: dict[str, object], rule: str
) -> None:
    file = replace(GOOD, **change)  # type: ignore[arg-type]
    verdict = judge(file, STANDARDS, NOW)
    assert isinstance(verdict, Denied | NeedsApproval)
    assert rules_of(verdict)[0] == rule
    off = PackageRules(**dict.fromkeys((
        "young", "undated", "yanked", "unranked", "misspelt", "sdists", "scripts", "startup",
        "publishers"), "allow"))  # type: ignore[arg-type]  # fmt: skip
    without = judge(file, replace(STANDARDS, rules=off), NOW)
    if rule in ("index.form", "index.digest"):  # rule 5 has no switch
        assert isinstance(without, Denied)
    else:
        assert without == Admitted("rules")


def test_seven_days_are_enough_to_the_second() -> None:
    assert judge(replace(GOOD, uploaded=UtcSeconds(NOW - 7 * DAY)), STANDARDS, NOW) == Admitted(
        "rules"
    )


def test_every_reason_is_told_and_one_that_denies_outweighs_the_rest() -> None:
    file = replace(GOOD, uploaded=UtcSeconds(NOW - 60), yanked="stolen", startup=("x.pth",))
    verdict = judge(file, STANDARDS, NOW)
    assert isinstance(verdict, Denied)
    assert rules_of(verdict) == ["index.yanked", "index.young", "index.startup"]


def test_what_the_lock_names_by_its_digest_is_admitted_and_in_mode_lock_nothing_else() -> None:
    standards = Standards("lock", locked=LOCKED)  # type: ignore[arg-type]
    bad = replace(GOOD, uploaded=None, yanked="", startup=("x.pth",), form="sdist")
    assert judge(replace(bad, digests=(OTHER,)), standards, NOW) == Admitted("lock")
    assert rules_of(judge(GOOD, standards, NOW)) == ["index.unlocked"]
    approved = replace(standards, approved={("pypi", "tool", "1.0", SHA): YOUNG})
    assert rules_of(judge(GOOD, approved, NOW)) == ["index.unlocked"]


@pytest.mark.parametrize(
    "wrong", [("npm", "tool", "1.0", SHA), ("pypi", "tools", "1.0", SHA),
              ("pypi", "tool", "1.1", SHA), ("pypi", "tool", "1.0", OTHER)],
)  # fmt: skip
def test_an_approval_is_for_exact_bytes_of_one_version(wrong: tuple[str, ...]) -> None:
    young = replace(GOOD, uploaded=NOW)
    right = replace(STANDARDS, approved={("pypi", "tool", "1.0", SHA): YOUNG})
    assert judge(young, right, NOW) == Admitted("approval")
    other = replace(STANDARDS, approved={wrong: YOUNG})  # type: ignore[dict-item]
    assert isinstance(judge(young, other, NOW), NeedsApproval)
    # What another rule says afterwards was not approved.
    assert rules_of(judge(replace(young, startup=("x.pth",)), right, NOW)) == ["index.startup"]
    assert isinstance(judge(replace(young, yanked="malware"), right, NOW), Denied)


def test_another_publisher_than_the_lock_names_is_held_and_so_is_none() -> None:
    standards = replace(STANDARDS, locked=LOCKED)
    assert judge(GOOD, standards, NOW) == Admitted("rules")
    for now in ((), (Publisher(kind="GitHub", identity="mallory/tool"),)):
        verdict = judge(replace(GOOD, publishers=now), standards, NOW)
        assert rules_of(verdict) == ["index.publisher"]


def test_a_locked_name_needs_no_rank_and_its_own_pth_is_not_new() -> None:
    known = LockedName(frozenset(("1",)), frozenset((OTHER,)), startup=frozenset(("own.pth",)))
    standards = Standards("cooldown", locked={("pypi", "odd"): known})
    file = replace(GOOD, name="odd", startup=("own.pth",))
    assert judge(file, standards, NOW) == Admitted("rules")
    assert rules_of(judge(replace(file, startup=("own.pth", "new.pth")), standards, NOW)) == [
        "index.startup"
    ]


@given(
    uploaded=st.one_of(st.none(), st.floats(-1e12, 1e12)),
    yanked=st.one_of(st.none(), st.text(max_size=5)),
    form=st.sampled_from(["wheel", "sdist", "tarball", "other"]),
    digests=st.sampled_from([(), (SHA,), (OTHER,)]),
    startup=st.sampled_from([None, (), ("x.pth",)]),
    mode=st.sampled_from(["lock", "cooldown"]),
)
def test_nothing_without_a_digest_a_date_and_an_age_is_admitted_by_rules(
    uploaded: float | None,
    yanked: str | None,
    form: str,
    digests: tuple[str, ...],
    startup: tuple[str, ...] | None,
    mode: str,
) -> None:
    file = replace(
        GOOD, uploaded=uploaded, yanked=yanked, form=form, digests=digests, startup=startup
    )  # type: ignore[arg-type]
    standards = replace(STANDARDS, mode=mode, locked=LOCKED)  # type: ignore[arg-type]
    verdict = judge(file, standards, NOW)
    if verdict == Admitted("lock"):
        assert digests == (OTHER,)
    if verdict == Admitted("rules"):
        assert mode == "cooldown"
        assert uploaded is not None
        assert NOW - uploaded >= 7 * DAY
        assert (yanked, digests, not startup) == (None, (SHA,), True)
        assert form in ("wheel", "tarball")


def test_a_lock_is_read_by_kind_and_name_over_all_versions() -> None:
    npm = [
        NpmPackage(
            name=f"@acme/x@{it}", version=it, purl=f"pkg:npm/x@{it}",
            artifacts=(Artifact(name="x.tgz", digest=digest),),
        )
        for it, digest in (("1.0.0", SHA), ("2.0.0", OTHER))
    ]  # fmt: skip
    one = PypiPackage(name="x", version="1", purl="pkg:pypi/x@1", artifacts=())
    found = locked_names(Lock(component=(*npm, one)))
    assert found["npm", "@acme/x"].versions == {"1.0.0", "2.0.0"}
    assert found["npm", "@acme/x"].digests == {SHA, OTHER}
    assert set(found) == {("npm", "@acme/x"), ("pypi", "x")}


@pytest.mark.parametrize(
    "name",
    ["requets", "reqeusts", "requestss", "rrequests", "requesfs", "re-quests", "request5",
     "python-requests", "requests-py"],
)  # fmt: skip
def test_a_name_that_looks_like_a_known_one_is_told_apart(name: str) -> None:
    assert looks_like(name, KNOWN["pypi"]) == "requests"


@pytest.mark.parametrize("name", ["requests", "tool", "grequests-cache", "abc", "numpy"])
def test_known_and_different_names_look_like_nothing(name: str) -> None:
    assert looks_like(name, KNOWN["pypi"]) is None


def test_a_name_has_one_spelling() -> None:
    assert normalised("pypi", "Foo__Bar.baz") == "foo-bar-baz"
    assert normalised("npm", "@Acme/X") == "@Acme/X"
    for odd in ("", "-a", "a/b", "../a", "a b", "ａ", "a\n", "@x", "a" * 300):
        assert normalised("pypi", odd) is None
    for odd in ("", "@/x", "@a/b/c", "../x", "a%2fb", "-" + "a" * 300, ".x"):
        assert normalised("npm", odd) is None
