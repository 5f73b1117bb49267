"""The state machine of all requests: `handle(event, now) -> actions`.

Rules
1. Every request ends once: in `Reject` before anything was reserved, or in `Settle`.
2. A slot is held from `Send` to the attempt's end, never longer.
3. Nobody waits while a source that may serve them has a slot and is healthy.
4. Once content has gone out there is no fallback: a failure ends in an explicit error.
5. `handle` draws no randomness, reads no clock and awaits nothing; an early `Woke` is harmless.
"""

from collections.abc import Callable
from typing import Any

from tollway.dispatch import ends, health, view
from tollway.dispatch.accounts import Accounts, class_of
from tollway.dispatch.books import Books
from tollway.dispatch.drilling import Drilling
from tollway.dispatch.lately import Lately
from tollway.dispatch.messages import (
    Abort,
    Action,
    Arrived,
    Cancelled,
    ClockSet,
    Content,
    Drained,
    Drill,
    DrillOver,
    EndWithError,
    Event,
    Failed,
    FailureKind,
    Finished,
    KeysChanged,
    Outcome,
    Progressed,
    Reject,
    Relay,
    Reserve,
    Reserved,
    ReserveFailed,
    Restored,
    Undrained,
    Withdrawn,
    Woke,
)
from tollway.dispatch.opening import Opening
from tollway.dispatch.placing import Placing
from tollway.dispatch.requests import (
    ANSWERING,
    RESERVING,
    SENT,
    WAITING,
    Attempt,
    Ending,
    RequestState,
)
from tollway.dispatch.room import room_of
from tollway.dispatch.routing import Plan
from tollway.dispatch.timetable import Timetable
from tollway.fleet.objects import Fleet
from tollway.fleet.usage import Usage
from tollway.policy import retry


