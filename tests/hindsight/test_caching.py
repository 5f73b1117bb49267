"""Cache hits lost."""

from decimal import Decimal

from tollway.hindsight.caching import Losses, losses
from tollway.hindsight.money import Prices
from tollway.hindsight.records import Call
from tollway.units import PicoDollars, UtcSeconds, usd

AT = 1_794_301_200.0


def said(at: float, *, fresh: int = 0, read: int = 0, write: int = 0, hour: int = 0) -> Call:
    return Call(
        tool="claude-code",
        model="claude-opus-5",
        at=UtcSeconds(AT + at),
        input=fresh + read + write + hour,
        cached=read,
        write=write,
        write_1h=hour,
        output=1,
        thread="t",
    )


def of(*calls: Call) -> Losses:
    return losses(calls, Prices())[calls[0].model]


def test_what_is_read_again_is_not_lost() -> None:
    found = of(said(0, write=1_000), said(10, read=1_000, write=200), said(20, read=1_200))
    assert (found.repeated, found.read, found.expired, found.changed) == (2_200, 2_200, 0, 0)


def test_a_pause_past_the_caches_life_loses_what_was_there() -> None:
    found = of(said(0, write=1_000), said(301, write=1_100))
    assert (found.expired, found.changed) == (1_000, 0)
    # 1,000 tokens written anew at $6.25 instead of read at $0.50
    assert usd(PicoDollars(found.expired_amount)) == Decimal("0.00575")
    assert found.within_hour == found.expired_amount


def test_a_loss_within_the_life_is_a_changed_prefix() -> None:
    found = of(said(0, write=1_000), said(299, fresh=1_100))
    assert (found.expired, found.changed) == (0, 1_000)
    assert usd(PicoDollars(found.changed_amount)) == Decimal("0.0045")


def test_what_was_written_for_an_hour_lives_an_hour() -> None:
    assert of(said(0, hour=1_000), said(3_599, write=1_000)).changed == 1_000
    assert of(said(0, hour=1_000), said(3_601, write=1_000)).expired == 1_000


def test_a_prompt_that_was_cut_lost_nothing() -> None:
    found = of(said(0, write=50_000), said(10, write=9_000))
    assert (found.repeated, found.expired, found.changed) == (0, 0, 0)


def test_an_hours_life_saves_what_expired_within_it_and_costs_more_for_the_rest() -> None:
    found = of(said(0, write=1_000), said(600, write=1_500), said(9_000, write=2_000))
    assert usd(PicoDollars(found.within_hour)) == Decimal("0.00575")
    # Written all the same: 1,000 at first, 500 more, and 2,000 after two hours; $3.75 dearer each.
    assert usd(PicoDollars(found.hour_extra)) == Decimal("0.013125")


def test_a_provider_that_caches_by_itself_keeps_whole_blocks_of_long_prompts() -> None:
    def asked(at: float, tokens: int) -> Call:
        return Call(
            tool="codex",
            model="gpt-5.3-codex",
            at=UtcSeconds(AT + at),
            input=tokens,
            cached=1 if at else 0,
            output=1,
            thread="t",
        )

    assert of(asked(0, 1_000), asked(1, 2_000)).repeated == 0
    assert of(asked(0, 2_000), asked(1, 2_000)).repeated == 1_920


def test_conversations_do_not_mix_and_those_that_are_not_known_are_left_out() -> None:
    import msgspec

    other = msgspec.structs.replace(said(400, write=1_000), thread="u")
    unknown = msgspec.structs.replace(said(800, write=1_000), thread=None)
    assert of(said(0, write=1_000), other, unknown).calls == 0
