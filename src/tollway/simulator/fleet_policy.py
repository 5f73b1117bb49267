# pyright: basic
"""The functions of `tollway.policy` themselves, compiled."""

from tollway.simulator.source import compiled_from

_breaker = compiled_from("tollway.policy.breaker", "trips", "open_seconds", "admits")
_quantile = compiled_from("tollway.policy.quantile", "bin_of", "middle_of", "weight_at", "quantile")
_retry = compiled_from("tollway.policy.retry", "replenished", "earned")
_route = compiled_from(
    "tollway.policy.route",
    "mix",
    "within",
    "whole_time",
    "two_of",
    "part_of",
    "room_of",
    "keeps",
    "load",
)
_spend = compiled_from("tollway.policy.spend", "output_to_hold")
trips, open_seconds, admits = _breaker.trips, _breaker.open_seconds, _breaker.admits
bin_of, weight_at, quantile = _quantile.bin_of, _quantile.weight_at, _quantile.quantile
replenished, earned = _retry.replenished, _retry.earned
mix, within, whole_time, two_of = _route.mix, _route.within, _route.whole_time, _route.two_of
part_of, room_of, keeps, load = _route.part_of, _route.room_of, _route.keeps, _route.load
output_to_hold = _spend.output_to_hold
UNBOUNDED_SLOTS = _route.UNBOUNDED_SLOTS
CLOSED, OPEN, HALF_OPEN = _breaker.CLOSED, _breaker.OPEN, _breaker.HALF_OPEN
