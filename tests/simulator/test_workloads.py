"""Where requests come from: files, recordings, published clients, made-up users; and how they are
scaled."""

import json
from itertools import pairwise
from math import gamma as gamma_function

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.dispatch.messages import Arrived, Cancelled, Event, Finished, Reserved
from tollway.dispatch.opening import Opening
from tollway.dispatch.recording import encode_header, encode_step
from tollway.errors import FaultsFound
from tollway.fleet.objects import KeyTerms
from tollway.fleet.usage import Usage
from tollway.simulator.clients import Size, Talk, arrivals, sessions, users
from tollway.simulator.draws import Stream
from tollway.simulator.formats import parse
from tollway.simulator.servegen import COLUMNS, Part, busiest, drawn, read_lengths, read_rates
from tollway.simulator.trace import Trace, TraceRequest, cut, superposed
from tollway.units import Seconds, Tokens


def one(at: float, **more: object) -> TraceRequest:
    return TraceRequest(Seconds(at), Tokens(10), Tokens(2), **more)  # type: ignore[arg-type]


# --- formats ------------------------------------------------------------------------------------


def test_mooncakes_prefix_ids_are_kept_for_whole_blocks() -> None:
    line = {"timestamp": 5, "input_length": 1300, "output_length": 3, "hash_ids": [7, 8, 9]}
    [read] = parse("m", json.dumps(line).encode()).requests
    assert tuple(read.prefix) == (7, 8)


def test_a_log_in_openais_words_names_route_key_and_bounds() -> None:
    lines = [
        {"created": 1000.5, "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
        {
            "created": 1000,
            "id": "chatcmpl-1",
            "model": "chat",
            "user": "ann",
            "stream": False,
            "max_tokens": 50,
            "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
        },
    ]
    trace = parse("log", "\n".join(map(json.dumps, lines)).encode())
    first, second = trace.requests
    assert (first.at, first.input, first.output) == (0.0, 8, 3)
    assert (first.route, first.key, first.stream, first.max_output) == ("chat", "ann", False, 50)
    assert (second.at, second.route, second.stream) == (0.5, None, True)
    assert trace.began == 1000.0


def test_a_log_line_without_usage_is_named() -> None:
    text = b'{"created": 1, "usage": {"prompt_tokens": 1}}\n{"created": 2}\n'
    with pytest.raises(FaultsFound, match="log:2 cannot be read: Object missing required field"):
        parse("log", text)


def recording(*steps: tuple[float, Event]) -> bytes:
    opening = Opening((KeyTerms("k1", "team"),), 1_000_000.0, ())
    lines = [encode_header({"f": "version = 1"}, "f", opening, 0.0)]
    return b"".join([*lines, *(encode_step(now, event, []) for now, event in steps)])


def asked(name: str, *, prefix: int = 0) -> Arrived:
    return Arrived(name, "k1", "chat", "chat", True, 400, 99, prefix, 5)


def test_a_recording_is_the_traffic_that_it_was_told_of() -> None:
    data = recording(
        (10.0, asked("a", prefix=77)),
        (10.0, Reserved("a")),
        (10.5, asked("b")),
        (11.0, Finished("a", 1, Usage(input=420, output=30))),
        (12.0, asked("c")),
        (13.0, Finished("b", 1, Usage(input=410, output=50))),
        (14.0, Cancelled("c", Usage(input=405, output=2))),
    )
    trace = parse("r", data)
    assert [(r.at, r.input, r.output) for r in trace.requests] == [
        (0.0, 420, 30),
        (0.5, 410, 50),
        (2.0, 405, 30),
    ]
    assert trace.requests[0].prefix == (77,)
    assert {(r.key, r.route, r.max_output) for r in trace.requests} == {("k1", "chat", 99)}
    assert trace.keys == (KeyTerms("k1", "team"),)
    assert trace.began == 1_000_010.0
    assert trace.notes == ("1 of 3 requests had no whole answer; its length is assumed.",)


def test_a_torn_last_line_of_a_recording_is_left_out_and_any_other_is_named() -> None:
    whole = recording((1.0, asked("a")), (2.0, Finished("a", 1, Usage(input=1, output=1))))
    assert len(parse("r", whole + b'{"type": "St').requests) == 1
    with pytest.raises(FaultsFound, match="r:4 cannot be read"):
        parse("r", whole + b'{"type": "St\n' + whole)


# --- chance -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "mean", "variance"),
    [
        (lambda s: s.exponential(3.0), 3.0, 9.0),
        (lambda s: s.gamma(0.5, 3.0), 3.0, 18.0),
        (lambda s: s.gamma(4.0, 3.0), 3.0, 2.25),
        (
            lambda s: s.weibull(0.8, 3.0),
            3.0,
            9.0 * (gamma_function(1 + 2 / 0.8) / gamma_function(1 + 1 / 0.8) ** 2 - 1),
        ),
        (lambda s: s.lognormal(3.0, 0.5), 3.0, 2.25),
        (lambda s: s.normal(), 0.0, 1.0),
    ],
)
def test_a_distribution_has_its_mean_and_variance(sample, mean, variance) -> None:  # type: ignore[no-untyped-def]
    stream, count = Stream(11, 1), 40_000
    values = [sample(stream) for _ in range(count)]
    found = sum(values) / count
    # Four standard errors of the mean; the variance's own error is larger where tails are long.
    assert abs(found - mean) < 4 * (variance / count) ** 0.5
    spread = sum((value - found) ** 2 for value in values) / count
    assert spread == pytest.approx(variance, rel=0.15)


