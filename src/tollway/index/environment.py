"""The environment variables by which pip, uv and npm find the index, and ask nothing else."""

from collections.abc import Mapping


def environment(index: str) -> Mapping[str, str]:
    """Variables for programs that install packages. `index` is `http://127.0.0.1:PORT`."""
    return {
        "PIP_INDEX_URL": f"{index}/pypi/simple/",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_DEFAULT_INDEX": f"{index}/pypi/simple/",
        "NPM_CONFIG_REGISTRY": f"{index}/npm/",
        "NPM_CONFIG_AUDIT": "false",  # it asks for what is not served
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }
