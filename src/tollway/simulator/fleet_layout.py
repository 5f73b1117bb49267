# pyright: basic
"""The arrays of a compiled fleet: dispatch's state of sources, pairs and requests."""

from collections import namedtuple

import numpy as np

from tollway.dispatch.sources import BUCKETS
from tollway.policy.quantile import BINS

IDLE, RESERVING, QUEUED, SENT, ANSWERING = 0, 1, 2, 3, 4
MOST_TRIED = 9
WHOLE_TIMER, STEP_TIMER, LATE_TIMER, TIMERS = 0, 1, 2, 3

# What became of a request: its outcome's code, by place in `CODES`.
CODES = (
    None,
    "context_length_exceeded",
    "queue_full",
    "queue_timeout",
    "no_healthy_source",
    "deadline_exceeded",
    "retry_budget",
    "upstream_refused",
    "upstream_cut",
    "upstream_late",
    "upstream_status",
)
DONE, TOO_LONG, QUEUE_FULL, QUEUE_TIMEOUT, NO_SOURCE, DEADLINE, RETRY_BUDGET = 0, 1, 2, 3, 4, 5, 6
REFUSED, CUT, LATE, STATUS = 7, 8, 9, 10

# Events, and actions.
ARRIVED, CONTENT, FINISHED, FAILED, WOKE = 0, 1, 2, 3, 4
SEND, ABORT = 0, 1

CHEAPEST, FASTEST, LEAST, WEIGHTED, AFFINITY, COMMITMENT = 0, 1, 2, 3, 4, 5
OBJECTIVES = {
    "cheapest": CHEAPEST,
    "fastest": FASTEST,
    "least-outstanding": LEAST,
    "weighted": WEIGHTED,
    "prefix-affinity": AFFINITY,
    "commitment-first": COMMITMENT,
}

DISPATCH = np.dtype(
    [
        ("deadline", "f8"),
        ("patience", "f8"),
        ("queue_length", "i8"),
        ("retry_ratio", "f8"),
        ("retry_least", "f8"),
        ("slo_ttft", "f8"),
        ("slo_speed", "f8"),
        ("reserve_output", "i8"),
        ("candidates", "i8"),
        ("timed", "i8"),
        ("draws", "u8"),
        ("retries", "f8"),
        ("retries_at", "f8"),
        ("order", "i8"),
        ("waiting", "i8"),
        ("waiting_tail", "i8"),
        ("queued", "i8"),
        ("alive", "i8"),
        ("alive_tail", "i8"),
        ("soonest", "f8"),
        ("recovery", "f8"),
        ("added", "i8"),
        ("set", "i8"),
        ("actions", "i8"),
    ],
    align=True,
)
"""One route: its terms (`timed`: whether it asks how fast a source is), the retry budget,
who waits and who is there, when it wants to be woken (`soonest`) and when a breaker may be half
open (`recovery`)."""

SOURCE = np.dtype(
    [
        ("slots", "i8"),
        ("outstanding", "i8"),
        ("lost", "i8"),
        ("first_content", "f8"),
        ("late", "f8"),
        ("min_samples", "i8"),
        ("error_share", "f8"),
        ("open_for", "f8"),
        ("probes", "i8"),
        ("busy_s", "i8"),
        ("busy_ps", "i8"),
        ("longest", "i8"),
        ("flowed", "i8"),
    ],
    align=True,
)
"""One source; `slots` and `late` (the breaker's TTFT deadline) are below zero if there are none.
Attempts took `busy_s` seconds and `busy_ps` picoseconds there: days of many do not fit in one. The
`longest` took so many picoseconds, and no answer `flowed` for more."""

PAIR = np.dtype(
    [
        ("source", "i8"),
        ("seed", "u8"),
        ("context", "i8"),
        ("ttft", "f8"),
        ("speed", "f8"),
        ("price_input", "i8"),
        ("price_cached", "i8"),
        ("price_output", "i8"),
        ("price_request", "i8"),
        ("place", "i8"),
        ("places", "i8"),
        ("state", "i8"),
        ("until", "f8"),
        ("opened", "i8"),
        ("round", "i8"),
        ("probing", "i8"),
        ("recovers", "i8"),
        ("openings", "i8"),
    ],
    align=True,
)
"""One pair of the route, candidates first. `ttft` and `speed` are what is declared (NaN: nothing),
`recovers` orders pairs that are to be half open at one time (below zero: none is)."""

