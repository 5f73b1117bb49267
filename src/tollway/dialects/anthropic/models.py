"""What a Claude takes, by its name.

Source: Anthropic's migration guides and its Python SDK's MIGRATION.md, read in November 2026.

Rules
1. A name that is not a Claude's is another's model behind this dialect: it is told what was said.
2. Claudes after 4.6 take neither sampling nor budgets; those before it know no adaptive thinking.
"""

import re
from typing import Final

_CLAUDE: Final = re.compile(r"claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_OLD_CLAUDE: Final = re.compile(r"claude-(\d{1,2})(?:[-.](\d{1,2}))?-[a-z]")
_TURN: Final = (4, 6)


def version(model: str) -> tuple[int, int] | None:
    """The version in a Claude's name, whatever stands around it; None of any other model."""
    found = _CLAUDE.search(model) or _OLD_CLAUDE.search(model)
    if found is None:
        return None
    return int(found[1]), int(found[2] or 0)


def takes_sampling(model: str) -> bool:
    """Whether `temperature`, `top_p` and `top_k` are taken."""
    known = version(model)
    return known is None or known <= _TURN


def takes_budget(model: str) -> bool:
    """Whether thinking may have a budget."""
    return takes_sampling(model)


def adapts(model: str) -> bool:
    """Whether the model itself decides how much to think, guided by an effort."""
    known = version(model)
    return known is None or known >= _TURN
