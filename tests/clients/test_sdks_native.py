"""The scripted sources are what the SDKs take for their own: without a gateway in between."""

from pathlib import Path

import pytest
from scripted_source import closed_network, scripted
from sdks import SDKS, WEATHER, Job, Sdk, do, expected
from wires import WIRES


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
async def test_an_sdk_does_the_task_at_its_own_provider(sdk: Sdk, tmp_path: Path) -> None:
    async with scripted(WIRES[sdk.api], WEATHER) as source, closed_network() as network:
        jobs = [Job(source.url, "secret", "m-1", stream) for stream in (False, True)]
        came = await do(sdk, jobs, tmp_path, network.url)
    assert came == [expected(sdk.api)] * 2
    assert source.faults == []
    assert network.called == []
    assert len(source.asked) == 4
    signed = [one.heard.signatures for one in source.asked if one.heard]
    if sdk.api != "openai":
        assert signed == [(), ("c2lnbmVkOm9uZQ==",)] * 2
