# pyright: basic, reportAttributeAccessIssue=false
"""One replica over all its requests, compiled."""

from tollway.simulator.kernel import arrive, commit, plan
from tollway.simulator.layout import (
    NEVER,
    NONE,
)
from tollway.simulator.source import compiled, entered

# --- one replica ----------------------------------------------------------------------------------


@compiled
def seat(q, row, one, requests):
    """Put a request into a row."""
    it, asked = q[row], requests[one]
    it.request = one
    it.prompt = asked.prompt
    it.output = asked.output
    it.hashes = asked.hashes
    it.prefix = asked.prefix


@entered
def run_one(
    replicas, kinds, q, requests, results, cursor, rings, caches, ids, runs, base, experts,
    prompts, told
):  # fmt: skip
    """One replica over all requests, in order of arrival. `results` are times of first and last
    tokens. Whether it has come to the end; else it wants more room for `runs` or for rows (`q`).
    `cursor` is where it stands: requests that came, runs used, and the first free row."""
    s, k, ring, cache = replicas[0], kinds[0], rings[0], caches[0]
    coming, free_run, free = cursor[0], cursor[1], cursor[2]
    count = len(requests)
    most = len(runs) - k.sequences - 2
    while free_run < most and free != NONE:
        now = requests[coming].at if coming < count else NEVER
        if s.end <= now:
            if s.end == NEVER:
                break
            now = s.end
            happened, free_run = commit(s, k, q, ring, cache, ids, runs, free_run, told)
            for at in range(happened):
                row, last = told[at] >> 1, told[at] & 1
                results[q[row].request, last] = now
                if last:
                    q[row].next = free
                    free = row
            free_run = plan(s, k, q, now, ring, cache, ids, runs, free_run, base, experts, prompts)
        else:
            row = free
            free = q[row].next
            seat(q, row, coming, requests)
            free_run = arrive(
                s, k, q, row, now, ring, cache, ids, runs, free_run, base, experts, prompts
            )
            coming += 1
    cursor[0], cursor[1], cursor[2] = coming, free_run, free
    return s.end == NEVER and coming == count
