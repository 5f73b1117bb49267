"""Security events as lines of the Open Cybersecurity Schema Framework (https://schema.ocsf.io).

Rules
1. Traffic is told as Data Security Findings (2006), everything else as Detection Findings (2004),
   both with the profile `security_control`, which has what was done.
2. What has no place in the schema is in `unmapped`, under its own name.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tollway import __version__
from tollway.guard.event import Concern, Outcome, SecurityEvent

OCSF_VERSION: Final = "1.4.0"
"""The first version whose Data Security Finding has all that is told here."""

_CATEGORY: Final = 2
_CREATE: Final = 1
_LOW, _MEDIUM, _HIGH = 2, 3, 4
_IN_TRANSIT: Final = 2
_DLP_GATEWAY: Final = 2

_CLASSES: Final[Mapping[Concern, tuple[int, str]]] = {
    "traffic": (2006, "Data Security Finding"),
    "tool": (2004, "Detection Finding"),
    "egress": (2004, "Detection Finding"),
    "credential": (2004, "Detection Finding"),
    "task": (2004, "Detection Finding"),
    "package": (2004, "Detection Finding"),
    "console": (2004, "Detection Finding"),
}
_DONE: Final[Mapping[Outcome, tuple[int, str, int, str, int]]] = {
    # action id and name, disposition id and name, severity
    "allowed": (1, "Allowed", 1, "Allowed", _LOW),
    "changed": (4, "Modified", 11, "Corrected", _MEDIUM),
    "asked": (2, "Denied", 14, "Delayed", _MEDIUM),
    "denied": (2, "Denied", 2, "Blocked", _HIGH),
}
_SEVERITIES: Final = {_LOW: "Low", _MEDIUM: "Medium", _HIGH: "High"}


def ocsf(event: SecurityEvent) -> dict[str, Any]:
    """An event as OCSF."""
    uid, name = _CLASSES[event.concern]
    action_id, action, disposition_id, disposition, severity = _DONE[event.outcome]
    moment = round(event.at * 1000)
    subject = "/".join(str(it) for it in (event.request, event.task, moment) if it is not None)
    info: dict[str, Any] = {
        "uid": f"tollway/{event.concern}/{subject}",
        "title": _title(event),
        "desc": event.words,
        "created_time": moment,
        "types": list(dict.fromkeys(it.detector for it in event.evidence)) or [event.concern],
    }
    told: dict[str, Any] = {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": uid,
        "class_name": name,
        "type_uid": uid * 100 + _CREATE,
        "type_name": f"{name}: Create",
        "time": moment,
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "status_id": 1,
        "status": "New",
        "message": event.words,
        "is_alert": event.outcome in ("asked", "denied"),
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "finding_info": info,
        "metadata": {
            "version": OCSF_VERSION,
            "profiles": ["security_control"],
            "product": {"name": "Tollway", "vendor_name": "Tollway", "version": __version__},
        },
        "unmapped": msgspec.to_builtins(event),
    }
    if event.tenant is not None:
        told["metadata"]["tenant_uid"] = event.tenant
    if event.rule is not None:
        told["firewall_rule"] = {"name": event.rule}
    if uid == 2006:
        told["data_security"] = {
            "data_lifecycle_state_id": _IN_TRANSIT,
            "detection_system_id": _DLP_GATEWAY,
            "detection_pattern": ", ".join(info["types"]),
        }
    return told


def ocsf_line(event: SecurityEvent) -> bytes:
    """An event as a line of JSON."""
    return msgspec.json.encode(ocsf(event)) + b"\n"


def _title(event: SecurityEvent) -> str:
    place = f" at {event.place}" if event.place else ""
    return f"{event.concern} {event.outcome}{place}"
