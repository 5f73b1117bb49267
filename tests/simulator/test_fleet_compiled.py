"""The compiled fleet does what the plain one does, which drives the live dispatcher."""

from simulated_fleets import KEYS, engines, fleet_of, lost, played, trace_of

from tollway.simulator.fleet_arrays import uncompiled
from tollway.simulator.fleet_compiled import Compiled
from tollway.simulator.fleet_layout import CODES
from tollway.simulator.play import Play
from tollway.simulator.supply import supply


def both(fleet, trace, losses=(), seed=0):
    plain = played(fleet, trace, losses, seed)
    play = Play("chat", "k", KEYS, 1.7e9, seed, tuple(losses))
    pools = supply(fleet, trace.prefix_tokens)
    assert uncompiled(fleet, pools, trace, play) == []
    run = Compiled(fleet, pools, trace, play)
    assert run.run()
    return plain, run


def rows_of(run):
    rows = []
    none = lambda value: None if value < 0 else int(value)
    for at, one in enumerate(run.results):
        rows.append((at, none(one["sent"]), none(one["first"]), int(one["end"]), CODES[one["code"]],
            None if one["place"] < 0 else run.floor.numbers[one["place"]], int(one["attempts"]), int(one["cost"])))
    return rows


def plain_rows(plain):
    return [
        (one.index, one.sent, one.first, one.ended, one.code, one.place, one.attempts, one.cost)
        for one in sorted(plain.ended, key=lambda one: one.index)
    ]


def test_small():
    fleet = fleet_of([engines("a", slots=3), engines("b")], route='')
    trace = trace_of(*[(0.01 * at, 300 + at, 20 + at) for at in range(50)])
    plain, run = both(fleet, trace)
    assert rows_of(run) == plain_rows(plain)
