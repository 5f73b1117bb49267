"""What a gateway may have open."""

import resource
from dataclasses import replace

from gateway_rig import SETTINGS

from tollway.gateway.descriptors import raise_limit, too_few


def test_a_gateway_takes_all_descriptors_that_it_may_have() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert raise_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_few_descriptors_are_said_with_the_mend() -> None:
    settings = replace(SETTINGS, max_streams=1000)
    assert too_few(2064, settings) is None
    assert too_few(resource.RLIM_INFINITY, settings) is None
    said = too_few(1024, settings)
    assert said is not None
    assert "about 480 streams at once" in said
    assert "allow it 2064" in said
