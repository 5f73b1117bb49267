"""A prediction for people: one deployment in full, or several in a table of 80 columns."""

import sys
from collections.abc import Callable, Sequence

from tollway.cli.table import Column, print_table, printable
from tollway.engine.answer import Estimate, Prediction
from tollway.simulator.answer import Answer
from tollway.simulator.answer_told import BINDING, MEANING, number, seconds

Shown = Callable[[float, float | None], str]


def _figures(one: Prediction) -> list[tuple[str, Estimate | None, Shown]]:
    return [
        ("TTFT", one.ttft, seconds),
        ("TPOT", one.tpot, seconds),
        ("tokens/s a user", one.user_tokens, number),
        ("tokens/s a chip", one.chip_tokens, number),
        ("tokens/s, all chips", one.total_tokens, number),
        ("requests/s", one.requests, number),
        ("J/token", one.energy, number),
        ("USD/Mtok", one.usd_per_mtok, number),
    ]


_MISSING = {
    "TTFT": "refused: FLOPS unknown",
    "J/token": "no power is known",
    "USD/Mtok": "give --price",
}


def print_answer(answer: Answer) -> None:
    """One deployment in full: figures, memory, what binds, scenarios."""
    one = answer.prediction
    if one is None:
        return
    sys.stdout.write(_headline(answer) + "\n\n")
    rows: list[list[str]] = []
    for name, figure, show in _figures(one):
        if figure is None:
            rows.append([name, "-", "", "", _MISSING.get(name, "")])
            continue
        ends = [show(end, None) for end in (figure.value, figure.low, figure.high)]
        rows.append([name, *ends, "rated power" if name.startswith("J") else one.origin])
    numbers = (Column("predicted", True), Column("80% from", True), Column("to", True))
    print_table([Column(""), *numbers, Column("provenance")], rows)
    sys.stdout.write("\n")
    _print_memory(one)
    sys.stdout.write(f"\n{_binds(one)}\n")
    sys.stdout.write(f"Provenance: {one.origin}: {MEANING[one.origin]}\n")
    _print_scenarios(one)


def _headline(answer: Answer) -> str:
    asked = answer.question
    layout, load = asked.layout, asked.workload
    weights, kv = answer.precisions
    spread = {"tp": layout.tp, "pp": layout.pp, "ep": layout.ep, "dp": layout.attention_dp}
    parts = [f"{name} {count}" for name, count in spread.items() if count > 1 or name == "tp"]
    version = f" {asked.settings.version}" if asked.settings.version else ""
    users = f"{load.concurrency or 1:,} user{'s' * ((load.concurrency or 1) > 1)}"
    who = users if load.rate is None else f"{load.rate:g} requests/s"
    spread_words = f" (±{load.spread:.0%})" if load.spread else ""
    place = f"on {answer.chips}"
    if asked.prefill is not None:
        place = "prefill on {}, decode on {}".format(*answer.chips.split(" + "))
    return printable(
        f"{asked.model.name} in {weights}, KV in {kv}, {place}: "
        f"{', '.join(parts)}, {asked.settings.framework}{version}"
    ) + (f"\n{who}, {load.input_tokens:,} tokens in, {load.output_tokens:,} out{spread_words}")


def _print_memory(one: Prediction) -> None:
    names = ("size", "usable", "weights", "runtime", "KV room", "KV used")
    columns = [Column("GB a chip"), *(Column(name, True) for name in names), Column("")]
    rows = [
        [
            tier.kind,
            *(
                f"{size / 1e9:,.1f}"
                for size in (
                    tier.size,
                    tier.usable,
                    tier.weights,
                    tier.runtime,
                    tier.kv_room,
                    tier.kv_used,
                )
            ),
            "decode waits for it" if tier.binding and len(one.memory) > 1 else "",
        ]
        for tier in one.memory
    ]
    print_table(columns, rows)
    waiting = f", {number(one.waiting)} wait for a first token" if one.waiting >= 0.01 else ""
    sys.stdout.write(
        f"KV for {one.kv_tokens:,} tokens. On average {number(one.running)} decode{waiting}.\n"
    )


def _binds(one: Prediction) -> str:
    shares = sorted(one.shares.items(), key=lambda item: -item[1])
    spent = ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= 0.005)
    return f"Binds: {one.binds} ({BINDING[one.binds]}).\nTime of a step: {spent}."


def _print_scenarios(one: Prediction) -> None:
    if not one.scenarios:
        return
    rows = [
        [
            scenario.name,
            "-" if scenario.ttft is None else seconds(scenario.ttft),
            seconds(scenario.tpot),
            number(1 / scenario.tpot),
            number(scenario.chip_tokens),
        ]
        for scenario in one.scenarios
    ]
    names = ("TTFT", "TPOT", "tokens/s a user", "a chip")
    sys.stdout.write("\nWere its software so many times slower than on mature chips:\n")
    print_table([Column("scenario"), *(Column(name, True) for name in names)], rows)


_COLUMNS: tuple[tuple[str, Callable[[Prediction], Estimate | None], Shown], ...] = (
    ("TTFT", lambda one: one.ttft, seconds),
    ("TPOT", lambda one: one.tpot, seconds),
    ("tok/s user", lambda one: one.user_tokens, number),
    ("tok/s chip", lambda one: one.chip_tokens, number),
    ("$/Mtok", lambda one: one.usd_per_mtok, number),
    ("J/token", lambda one: one.energy, number),
)


def print_answers(answers: Sequence[Answer], label: str, name: Callable[[Answer], str]) -> None:
    """Two lines for each answer, the values and their 80% intervals. What was refused stays in,
    and its reason follows the table."""
    priced = any(one.prediction and one.prediction.usd_per_mtok for one in answers)
    left_out = "J/token" if priced else "$/Mtok"  # 80 columns have room for one
    columns = [column for column in _COLUMNS if column[0] != left_out]
    rows: list[list[str]] = []
    for answer in answers:
        one = answer.prediction
        if one is None:
            rows.append([name(answer), "refused", *[""] * (len(columns) - 1)])
            continue
        values, ends = [name(answer)], [f"{one.origin}, {one.binds}"]
        for _, get, show in columns:
            figure = get(one)
            values.append("-" if figure is None else show(figure.value, None))
            ends.append(
                ""
                if figure is None
                else f"{show(figure.low, figure.value)}-{show(figure.high, figure.value)}"
            )
        rows += [values, ends]
    print_table([Column(label), *(Column(title, True) for title, _, _ in columns)], rows)
    for answer in answers:
        if answer.refused is not None:
            sys.stdout.write(f"{name(answer)} refused: {printable(answer.refused)}\n")
