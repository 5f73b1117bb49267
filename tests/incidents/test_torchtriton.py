"""torchtriton, December 2022: PyPI had 3.0.0 of a name that belonged to PyTorch's own index.

Control: one index a name. The public index is not even asked.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from index_rig import Upstream, installing, pypi


@pytest.fixture
def indexes() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as own, Upstream() as public:
        own.add_wheel("torchtriton", "2.0.0", {"triton/__init__.py": ""})
        public.add_wheel("torchtriton", "3.0.0", {"triton/__init__.py": "", "triton/bad.py": ""})
        yield own, public


def test_a_name_comes_from_its_own_index_alone(
    tmp_path: Path, indexes: tuple[Upstream, Upstream]
) -> None:
    own, public = indexes
    upstreams = {"own": pypi(own, 'names = ["torch*"]'), "public": pypi(public)}
    with installing(tmp_path / "on", upstreams) as programs:
        assert programs.pip("torchtriton").returncode == 0
        assert programs.has("torchtriton-2.0.0")
        assert programs.uv("torchtriton==3.0.0").returncode != 0
        own.pages.clear()  # not there any more, and still nobody else's
        assert programs.uv("torch_Triton").returncode != 0
    assert public.asked == []


def test_without_the_control_the_public_one_wins(
    tmp_path: Path, indexes: tuple[Upstream, Upstream]
) -> None:
    own, public = indexes
    upstreams = {"own": pypi(own, 'names = ["torchvision"]'), "public": pypi(public)}
    with installing(tmp_path / "off", upstreams) as programs:
        assert programs.uv("torchtriton").returncode == 0
        assert programs.has("torchtriton-3.0.0")