@given(st.integers(0, 2**63), st.integers(0, 2**40))
def test_a_stream_is_the_same_for_the_same_seed_and_purpose(seed: int, purpose: int) -> None:
    one, other = Stream(seed, purpose), Stream(seed, purpose)
    assert [one.bits() for _ in range(3)] == [other.bits() for _ in range(3)]
    assert Stream(seed, purpose + 1).bits() != Stream(seed, purpose).bits()


# --- made-up users ------------------------------------------------------------------------------


def test_open_arrivals_come_at_their_rate() -> None:
    trace = arrivals(20.0, Seconds(500.0), Size(100, 10), seed=3)
    # 10,000 expected, a standard deviation of 100.
    assert abs(len(trace.requests) - 10_000) < 400
    assert all(a.at <= b.at for a, b in pairwise(trace.requests))


def test_a_user_asks_again_after_the_answer() -> None:
    trace = users(3, 4, Size(100, 10), Seconds(2.0), seed=1)
    assert len(trace.requests) == 12
    assert [r.after for r in trace.requests] == [None] * 3 + list(range(9))
    assert all(a.at <= b.at for a, b in pairwise(trace.requests[:3]))
    assert all(r.pause > 0 and not r.needs_answer for r in trace.requests[3:])


def test_a_turn_begins_with_all_that_was_said_before() -> None:
    talk = Talk(turns=4, opening=1000, said=100, answer=50, pause=Seconds(3.0), cv=0.5)
    trace = sessions(5, 1.0, talk, seed=2)
    assert len(trace.requests) == 20
    seen: set[int] = set()
    for place, turn in enumerate(trace.requests):
        assert len(turn.prefix) == (turn.input + turn.output) // trace.prefix_tokens
        if turn.after is None:
            assert not seen.intersection(turn.prefix)
        else:
            before = trace.requests[turn.after]
            assert turn.after == place - 1
            assert turn.needs_answer
            assert turn.input > before.input + before.output
            assert tuple(turn.prefix[: len(before.prefix)]) == tuple(before.prefix)
        seen.update(turn.prefix)


def test_cutting_keeps_followers_with_their_leaders_only() -> None:
    trace = Trace("t", (one(0.0), one(5.0), one(0.0, after=0), one(0.0, after=1)))
    kept = cut(trace, Seconds(2.0), None, None).requests
    assert [(r.at, r.after) for r in kept] == [(3.0, None), (0.0, 0)]


# --- superposing --------------------------------------------------------------------------------

traces = st.lists(st.floats(0, 1000), min_size=1, max_size=30).map(
    lambda times: Trace("t", tuple(one(at, prefix=(1, 2)) for at in sorted(times)))
)


@given(traces, st.integers(2, 6), st.integers(0, 2**32))
def test_superposing_is_more_users_and_not_faster_ones(trace: Trace, scale: int, seed: int) -> None:
    scaled = superposed(trace, scale, seed)
    assert len(scaled.requests) == scale * len(trace.requests)
    assert all(a.at <= b.at for a, b in pairwise(scaled.requests))
    assert scaled.span <= trace.span + 60.0
    assert {tuple(r.prefix) for r in scaled.requests} == {
        (1 + copy * 3, 2 + copy * 3) for copy in range(scale)
    }
    assert superposed(trace, scale, seed) == scaled


def test_a_part_of_a_copy_is_thinned_and_sessions_stay_whole() -> None:
    talk = Talk(turns=3, opening=100, said=10, answer=5, pause=Seconds(1.0))
    trace = sessions(2000, 10.0, talk, seed=5)
    scaled = superposed(trace, 1.5, 7)
    turns = len(scaled.requests)
    assert turns % 3 == 0
    # 1,000 of 2,000 further sessions expected, a standard deviation of 22.
    assert abs(turns / 3 - 3000) < 90
    for place, turn in enumerate(scaled.requests):
        if turn.after is not None:
            before = scaled.requests[turn.after]
            assert turn.after < place
            assert tuple(turn.prefix[: len(before.prefix)]) == tuple(before.prefix)


# --- ServeGen -----------------------------------------------------------------------------------

RATES = f"""{COLUMNS}
1,0,2.0,1.0,Gamma,1.0,1.0
1,600,4.0,1.0,Weibull,0.7,1.0
2,600,1.0,2.0,Gamma,0.25,1.0
""".encode()

LENGTHS = json.dumps(
    {
        "0": {"input_tokens": "{100: 0.5, 200: 0.5}", "output_tokens": "{10: 1.0}"},
        "300": {"input_tokens": "{}", "output_tokens": "{}"},
        "600": {"input_tokens": "{300: 1.0}", "output_tokens": "{20: 1.0}"},
    }
).encode()


def pool(part: Part, seed: int = 1) -> Trace:
    lengths = {1: read_lengths("l", LENGTHS)}
    return drawn("pool", read_rates("r", RATES), lengths, part, seed)


def test_a_drawn_client_has_its_rate_and_its_lengths() -> None:
    trace = pool(Part(0, 1200, (1,), scale=10))
    early = [r for r in trace.requests if r.at < 599]
    late = [r for r in trace.requests if r.at > 601]
    assert abs(len(early) - 12_000) < 600
    assert abs(len(late) - 24_000) < 1500
    assert {r.input for r in early} == {100, 200}
    assert {(r.input, r.output) for r in late} == {(300, 20)}


def test_a_share_of_a_client_is_the_client_at_that_rate() -> None:
    assert abs(len(pool(Part(0, 600, (1,), scale=0.25)).requests) - 300) < 100
    assert pool(Part(0, 600, (1,)), seed=4) == pool(Part(0, 600, (1,)), seed=4)
    assert pool(Part(0, 600, (1,)), seed=4) != pool(Part(0, 600, (1,)), seed=5)


def test_a_client_without_lengths_takes_those_of_its_pool() -> None:
    trace = pool(Part(600, 600, (2,)))
    assert {r.input for r in trace.requests} == {300}
    assert busiest(read_rates("r", RATES), [1, 2], 600) == 600


def test_a_pool_that_cannot_be_read_names_the_line() -> None:
    with pytest.raises(FaultsFound, match="r:3 cannot be read"):
        read_rates("r", RATES.splitlines()[0] + b"\n1,0,2,1,Gamma,1,1\n1,x,2,1,Gamma,1,1\n")
    with pytest.raises(FaultsFound, match="no table of ServeGen"):
        read_rates("r", b"when,what\n")
    with pytest.raises(FaultsFound, match="no request in this part"):
        pool(Part(7200, 600))
