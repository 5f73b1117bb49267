"""The compiled replica tells what the plain one tells, to the picosecond."""

from hypothesis import given, settings
from hypothesis import strategies as st
from test_replica import Phase, leaping, replicas, requests

from tollway.simulator.arrays import requests_of
from tollway.simulator.compiled import run_replica
from tollway.simulator.sequence import ReplicaSettings

Asked = list[tuple[int, int, int, tuple[int, ...]]]


@st.composite
def loads(draw: st.DrawFn) -> tuple[ReplicaSettings, Asked]:
    one = draw(replicas().filter(lambda it: it.sequences * it.rows <= it.batch_tokens))
    spread = draw(st.sampled_from((0, 30, 400, 4000)))
    gaps = draw(st.lists(st.integers(0, spread), min_size=1, max_size=30))
    now, asked = 0, []
    for gap in gaps:
        now += gap
        asked.append((now, *draw(requests(one.blocks * 16))))
    return one, asked


@settings(max_examples=1000, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(loads())
def test_compiled_and_plain_replicas_agree_to_the_picosecond(
    case: tuple[ReplicaSettings, Asked],
) -> None:
    one, asked = case
    script = [(at, "arrive", (name, *rest)) for name, (at, *rest) in enumerate(asked)]
    told, _, replica = leaping(one, script)
    times = {(name, kind): at for at, kind, name in told}
    run = run_replica(one, requests_of(*zip(*asked, strict=True)))
    count = range(len(asked))
    assert run.firsts.tolist() == [times[name, 0] for name in count]
    assert run.lasts.tolist() == [times[name, 1] for name in count]
    assert run.counters == replica.counters
