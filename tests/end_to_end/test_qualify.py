import json
import sys

import pytest
from live_fleet import LiveFleet

PROMPTS = "".join(json.dumps({"prompt": f"number {n}?", "max_tokens": 4}) + "\n" for n in range(30))
CHECK = """
import json, sys
told = json.load(sys.stdin)
assert told["answer"] and told["prompt"][0]["content"].startswith("number")
assert told["reference"] is None
sys.exit(0 if told["source"] != "{bad}" else 1)
"""


def _checker(fleet: LiveFleet, text: str) -> str:
    path = fleet.folder / "check.py"
    path.write_text(text)
    return f"{sys.executable} {path}"


async def _qualify(fleet: LiveFleet, check: str, *options: str) -> tuple[int, str, str]:
    file = fleet.folder / "prompts.jsonl"
    file.write_text(PROMPTS)
    fixed = ("--fleet", str(fleet.file), "--prompts", str(file), "--check", check)
    return await fleet.run("qualify", "chat", *fixed, *options)


async def test_every_fallback_is_asked_and_judged_and_paid_for(fleet: LiveFleet) -> None:
    await fleet.warp(10.0)
    bad = "b200:llama-3.3-70b"
    code, out, err = await _qualify(
        fleet, _checker(fleet, CHECK.replace("{bad}", bad)), "--sample", "12", "--json"
    )
    assert code == 1, err
    told = json.loads(out)
    first, fallback = told["sources"]
    assert (first["pair"], first["asked"], first["accepted"]) == ("h200:llama-3.3-70b", 12, 12)
    assert (fallback["pair"], fallback["answered"], fallback["accepted"]) == (bad, 12, 0)
    assert (first["worse"], fallback["worse"]) == (False, True)
    assert fallback["high"] < first["low"]
    rows = await fleet.settled(24, told["tag"])
    assert [sum(row["source"] == name for row in rows) for name in ("h200", "b200")] == [12, 12]
    for name, one in (("h200", first), ("b200", fallback)):
        cost = sum(row["cost"] for row in rows if row["source"] == name)
        assert cost == round(float(one["cost_usd"]) * 10**12) > 0
    assert fleet.key not in out + err


async def test_a_fallback_that_does_not_answer_is_said_so(fleet: LiveFleet) -> None:
    await fleet.warp(10.0)
    await fleet.tell("b200", "fault", fault="http-500")
    check = _checker(fleet, CHECK.replace("{bad}", "nobody"))
    code, out, err = await _qualify(fleet, check, "--sample", "4")
    assert code == 1
    assert "WORSE" in out
    assert "b200:llama-3.3-70b did not answer: 502 upstream_status" in err


@pytest.mark.parametrize(
    ("check", "options", "words"),
    [
        ("/no/such/checker", (), "cannot be run"),
        (f"{sys.executable} -c 'import sys; sys.exit(3)'", (), "exit code 3"),
        (f"{sys.executable} -c 'boom'", (), "NameError"),
        ("'", (), "Mind the quotes"),
        ("true", ("--sample", "0"), "--sample"),
    ],
)
async def test_a_bad_checker_or_sample_is_an_error_in_one_line(
    fleet: LiveFleet, check: str, options: tuple[str, ...], words: str
) -> None:
    await fleet.warp(10.0)
    code, out, err = await _qualify(fleet, check, *options)
    assert code == 2
    assert out == ""
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err


async def test_missing_files_routes_and_keys_are_named(fleet: LiveFleet) -> None:
    fixed = ("--fleet", str(fleet.file), "--check", "true", "--prompts")
    code, _, err = await fleet.run("qualify", "chat", *fixed, "no-such.jsonl")
    assert (code, "no-such.jsonl: cannot be read" in err) == (2, True)
    empty = fleet.folder / "empty.jsonl"
    empty.write_text("\n")
    code, _, err = await fleet.run("qualify", "chat", *fixed, str(empty))
    assert (code, "holds no prompts" in err) == (2, True)
    code, _, err = await fleet.run("qualify", "chta", *fixed, str(empty))
    assert (code, 'Did you mean "chat"?' in err) == (2, True)
    empty.write_text(PROMPTS)
    wrong = fleet.folder / "key"
    wrong.write_text("tw_abcdefgh_" + "s" * 32)
    code, _, err = await fleet.run("qualify", "chat", *fixed, str(empty), "--key", f"file:{wrong}")
    assert (code, "refuses the key" in err) == (2, True)
