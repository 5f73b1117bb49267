"""Whether what a source says that it serves is what a route insists on."""

from tollway.fleet.objects import Demand, Serving


def meets(serving: Serving, demand: Demand) -> bool:
    """Whether a serving states every fact that is demanded, and fits it."""
    if demand.precision and serving.precision not in demand.precision:
        return False
    if demand.min_context is None:
        return True
    return serving.context is not None and serving.context >= demand.min_context