class Dispatcher:
    """Decides for every request of one gateway, or of one simulated fleet.

    It performs nothing: the caller does what the returned actions say, in their order, and reports
    what came of it as further events, with times of one monotonic clock that never goes back.
    The last `remember` requests that ended can be asked for.
    """

    def __init__(self, fleet: Fleet, opening: Opening, now: float = 0.0, remember: int = 0) -> None:
        self._out: list[Action] = []
        self._times = Timetable()
        self._books = Books(Accounts(fleet, opening, now))
        self._placing = Placing(fleet, self._books, self._times, self._out, now)
        self._requests: dict[str, RequestState] = {}
        self._drilling = Drilling()
        self._lately = Lately(remember)
        accounts = self._books.accounts
        self._seen = view.Seen(
            self._requests, self._placing, accounts, self._drilling, self._lately
        )
        self._arrivals = 0
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            Arrived: self._arrived,
            Reserved: self._reserved,
            ReserveFailed: self._reserve_failed,
            Content: self._content,
            Progressed: self._progressed,
            Finished: self._finished,
            Failed: self._failed,
            Cancelled: self._cancelled,
            Woke: self._woke,
            KeysChanged: self._books.accounts.keys_changed,
            Drill: self._drilling.begin,
            DrillOver: self._drilling.end,
            Withdrawn: self._placing.withdraw,
            Restored: self._placing.restore,
            Drained: self._drained,
            Undrained: self._placing.undrain,
            ClockSet: self._books.accounts.clock_set,
        }

    # --- the ways in ----------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event and say what to do, in order."""
        times = self._times
        if now >= times.recovery.earliest:
            self._placing.recover(now)
        self._handlers[type(event)](event, now)
        if times.soonest < times.announced:
            self._out.append(times.wake())
        taken = self._out[:]
        self._out.clear()
        return taken

    def adopt(self, fleet: Fleet, now: float) -> list[Action]:
        """Take a new fleet. Attempts in flight finish where they are; whoever waits is placed
        anew. Counts as a wake too."""
        self._books.accounts.adopt(fleet)
        for request in self._placing.adopt(fleet, now):
            plan = self._placing.plans.get(request.arrived.route)
            if plan is None:
                gone = Ending(404, "model_not_found", "The fleet no longer serves this model.")
                self._refuse(request, gone, None, now)
                continue
            request.plan = plan
            self._placing.offer(request)
            self._place(request, now)
        return self.handle(Woke(), now)

    def snapshot(self, now: float) -> dict[str, object]:
        """What an operator wants to see: sources, pairs, queues and accounts, as plain values."""
        return view.snapshot(self._seen, now)

    def live(self, after: int, now: float) -> dict[str, object]:
        """What goes on now, and the requests that ended after number `after`."""
        return view.live(self._seen, after, now)

    def request(self, request_id: str, now: float) -> dict[str, object] | None:
        """One request's life, running or just ended; None where it is neither."""
        return view.request(self._seen, request_id, now)

    # --- arrival and reservation ----------------------------------------------------------------

    def _arrived(self, event: Arrived, now: float) -> None:
        account = self._books.accounts.keys.get(event.key)
        if event.request in self._requests or account is None:
            self._out.append(ends.unknown_or_doubled(event, account))
            return
        fleet, placing = self._placing.fleet, self._placing
        plan = ends.plan_for(event, account, fleet, placing.plans)
        if not isinstance(plan, Plan):
            self._out.append(plan)
            return
        request = RequestState(event, account, plan, self._arrivals, now)
        self._arrivals += 1
        tenant = fleet.tenants[account.terms.tenant]
        request.batch = class_of(event, account, tenant) == "batch"
        placing.offer(request)
        if not request.untried():
            self._out.append(ends.nothing_fits(request))
            return
        if event.only is None:
            request.drilled = self._drilling.lost_to(event.draw, request.options, now)
        if request.drilled is not None:
            placing.offer(request)
        refusal = self._books.admit(request, now)
        request.room = room_of(account, account.tenant, now)
        if refusal is not None:
            self._out.append(ends.refused(event.request, refusal, request.room))
            return
        self._requests[event.request] = request
        self._times.arm_whole(request, plan.route.deadline, now)
        self._out.append(
            Reserve(
                event.request,
                event.key,
                account.terms.tenant,
                event.route,
                event.operation,
                request.held,
                event.input_tokens,
                request.held_output,
                self._books.utc(now),
                event.tag,
            )
        )

    def _reserved(self, event: Reserved, now: float) -> None:
        request = self._requests.get(event.request)
        if request is not None and request.phase == RESERVING:
            self._place(request, now)

    def _reserve_failed(self, event: ReserveFailed, now: float) -> None:
        request = self._requests.get(event.request)
        if request is not None and request.phase == RESERVING:
            self._forget(request)
            self._books.release(request, now)
            self._out.append(ends.ledger_down(event.request))

    def _place(self, request: RequestState, now: float) -> None:
        """Send the request, let it wait, or give it up."""
        turned = self._placing.place(request, now)
        if turned is not None:
            self._refuse(request, turned, turned.retry_after, now)

    # --- an attempt's life ----------------------------------------------------------------------

    def _current(self, request_id: str, number: int) -> tuple[RequestState, Attempt] | None:
        """The request and its live attempt, where an event is about that one."""
        request = self._requests.get(request_id)
        if request is None or request.attempt is None or request.attempt.number != number:
            return None
        return request, request.attempt

    def _content(self, event: Content, now: float) -> None:
        found = self._current(event.request, event.attempt)
        if found is None or found[0].phase != SENT:
            return
        request, attempt = found
        request.phase = ANSWERING
        attempt.content_at = attempt.mark_at = now
        self._times.forget_step(request)
        self._times.forget_whole(request)
        if request.arrived.stream:
            attempt.pair.ttft.add(now - attempt.sent_at, now)

    def _progressed(self, event: Progressed, now: float) -> None:
        found = self._current(event.request, event.attempt)
        if found is None or found[0].phase != ANSWERING or found[0].aborting:
            return
        request, attempt = found
        attempt.tokens = event.output_tokens
        moves = health.judge_speed(attempt, now)
        if moves:
            self._moved(attempt, moves, now)
        outgrown = event.output_tokens > request.held_output
        if outgrown and not self._books.hold_more(request, attempt, now):
            request.ending = ends.budget_exhausted()
            self._abort(request, "too_long", "budget and overdraft are used up")

    def _finished(self, event: Finished, now: float) -> None:
        found = self._current(event.request, event.attempt)
        if found is None:
            return
        request, attempt = found
        if attempt.content_at is None:
            attempt.content_at = now
        moves = health.judge_finished(attempt, event.usage, request.arrived.stream, now)
        if request.arrived.operation != "embedding":
            each = -(-event.usage.output // request.arrived.choices)
            request.account.learn_output(request.plan.route.model, each, now)
        self._settle(request, "completed", None, event.usage, now)
        self._placing.free(attempt, moves, now)

    def _failed(self, event: Failed, now: float) -> None:
        found = self._current(event.request, event.attempt)
        if found is None:
            return
        request, attempt = found
        answered = request.phase == ANSWERING
        ended = request.ending or ends.ending_of(event, attempt)
        # What dispatch itself ended says nothing about the source.
        moves = [] if request.ending else health.judge_failed(attempt, event, now)
        if attempt.pair.rest_until > now:
            self._times.recover(attempt.pair.rest_until, attempt.pair)
        if answered:
            self._settle(request, "failed", ended.code, event.usage, now)
            self._out.append(EndWithError(request.id, ended.code, ended.message))
        elif request.ending is None and retry.is_client_fault(event.kind, event.status):
            self._settle(request, "failed", ended.code, event.usage, now)
            self._out.append(Relay(request.id, attempt.number))
        else:
            self._books.note_failure(request, attempt, event, now)
            request.attempt = None
            self._times.forget_step(request)
            self._after_failure(request, event, ended, now)
        self._placing.free(attempt, moves, now)

    def _after_failure(
        self, request: RequestState, event: Failed, ended: Ending, now: float
    ) -> None:
        """Place a failed request again, where that is possible and affordable."""
        request.phase = RESERVING
        left = request.arrived_at + request.plan.route.deadline - now
        if request.due_whole is None and left > 0.0:
            self._times.arm_whole(request, left, now)
        if (
            request.ending is not None
            or not request.untried()
            or left <= 0.0
            or request.attempts > ends.MOST_ATTEMPTS
        ):
            self._refuse(request, ended, event.retry_after, now)
        elif not self._placing.may_retry(now):
            self._refuse(request, ends.retry_budget(ended), 1.0, now)
        else:
            self._place(request, now)

    def _cancelled(self, event: Cancelled, now: float) -> None:
        request = self._requests.get(event.request)
        if request is None:
            return
        if request.phase == WAITING:
            self._placing.lanes.leave(request, RESERVING)
        attempt = request.attempt
        self._settle(request, "cancelled", "client_left", event.usage, now)
        if attempt is not None:
            self._placing.free(attempt, [], now)

    def _abort(self, request: RequestState, kind: FailureKind, detail: str) -> None:
        """Have the attempt ended; its `Failed` decides what follows."""
        attempt = request.attempt
        if attempt is not None and not request.aborting:
            request.aborting = True
            self._out.append(Abort(request.id, attempt.number, kind, detail))

    def _moved(self, attempt: Attempt, moves: list[Action], now: float) -> None:
        self._placing.moved(attempt.pair, moves)
        self._placing.serve_waiting(attempt.pair.source.name, now)

    # --- ends -----------------------------------------------------------------------------------

    def _forget(self, request: RequestState) -> None:
        del self._requests[request.id]
        self._times.forget_step(request)
        self._times.forget_whole(request)

    def _settle(
        self, request: RequestState, outcome: Outcome, code: str | None, usage: Usage, now: float
    ) -> None:
        """Book the request's end. `usage` is that of its running attempt, if it has one."""
        settled = self._books.settle(request, outcome, code, usage, now)
        self._out.append(settled)
        self._lately.add(request, settled)
        self._forget(request)

    def _refuse(
        self,
        request: RequestState,
        why: Ending | ends.Turned,
        retry_after: float | None,
        now: float,
    ) -> None:
        """End a request that got no content: settle what was tried for it, and say why."""
        outcome: Outcome = "failed" if request.failed else "refused"
        self._settle(request, outcome, why.code, Usage(), now)
        self._out.append(Reject(request.id, why.status, why.code, why.message, retry_after))

    # --- time and change ------------------------------------------------------------------------

    def _woke(self, event: Woke, now: float) -> None:
        times = self._times
        for request_id in times.whole.due(now):
            self._deadline_passed(self._requests[request_id], now)
        for request_id in times.step.due(now):
            self._step_passed(self._requests[request_id], now)
        for request_id in times.ttft.due(now):
            attempt = self._requests[request_id].attempt
            if attempt is not None:
                self._moved(attempt, health.judge_late(attempt, now), now)
        times.woken()

    def _deadline_passed(self, request: RequestState, now: float) -> None:
        """The route's deadline came before any content."""
        ending = ends.deadline(request)
        if request.phase == SENT:
            request.ending = ending
            self._abort(request, "late", ending.message)
            return
        if request.phase == WAITING:
            self._placing.lanes.leave(request, RESERVING)
        self._refuse(request, ending, None, now)

    def _step_passed(self, request: RequestState, now: float) -> None:
        """No slot came in the waiting time, or no content in the attempt's."""
        if request.phase == WAITING:
            self._placing.lanes.leave(request, RESERVING)
            turned = ends.waited_too_long(request, now)
            self._refuse(request, turned, turned.retry_after, now)
        elif request.attempt is not None:
            waited = now - request.attempt.sent_at
            kind: FailureKind = "late" if request.arrived.stream else "too_long"
            self._abort(request, kind, f"no content after {waited:.1f} s")

    def _drained(self, event: Drained, now: float) -> None:
        for request in self._placing.drain(event, now):
            turned = ends.no_source(request, request.untried(), now)
            self._refuse(request, turned, turned.retry_after, now)
