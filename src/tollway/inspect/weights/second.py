"""What picklescan says of pickles, where it is installed.

Rules
1. Only its dangerous globals count: what it merely does not know, the allowlist has judged.
2. It never takes a finding away, and a failure of its own is none of the model's.
"""

import importlib.util
import logging
from pathlib import Path

from tollway.pins.finding import Finding, Findings

_MOST = 512 << 20  # bytes: it reads whole files


def second_opinion(
    path: Path, component: str, first: Findings, allowed: frozenset[str]
) -> Findings:
    """Its findings where the first look has none."""
    if first.found or importlib.util.find_spec("picklescan") is None:
        return Findings()
    from picklescan.scanner import SafetyLevel, scan_directory_path, scan_file_path

    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    if path.is_file() and path.stat().st_size > _MOST:
        return Findings()
    try:
        scan = scan_directory_path if path.is_dir() else scan_file_path
        result = scan(str(path))
    except Exception:  # noqa: BLE001 - rule 2
        return Findings()
    names = sorted(
        {f"{it.module}.{it.name}" for it in result.globals if it.safety == SafetyLevel.Dangerous}
        - allowed
    )
    return Findings(
        tuple(
            Finding(
                component,
                "weights.picklescan",
                f"picklescan finds the dangerous global {it}",
                "Do not load it; ask its publisher for safetensors.",
                path.name,
            )
            for it in names
        )
    )
