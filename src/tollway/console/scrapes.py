"""The gateway's metrics as they were read of late, while somebody looks at the page.

Rules
1. However many look, the gateway is asked once in `EVERY` seconds, and not when nobody does.
2. What is older than the widest window is forgotten.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from tollway.feel.windows import Scrape, scraped
from tollway.gateway.admin_client import ask_metrics
from tollway.units import Seconds

EVERY = Seconds(4.0)
WINDOWS = (Seconds(60.0), Seconds(300.0))
"""What "now" may mean, the narrowest first; beyond them it is all since the gateway's start."""


class Scrapes:
    """A few minutes of scrapes. `look` gives a page of metrics, or None where nobody answers."""

    def __init__(
        self,
        look: Callable[[str, int], str | None] = ask_metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._clock = look, clock
        self._kept: list[Scrape] = []
        self._asking = asyncio.Lock()

    async def lately(self, host: str, port: int) -> Sequence[Scrape]:
        """The scrapes of the last minutes up to now; none where the gateway does not answer."""
        async with self._asking:
            if not self._kept or self._clock() - self._kept[-1].at >= EVERY:
                text = await asyncio.to_thread(self._look, host, port)
                if text is None:
                    return ()
                self._kept.append(scraped(text, Seconds(self._clock())))
                oldest = self._kept[-1].at - WINDOWS[-1]
                self._kept = [one for one in self._kept if one.at >= oldest]
            return tuple(self._kept)
