"""Which files of the host a mount shows.

Rules
1. A path that leads over a link is refused: an earlier task that could write beside it may have put
   the link there, and it would show this task whatever the link names.
"""

import os
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.order import Mount


def source_of(mount: Mount) -> Path:
    """The path that is mounted.

    Raises:
        TollwayError: it is not there, or leads over a link (rule 1).
    """
    place = f"--mount {mount.source}:{mount.target}"
    plain = Path(os.path.abspath(mount.source))  # noqa: PTH100 - without following anything
    try:
        source = plain.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise TollwayError(f"{place}: {mount.source} is not there. Name what is.") from error
    if source != plain:
        raise TollwayError(
            f"{place}: {mount.source} leads over a link to {source}. Where that is meant, write "
            f"--mount {source}:{mount.target}."
        )
    return source
