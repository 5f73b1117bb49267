"""What was guessed in an answer, and what to declare for a better one."""

from tollway.engine.deployment import Deployment
from tollway.engine.outcome import Rehearsal
from tollway.engine.question import Question

_TIGHT = 0.15
"""A cache with less than this share of memory makes answers depend on its exact size."""


def warnings_of(question: Question, deployment: Deployment, load: Rehearsal) -> tuple[str, ...]:
    """One sentence for each input that was guessed and moves the answer."""
    found = [f"{doubt}." for doubt in deployment.doubts]
    settings, model = question.settings, question.model
    users = question.workload.concurrency or 1
    if settings.sequences is None and users > deployment.sequences // 2:
        found.append(
            f"max_num_seqs is not declared; {deployment.sequences} are taken to run at once, and "
            "the rest waits."
        )
    if settings.batch_tokens is None and question.workload.input_tokens * users > 8192:
        budget = deployment.batch_tokens
        found.append(f"the token budget of a step is not declared; {budget} is taken.")
    checkpoint = model.checkpoints.get(deployment.precision)
    stated = checkpoint is not None and checkpoint.kv_precision is not None
    if settings.kv_precision is None and not stated:
        found.append(f"the KV precision is not declared; {deployment.kv_precision} is taken.")
    if settings.speculation is None and model.mtp_layers:
        found.append(
            f"{model.name} can predict several tokens a step; that is taken to be off. Declare "
            "drafted and accepted tokens if it is on: TPOT may be half."
        )
    capacity = deployment.capacity
    if settings.blocks is None and capacity.kv < _TIGHT * capacity.usable:
        found.append(
            f"only {capacity.kv / 1e9:.1f} GB a chip are left for KV; declare the engine's own "
            "number of KV blocks, for a small error in it moves TTFT a lot."
        )
    if load.saturated:
        found.append(
            "users wait for a seat or for room in the cache: TTFT is the queue's, and depends on "
            "how long the load lasts."
        )
    return tuple(found)
