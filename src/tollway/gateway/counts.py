"""What one process of a gateway counted, for another to add."""

import msgspec

Labels = tuple[str, ...]


class Counts(msgspec.Struct, frozen=True):
    """What was counted in some time: (metric, labels, amount), and for histograms (metric, labels,
    counts by bucket, sum)."""

    numbers: list[tuple[str, Labels, int]]
    histograms: list[tuple[str, Labels, list[int], float]]
