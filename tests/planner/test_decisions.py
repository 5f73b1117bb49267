"""Dates: what is to be decided by when."""

from planner_contracts import clauses, day, public

from tollway.planner.decisions import decisions, ics


def words(text: str, since: str, until: str) -> list[tuple[str, str, str]]:
    return [
        (str(one.on), one.kind, one.words)
        for one in decisions(clauses(text), day(since), day(until))
    ]


def test_notice_by_the_end_of_december_or_bound_beyond_march() -> None:
    text = 'term = {start = 2026-01-01, end = 2028-12-31}\nnotice = [{by = "us", days = 90}]'
    assert words(text, "2026-12-01", "2027-01-31") == [
        ("2026-12-31", "decide", "Give notice by 2026-12-31, or you are bound beyond 2027-03-31.")
    ]


def test_an_automatic_extension_says_until_when_it_binds() -> None:
    text = (
        "term = {start = 2026-01-01, end = 2026-12-31}\n"
        'extension = {months = 12, times = 2, by = "automatic", notice_days = 92}'
    )
    found = words(text, "2026-09-01", "2027-12-31")
    assert found[0] == (
        "2026-09-30",
        "decide",
        "Give notice by 2026-09-30, or you are bound until 2027-12-31.",
    )
    assert found[-1][0] == "2027-09-30"


def test_a_missed_delivery_may_be_acted_on_once_the_grace_is_over() -> None:
    found = decisions(public("google-spacex"), day("2026-09-30"), day("2026-11-30"))
    assert [(str(one.on), one.words) for one in found if "chips" in one.words] == [
        ("2026-09-30", "110,000 chips due."),
        (
            "2026-11-01",
            "If 110,000 chips are not there by 2026-10-31: terminate, accept fewer.",
        ),
    ]


def test_withdrawn_models_prepayments_and_commitments_are_dated() -> None:
    text = (
        "term = {start = 2026-01-01, months = 24}\n"
        'retirement = [{model = "m-1", on = 2026-06-01, replacement = "m-2"}]\n'
        'prepay = {amount = "5", credit_after = 3}\ncommitment = {amount = "9", months = 12}\n'
        'escalator = {share = "0.03"}\nlock_in = {months = 2}'
    )
    assert words(text, "2026-01-01", "2027-01-31") == [
        ("2026-01-01", "happens", "The term starts."),
        ("2026-01-01", "pay", "The prepayment is due."),
        ("2026-02-28", "happens", "The lock-in ends."),
        ("2026-04-01", "happens", "The prepayment begins to be credited."),
        ("2026-06-01", "happens", "m-1 is withdrawn; offered instead: m-2."),
        ("2026-12-31", "decide", "A commitment's period ends: what is unspent is settled."),
        ("2027-01-01", "happens", "Fees grow by 3%."),
    ]


def test_dates_for_a_calendar_program() -> None:
    dated = decisions(public("google-spacex"), day("2026-11-01"), day("2027-01-31"))
    text = ics([("google-spacex", one) for one in dated], "20261122T163000Z")
    rows = text.split("\r\n")
    assert rows[0] == "BEGIN:VCALENDAR"
    assert rows[-2:] == ["END:VCALENDAR", ""]
    assert "DTSTART;VALUE=DATE:20270101" in rows
    assert all(len(row.encode()) <= 75 for row in rows)
    assert len({row for row in rows if row.startswith("UID:")}) == len(dated)
    unfolded = text.replace("\r\n ", "")
    assert "terminate\\, accept fewer." in unfolded
