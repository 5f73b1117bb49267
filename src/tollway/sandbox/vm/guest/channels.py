"""The guest's one loop: its port on one side, its descriptors on the other, streams between them.

Rules
1. Nothing is read that cannot be passed on: a descriptor is read only while its stream has credit
   and the port is not full.
"""

import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress

from tollway.sandbox.vm.guest.mux import CONTROL, DATA, END, RESET, Mux

_FULL = 128 << 10
_READ = 32 << 10
_IN = select.POLLIN | select.POLLHUP | select.POLLERR


class Gone(Exception):  # noqa: N818  # what is the case
    """The host has left; nothing is left to do."""


class Channel:
    """A stream and its descriptors, either of which may be None. Both may be the same socket."""

    def __init__(self, source: "int | None", sink: "int | None", close: Callable[[], None]) -> None:
        self.source, self.sink, self.close = source, sink, close
        self.pending = bytearray()
        self.last = False
        """Nothing comes after what is pending."""


class Loop:
    """Moves bytes until the host leaves."""

    def __init__(self, port: int, told: "Callable[[bytes], None]") -> None:
        self.mux = Mux((1, 2, 3, 4), most=0xFFFF, opens=True)
        self._port, self._told = port, told
        self._out = bytearray()
        self._poll = select.poll()
        self._wants: dict[int, int] = {}
        self._carried: dict[int, bytes] = {}
        self.channels: dict[int, Channel] = {}
        self.watched: dict[int, Callable[[], None]] = {}
        """Descriptors whose readiness is somebody else's matter."""
        self.sources: dict[int, Callable[[], bytes]] = {}
        """Streams filled by asking for the next piece until it is empty."""
        self.takers: dict[int, Callable[[bytes], None]] = {}
        """Streams whose bytes are taken at once."""

    def say(self, message: bytes) -> None:
        """Send on the control stream."""
        self._out += self.mux.data(CONTROL, message)

    def open(self, payload: bytes, channel: Channel) -> None:
        """Open a stream for a channel."""
        number, data = self.mux.open(payload)
        self._out += data
        self.channels[number] = channel

    def once(self) -> None:
        """Wait for something and do all of it."""
        self._fill()
        self._ask()
        for descriptor, events in self._poll.poll():
            if descriptor == self._port:
                self._serve_port(events)
            elif descriptor in self.watched:
                self.watched[descriptor]()
            else:
                self._serve(descriptor, events)
        if self._out:
            self._flush()

    def _ask(self) -> None:
        wants: dict[int, int] = dict.fromkeys(self.watched, select.POLLIN)
        wants[self._port] = select.POLLIN | (select.POLLOUT if self._out else 0)
        for number, channel in self.channels.items():
            room = self.mux.room(number) and len(self._out) < _FULL
            if channel.source is not None and room:
                wants[channel.source] = select.POLLIN
            if channel.sink is not None and channel.pending:
                wants[channel.sink] = wants.get(channel.sink, 0) | select.POLLOUT
        for gone in self._wants.keys() - wants.keys():
            self._poll.unregister(gone)
        for descriptor, events in wants.items():
            if self._wants.get(descriptor) != events:
                self._poll.register(descriptor, events)
        self._wants = wants

    def _serve_port(self, events: int) -> None:
        if events & _IN:
            data = _read(self._port, _FULL)
            if data == b"":
                raise Gone
            for number, kind, payload in self.mux.feed(data or b""):
                self._happened(number, kind, payload)
            self._out += self.mux.replies
            self.mux.replies.clear()

    def _flush(self) -> None:
        try:
            while self._out:
                written = os.write(self._port, self._out[:_READ])
                del self._out[:written]
        except BlockingIOError:
            pass

    def _happened(self, number: int, kind: int, payload: bytes) -> None:
        if number == CONTROL:
            self._told(payload)
        elif number in self.takers:
            if kind == DATA:
                self.takers[number](payload)
                self._out += self.mux.grant(number, len(payload))
        elif number in self.channels:
            channel = self.channels[number]
            if kind == DATA:
                channel.pending += payload
            elif kind == RESET:
                self._forget(number)
            elif kind == END:
                channel.last = True
                self._spill(number, channel)
        elif kind == DATA:  # nobody takes it any more
            self._out += self.mux.reset(number)

    def _serve(self, descriptor: int, events: int) -> None:
        for number, channel in list(self.channels.items()):
            if channel.sink == descriptor and channel.pending:
                self._spill(number, channel)
            if channel.source == descriptor and events & _IN and number in self.channels:
                self._draw(number, channel)

    def _draw(self, number: int, channel: Channel) -> None:
        room = self.mux.room(number)
        if not room or channel.source is None:
            return
        data = _read(channel.source, min(room, _READ))
        if data:
            self._out += self.mux.data(number, data)
        elif data is not None:
            self._no_source(number, channel)

    def _no_source(self, number: int, channel: Channel) -> None:
        channel.source = None
        self._out += self.mux.end(number)
        self._done(number, channel)

    def _spill(self, number: int, channel: Channel) -> None:
        if channel.sink is not None and channel.pending:
            try:
                written = os.write(channel.sink, channel.pending)
            except BlockingIOError:
                return
            except OSError:
                self._out += self.mux.reset(number)
                self._forget(number)
                return
            del channel.pending[:written]
            self._out += self.mux.grant(number, written)
        if channel.last and not channel.pending and channel.sink is not None:
            _shut(channel.sink, channel.source is not None)
            channel.sink = None
            self._done(number, channel)

    def _done(self, number: int, channel: Channel) -> None:
        if channel.source is None and channel.sink is None:
            self._forget(number)

    def _forget(self, number: int) -> None:
        channel = self.channels.pop(number, None)
        if channel is not None:
            channel.close()

    def _fill(self) -> None:
        for number, source in list(self.sources.items()):
            while (room := self.mux.room(number)) and len(self._out) < _FULL:
                try:
                    piece = self._carried.pop(number, b"") or source()
                except OSError:
                    self._out += self.mux.reset(number)
                    break
                if not piece:
                    del self.sources[number]
                    break
                self._carried[number] = piece[room:]
                self._out += self.mux.data(number, piece[:room])


def _read(descriptor: int, size: int) -> "bytes | None":
    """None: nothing now; empty: nothing ever."""
    try:
        return os.read(descriptor, size)
    except BlockingIOError:
        return None
    except OSError:  # EIO of a terminal, reset of a connection: that is the end
        return b""


def _shut(descriptor: int, read_on: bool) -> None:
    """End the writing half of a socket that is read on; anything else is closed by its owner."""
    if read_on:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as other:
            other.shutdown(socket.SHUT_WR)
