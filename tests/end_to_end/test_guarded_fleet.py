"""A whole gateway that inspects its traffic, in one process and with workers."""

import asyncio
import json
from typing import Any

import pytest
from live_fleet import MODEL, LiveFleet

from tollway.gateway.admin_client import OverSocket
from tollway.replay.answer import Answer

CARD = "4111 1111 1111 1111"
RULES = """
[guard]
terms = ["Nightjar"]
directions = ["out"]

[[guard.rules]]
name = "cards need a person"
detectors = ["payment-card"]
action = "ask"
"""


async def asked(fleet: LiveFleet, text: str, **more: Any) -> Answer:
    body = {"model": MODEL, "max_tokens": 4, "messages": [{"role": "user", "content": text}]}
    client = fleet.client()
    answer = Answer(lambda: 0.0)
    await client.ask("POST", "/v1/chat/completions", answer, json.dumps(body | more).encode())
    return answer


@pytest.mark.parametrize("workers", [1, 2])
async def test_rules_hold_in_every_process_and_a_person_may_say_yes(
    stopped_fleet: LiveFleet, workers: int
) -> None:
    fleet = stopped_fleet
    fleet.replace("[gateway]", f"[gateway]\nworkers = {workers}")
    fleet.text += RULES
    await fleet.start()
    for _ in range(6):
        assert (await asked(fleet, "about Nightjar")).status == 403
        assert (await asked(fleet, "about birds")).status == 200
    refused = await asked(fleet, f"pay with {CARD}")
    assert refused.status == 403
    code, out, err = await fleet.run("approvals", "--json")
    [question] = json.loads(out)
    assert (code, question["state"], question["tenant"]) == (0, "pending", "demo"), err
    code, _, err = await fleet.run("approvals", "grant", question["id"], "--as", "ann")
    assert code == 0, err
    for _ in range(4):
        assert (await asked(fleet, f"pay with {CARD}")).status == 200
    code, out, _ = await fleet.run("approvals", "--every")
    assert "granted" in out
    assert "(as ann)" in out
    code, out, _ = await fleet.run("events", "--json")
    outcomes = [json.loads(line)["outcome"] for line in out.splitlines()]
    assert outcomes.count("denied") == 6
    assert outcomes.count("asked") == 1
    assert CARD not in out
    refused = await asked(fleet, "pay with 5500 0000 0000 0004")
    admin = OverSocket(fleet.state / "gateway.sock")
    waiting = await asyncio.to_thread(over, admin, "GET")
    [name] = [it["id"] for it in waiting["approvals"] if it["state"] == "pending"]
    said = await asyncio.to_thread(over, admin, "POST", {"approval": name, "granted": True})
    assert "who" in said["error"]["message"]
    order = {"approval": name, "granted": False, "who": "bob"}
    assert (await asyncio.to_thread(over, admin, "POST", order))["state"] == "denied"
    said = await asyncio.to_thread(over, admin, "POST", order)
    assert "denied already" in said["error"]["message"]
    assert await fleet.stop() == 0
    assert "fault" not in fleet.log


def over(admin: OverSocket, method: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    admin.request(method, "/approvals", data)
    said = json.loads(admin.getresponse().read())
    admin.close()
    return said


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_reload_brings_rules_and_takes_them_away_and_a_faulty_one_changes_nothing(
    stopped_fleet: LiveFleet, workers: int
) -> None:
    fleet = stopped_fleet
    fleet.replace("[gateway]", f"[gateway]\nworkers = {workers}")
    await fleet.start()
    assert (await asked(fleet, "about Nightjar")).status == 200
    for text, code, status in (
        (RULES, 0, 403),
        (RULES + 'fingerprints = "gone"\n', 2, 403),
        (RULES.replace('["out"]', '["out"]\nfingerprints = "gone"'), 2, 403),
        ("", 0, 200),
    ):
        fleet.file.write_text(fleet.text + text)
        found, _, err = await fleet.run("reload")
        assert found == code, err
        for _ in range(4):
            assert (await asked(fleet, "about Nightjar")).status == status
            assert (await asked(fleet, "about birds")).status == 200
    assert await fleet.stop() == 0
    assert "fault" not in fleet.log
