from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live_fleet import LiveFleet, demo


@pytest.fixture
async def stopped_fleet(tmp_path: Path) -> AsyncIterator[LiveFleet]:
    """A fleet whose text may still be changed; the test starts it."""
    fleet = demo(tmp_path)
    yield fleet
    await fleet.close()


@pytest.fixture
async def fleet(stopped_fleet: LiveFleet) -> LiveFleet:
    """A running fleet."""
    await stopped_fleet.start()
    return stopped_fleet
