"""The environment variables by which common programs find the proxy and trust the task's authority.

Programs that ignore them (Node before 24, unless told in code) reach nothing: they fail closed.
"""

from collections.abc import Mapping

_PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_TRUST = (
    "SSL_CERT_FILE",  # OpenSSL: Python, Ruby, httpx
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "DENO_CERT",
)


def environment(proxy: str, ca_file: str) -> Mapping[str, str]:
    """Variables for a task's programs. `proxy` is `http://task:TOKEN@HOST:PORT`, or the address of
    whatever leads to the task's socket; `ca_file` holds the task's certificate, in PEM."""
    return {
        **dict.fromkeys(_PROXY, proxy),
        **dict.fromkeys(_TRUST, ca_file),
        "NODE_USE_ENV_PROXY": "1",  # Node 24 and later
        "NO_PROXY": "",
        "no_proxy": "",
    }