WINDOW = np.dtype(
    [
        ("length", "f8"),
        ("bucket", "i8"),
        ("samples", "i8"),
        ("failures", "i8"),
        ("counted", "i8", (BUCKETS,)),
        ("failed", "i8", (BUCKETS,)),
    ],
    align=True,
)

SEEN = np.dtype(
    [
        ("fade", "f8"),
        ("stale", "f8"),
        ("last_at", "f8"),
        ("since", "f8"),
        ("weight", "f8"),
        ("weigh_again", "f8"),
        ("samples", "i8"),
        ("fresh", "i8"),
        ("asked", "i8", (2,)),
        ("answer", "f8", (2,)),
        ("weights", "f8", (BINS,)),
    ],
    align=True,
)
"""What was observed of one quantity; `answer`: its median and high quantile, where `asked`."""

FLOW = np.dtype(
    [
        ("request", "i8"),
        ("order", "i8"),
        ("arrived", "f8"),
        ("sent", "f8"),
        ("content", "f8"),
        ("draw", "u8"),
        ("prefix", "u8"),
        ("phase", "i8"),
        ("input", "i8"),
        ("held", "i8"),
        ("cost", "i8"),
        ("attempts", "i8"),
        ("failed", "i8"),
        ("pair", "i8"),
        ("probe", "i8"),
        ("judged", "i8"),
        ("ending", "i8"),
        ("aborting", "i8"),
        ("place", "i8"),
        ("row", "i8"),
        ("began", "i8"),
        ("next", "i8"),
        ("before", "i8"),
        ("wait_next", "i8"),
        ("wait_before", "i8"),
        ("tries", "i8"),
        ("tried", "i8", (MOST_TRIED,)),
        ("when", "f8", (TIMERS,)),
        ("length", "f8", (TIMERS,)),
        ("set", "i8", (TIMERS,)),
        ("list", "i8", (TIMERS,)),
        ("later", "i8", (TIMERS,)),
        ("sooner", "i8", (TIMERS,)),
    ],
    align=True,
)
"""A request between arrival and end, as dispatch sees it; `row` is where its replica keeps it, and
`began` the picosecond at which it was sent there."""

LIST = np.dtype([("head", "i8"), ("tail", "i8")], align=True)
OPTION = np.dtype(
    [("pair", "i8"), ("ttft", "f8"), ("speed", "f8"), ("value", "f8"), ("load", "f8"),
     ("outstanding", "i8"), ("cost", "f8"), ("rank", "u8")],
    align=True,
)  # fmt: skip

RESULT = np.dtype(
    [
        ("arrived", "i8"),
        ("sent", "i8"),
        ("first", "i8"),
        ("end", "i8"),
        ("cost", "i8"),
        ("pair", "i4"),
        ("place", "i4"),
        ("attempts", "i4"),
        ("code", "i4"),
        ("answered", "i4"),
        ("cached", "i4"),
        ("output", "i4"),
        ("failed", "i4"),
    ],
    align=True,
)
"""What became of a request; picoseconds, pico-dollars; -1 where there is none."""

LINK = np.dtype(
    [("pause", "i8"), ("needs_answer", "i8"), ("first", "i8"), ("next", "i8")], align=True
)
"""Whom a request follows comes before it: `first` follows it, `next` follows whom it follows too,
`pause` picoseconds after that one's end."""

BLOCK = 32
"""Replicas whose next moment is kept together."""

World = namedtuple(
    "World",
    "dispatch sources pairs windows seen flows lists first_list due options objectives tolerances "
    "weights actions events happened free_flows results requests caps prefixes changes "
    "leading links following",
)
Engines = namedtuple(
    "Engines",
    "kinds replicas q rings caches ids runs base experts prompts told next nearest cursor",
)
# Places in `Engines.cursor`.
COMING, RUNS, ROW, ROWS, CHANGE, WAKE, MORE = 0, 1, 2, 3, 4, 5, 6
# What `MORE` says there is too little of. Zero: its slice is over, or all is done.
MORE_RUNS, MORE_FLOWS, MORE_ROWS = 1, 2, 3
