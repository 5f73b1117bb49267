# pyright: basic
"""Requests that follow others, compiled: a heap of those whose time is known.

Rules
1. The first to arrive is at place 1 of `w.following` (place 0 holds how many there are); of one
   moment it is the one with the lower number.
"""

from tollway.simulator.layout import NONE
from tollway.simulator.source import called, compiled


@compiled
def sooner(heap, one, other):
    """Whether a place comes before another."""
    if heap[one, 0] != heap[other, 0]:
        return heap[one, 0] < heap[other, 0]
    return heap[one, 1] < heap[other, 1]


@compiled
def swap(heap, one, other):
    """Exchange two places."""
    for part in range(2):
        heap[one, part], heap[other, part] = heap[other, part], heap[one, part]


@called
def follow(w, request, now):
    """A request has ended: who follows it arrives after a pause, but not before its time."""
    heap = w.following
    answered = w.results[request].answered == 1
    one = w.links[request].first
    while one != NONE:
        link = w.links[one]
        if answered or link.needs_answer == 0:
            heap[0, 0] += 1
            at = heap[0, 0]
            heap[at, 0], heap[at, 1] = max(w.requests[one].at, now + link.pause), one
            while at > 1 and sooner(heap, at, at // 2):
                swap(heap, at, at // 2)
                at //= 2
        one = link.next


@called
def next_following(w):
    """Take the first of those who follow."""
    heap = w.following
    request = heap[1, 1]
    last = heap[0, 0]
    swap(heap, 1, last)
    heap[0, 0] = last - 1
    at = 1
    while 2 * at < last:
        least = 2 * at
        if least + 1 < last and sooner(heap, least + 1, least):
            least += 1
        if not sooner(heap, least, at):
            break
        swap(heap, least, at)
        at = least
    return request
