"""Token speed felt."""

from tollway.hindsight.records import Call
from tollway.hindsight.saved import fitted
from tollway.hindsight.speed import felt
from tollway.units import Seconds, UtcSeconds


def timed(output: int, took: float, first: float | None = None, *, block: bool = False) -> Call:
    return Call(
        tool="t",
        model="m",
        at=UtcSeconds(0.0),
        input=1,
        output=output,
        took=Seconds(took),
        first=None if first is None else Seconds(first),
        first_block=block,
    )


def test_the_slow_end_is_what_nine_of_ten_were_better_than() -> None:
    calls = [timed(100, float(seconds), seconds / 10) for seconds in range(1, 11)]
    (one,) = felt(calls, {})
    assert (one.first, one.first_slow, one.first_is) == (0.5, 0.9, "token")
    assert (one.speed, one.speed_slow) == (100 / 5, 100 / 9)


def test_a_first_block_is_never_called_a_first_token() -> None:
    (one,) = felt([timed(100, 5.0, 2.0, block=True)], {})
    assert one.first_is == "block"
    (one,) = felt([timed(100, 5.0, 2.0, block=True), timed(100, 5.0, 1.0)], {})
    assert (one.first_is, one.first) == ("token", 1.0)


def test_short_answers_and_a_machine_that_slept_say_nothing_of_speed() -> None:
    (one,) = felt([timed(2, 1.0), timed(500, 50_000.0), timed(100, 2.0)], {})
    assert (one.speed, one.requests) == (50.0, 3)


def test_an_engines_rate_is_shared_out_over_those_that_run() -> None:
    (one,) = felt([], {"own": [(200.0, 4), (100.0, 1)]})
    assert (one.speed, one.speed_slow, one.first) == (100.0, 50.0, None)


def test_wait_and_speed_are_found_again_in_durations_though_some_are_far_off() -> None:
    calls = [timed(40 + 10 * n, 1.5 + (40 + 10 * n) / 80) for n in range(60)]
    calls += [timed(300, 900.0), timed(500, 1_200.0)]
    found = fitted(calls)
    assert found is not None
    wait, speed, how = found
    assert abs(wait - 1.5) < 0.2
    assert abs(speed - 80) < 8
    assert how == "fitted to the times of 62 answers"


def test_too_few_times_fit_nothing() -> None:
    assert fitted([timed(100, 2.0)] * 5) is None


def test_answers_of_one_length_tell_no_wait_from_speed() -> None:
    found = fitted([timed(100, 2.0)] * 50)
    assert found == (0.001, 50.0, "measured: 50 whole answers, the wait in their speed")
