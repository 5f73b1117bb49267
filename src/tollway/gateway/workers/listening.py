"""The listening sockets, made once for all workers."""

import socket

from tollway.errors import TollwayError
from tollway.fleet.objects import GatewaySettings
from tollway.gateway.own import BACKLOG, cannot_listen, shown


def listen(settings: GatewaySettings) -> list[socket.socket]:
    """One socket for each address that the fleet's host stands for, as asyncio would.

    Raises:
        TollwayError: an address is in use, or cannot be listened on.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(BACKLOG)
            one.setblocking(False)
    except OSError as error:
        for one in sockets:
            one.close()
        raise cannot_listen(settings, error) from error
    if not sockets:
        raise TollwayError(f"{shown(settings)} stands for no address. Change gateway.listen.")
    return sockets
