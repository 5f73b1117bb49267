"""Reads providers' bills: OpenAI's cost export, Anthropic's, and any CSV whose columns are named.

Rules
1. An amount is exact decimal text in USD; any other currency is refused.
2. A line without an amount is a day without cost, and left out.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from tollway.errors import Fault, FaultsFound, listed
from tollway.ledger.bills import Amount
from tollway.units import pico_from_usd

_LARGEST = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Form:
    """Which columns of a bill hold what; `currency` None is USD. `host` is where its provider
    answers. `cut` ends a model's name, as in "gpt-5-mini, input"."""

    name: str
    day: str
    model: str
    amount: str
    currency: str | None = None
    host: str | None = None
    cut: str | None = None


FORMS = (
    # The export of the cost page of platform.openai.com.
    Form(
        *("openai", "start_time_iso", "line_item", "amount_value", "amount_currency"),
        host="api.openai.com",
        cut=", ",
    ),
    # The export of the cost page of console.anthropic.com.
    Form("anthropic", "usage_date_utc", "model", "cost_usd", host="api.anthropic.com"),
)


def read_bill(path: Path, columns: Mapping[str, str]) -> tuple[Form, list[Amount]]:
    """The form of a bill and its amounts. `columns` names day, model and amount (and currency) of a
    form that is not known.

    Raises:
        FaultsFound: the form is not known, or a line cannot be read, with its number.
    """
    if path.stat().st_size > _LARGEST:
        fault = Fault(str(path), "is larger than 256 MiB", "Name a bill of a shorter time.")
        raise FaultsFound([fault])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            form = _form(path, list(reader.fieldnames or ()), columns)
            return form, _amounts(path, form, reader)
    except UnicodeDecodeError:
        raise FaultsFound([Fault(str(path), "is not UTF-8", "Save it as UTF-8.")]) from None
    except csv.Error as error:
        raise FaultsFound([Fault(str(path), f"is not CSV: {error}", "Export it again.")]) from None


def _form(path: Path, header: Sequence[str], columns: Mapping[str, str]) -> Form:
    if columns:
        form = Form("generic", **columns)
        missing = [name for name in columns.values() if name not in header]
        if missing:
            problem = f"names {missing[0]}, which {path.name} has not; it has {listed(header)}"
            raise FaultsFound([Fault("--columns", problem, "Name columns of its heading.")])
        return form
    for form in FORMS:
        if {form.day, form.model, form.amount} <= set(header):
            return form
    mend = "Name its columns: --columns day=COLUMN,model=COLUMN,amount=COLUMN."
    problem = f"is no bill of a known form; its heading has {listed(header)}"
    raise FaultsFound([Fault(str(path), problem, mend)])


def _amounts(path: Path, form: Form, reader: "csv.DictReader[str]") -> list[Amount]:
    found: list[Amount] = []
    faults: list[Fault] = []
    for row in reader:
        written = (row.get(form.amount) or "").strip()
        if not written:
            continue
        place = f"{path.name}: line {reader.line_num}"
        currency = (row.get(form.currency) or "USD").strip() if form.currency else "USD"
        if currency.upper() != "USD":
            faults.append(Fault(place, f"is in {currency[:12]}", "Export the bill in USD."))
            continue
        day, amount = _day(row.get(form.day)), _pico(written)
        if day is None or amount is None:
            what = f"{form.day} is no date" if day is None else f"{form.amount} is no amount"
            faults.append(Fault(place, what, "Export the bill again, or name other columns."))
            continue
        model = row.get(form.model) or ""
        found.append(Amount(day, model.partition(form.cut)[0] if form.cut else model, amount))
    if faults:
        raise FaultsFound(faults[:20])
    return found


def _day(text: str | None) -> date | None:
    """The UTC day of a date, or of a date with time."""
    try:
        at = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return (at if at.tzinfo is None else at.astimezone(UTC)).date()


def _pico(text: str) -> int | None:
    """Exact pico-dollars; a bill may have digits beyond them, which are rounded half to even."""
    try:
        amount = Decimal(text.replace("$", "").replace(",", ""))
        return int(pico_from_usd(round(amount, 12)))
    except (InvalidOperation, ValueError):
        return None
