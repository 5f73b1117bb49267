"""Drains as they are asked for, and as they are kept."""

import json
from pathlib import Path

import pytest

from tollway.dispatch.messages import Drained, Event, Undrained
from tollway.fleet.parse import parse
from tollway.gateway.drains import FILE, Drains
from tollway.gateway.http import Refusal

SOURCE = '[sources.{0}]\nkind = "server"\nurl = "http://127.0.0.1:{1}/v1"\n[sources.{0}.serves.m]\n'
FLEET = parse(
    {
        "f": "version = 1\n[models.m]\n[models.lone]\n"
        + SOURCE.format("a", 1)
        + "[sources.a.serves.lone]\n"
        + SOURCE.format("b", 2)
        + SOURCE.format("idle", 3)
        + '[routes.chat]\nmodel = "m"\ncandidates = ["a"]\nfallbacks = ["b"]\n'
        + '[routes.m]\nmodel = "m"\ncandidates = ["b"]\n'
    },
    "f",
)
WITHOUT_A = parse(
    {"f": "version = 1\n[models.m]\n" + SOURCE.format("b", 2) + '[routes.m]\nmodel = "m"\n'}, "f"
)
NOW = 1_800_000_000.0


class Rig:
    """Drains over a folder, with everything that they tell kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[Event] = []
        self.gauges: dict[str, bool] = {}
        self.said: list[str] = []
        self.drains = Drains(folder, self, self, self.said.append)

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def utc(self) -> float:
        return NOW

    def drained(self, source: str, on: bool) -> None:
        self.gauges[source] = on

    def kept(self) -> object:
        return json.loads((self.folder / FILE).read_bytes())


def order(source: str, **changes: object) -> bytes:
    return json.dumps({"source": source, **changes}).encode()


async def test_a_drain_is_kept_told_shown_and_answered(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    answer = await rig.drains.drain(order("a", why="new driver", by="kim", all=True), FLEET)
    assert answer == {"ok": True, "since": NOW, "routes": ["chat", "lone"], "alone": ["lone"]}
    assert rig.told == [Drained("a", "new driver", "kim", NOW)]
    assert rig.kept() == {"sources": {"a": {"since": NOW, "why": "new driver", "by": "kim"}}}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert rig.gauges["a"] is True
    back = await rig.drains.undrain(order("a", by="lee"), FLEET)
    assert back == {"ok": True, "was": True, "since": NOW}
    assert rig.told[1:] == [Undrained("a")]
    assert rig.kept() == {"sources": {}}
    assert rig.gauges["a"] is False
    assert rig.said == [
        "drain: a takes no new requests: new driver (by kim)",
        "drain: a is back, by lee",
    ]


async def test_a_route_is_left_without_a_source_only_by_who_means_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(Refusal) as refused:
        await rig.drains.drain(order("a"), FLEET)
    assert refused.value.status == 409
    assert 'Without "a" nothing serves route lone' in refused.value.message
    assert rig.told == []
    assert not (tmp_path / FILE).exists()


async def test_what_is_drained_already_serves_no_route(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.drains.drain(order("a", all=True), FLEET)
    with pytest.raises(Refusal) as refused:
        await rig.drains.drain(order("b"), FLEET)
    assert "nothing serves routes chat, m" in refused.value.message
    await rig.drains.undrain(order("a"), FLEET)
    with pytest.raises(Refusal) as refused:  # route m has b alone
        await rig.drains.drain(order("b"), FLEET)
    assert refused.value.message.startswith('Without "b" nothing serves route m: ')


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(b"{", 400, "cannot be read", id="no-json"),
        pytest.param(order("a", extra=1), 400, "cannot be read", id="unknown-member"),
        pytest.param(order("aa"), 404, 'Did you mean "a"?', id="no-such-source"),
        pytest.param(order("a", why="x\ny"), 400, "in one line", id="two-lines"),
        pytest.param(order("a", why="x" * 501), 400, "500 characters", id="too-long"),
        pytest.param(order("a", by="\x1b[2J"), 400, "in one line", id="speaks-to-terminals"),
    ],
)
async def test_an_order_that_makes_no_sense_changes_nothing(
    tmp_path: Path, body: bytes, status: int, words: str
) -> None:
    rig = Rig(tmp_path)
    for asked in (rig.drains.drain, rig.drains.undrain):
        with pytest.raises(Refusal) as refused:
            await asked(body, FLEET)
        assert refused.value.status == status
        assert words in refused.value.message
    assert rig.told == []


async def test_a_source_that_no_route_uses_is_drained_like_any_other(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    answer = await rig.drains.drain(order("idle"), FLEET)
    assert answer["routes"] == []
    assert rig.told == [Drained("idle", "", "operator", NOW)]


async def test_what_was_drained_is_drained_after_a_restart(tmp_path: Path) -> None:
    await Rig(tmp_path).drains.drain(order("idle", why="x", by="kim"), FLEET)
    after = Rig(tmp_path)
    after.drains.begin(FLEET)
    assert after.told == [Drained("idle", "x", "kim", NOW)]
    assert after.gauges == {"a": False, "b": False, "idle": True}
    assert after.said == ["drain: idle stays drained: x (by kim)"]


async def test_draining_twice_keeps_since_when_and_takes_the_newer_reason(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.drains.drain(order("idle", why="x", by="kim"), FLEET)
    rig.utc = lambda: NOW + 60.0  # type: ignore[method-assign]
    answer = await rig.drains.drain(order("idle", why="y", by="lee"), FLEET)
    assert answer["since"] == NOW
    assert rig.kept() == {"sources": {"idle": {"since": NOW, "why": "y", "by": "lee"}}}


async def test_a_source_that_is_not_declared_any_more_is_forgotten_and_said(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    await rig.drains.drain(order("a", all=True), FLEET)
    await rig.drains.adopt(WITHOUT_A)
    assert rig.said[-1] == "drain: a is not in the fleet any more, and is forgotten"
    assert rig.kept() == {"sources": {}}
    again = Rig(tmp_path)
    again.drains.begin(FLEET)
    assert again.told == []


async def test_a_drain_that_cannot_be_kept_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    rig = Rig(gone)
    with pytest.raises(Refusal) as refused:
        await rig.drains.drain(order("idle"), FLEET)
    assert refused.value.status == 503
    assert "Nothing has changed" in refused.value.message
    assert (rig.told, rig.gauges) == ([], {})
    gone.mkdir()
    await rig.drains.drain(order("idle"), FLEET)
    assert rig.told == [Drained("idle", "", "operator", NOW)]


async def test_a_file_that_cannot_be_read_is_set_aside_in_words(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{torn")
    rig = Rig(tmp_path)
    rig.drains.begin(FLEET)
    assert rig.told == []
    assert "nothing is drained" in rig.said[0]
    assert (tmp_path / "drains.unreadable").read_text() == "{torn"
    await rig.drains.drain(order("idle"), FLEET)
    assert rig.kept() != {}
