"""The most of a small linear program, exactly.

Rules
1. Of the columns that gain, the first enters, and of the rows that bind, the one with the lowest
   variable leaves: so it cannot cycle (Bland, 1977).
"""

from collections.abc import Sequence
from fractions import Fraction


def most(
    gains: Sequence[Fraction], rows: Sequence[Sequence[Fraction]], bounds: Sequence[Fraction]
) -> Fraction:
    """The largest `gains` times x, where each of `rows` times x is within its bound and no x is
    below 0. Bounds are not below 0, so that x = 0 will do to begin with.

    Raises:
        ValueError: there is no largest.
    """
    width = len(gains)
    table = [
        [*row, *(Fraction(at == index) for at in range(len(rows))), limit]
        for index, (row, limit) in enumerate(zip(rows, bounds, strict=True))
    ]
    basis = [width + index for index in range(len(rows))]
    top = [-gain for gain in gains] + [Fraction(0)] * (len(rows) + 1)
    while (enters := next((at for at, it in enumerate(top[:-1]) if it < 0), None)) is not None:
        able = [at for at, row in enumerate(table) if row[enters] > 0]
        if not able:
            raise ValueError("nothing bounds it")
        leaves = min((table[at][-1] / table[at][enters], basis[at], at) for at in able)[2]
        pivot = table[leaves][enters]
        table[leaves] = [it / pivot for it in table[leaves]]
        for at, row in enumerate(table):
            if at != leaves and row[enters]:
                table[at] = _less(row, table[leaves], row[enters])
        top = _less(top, table[leaves], top[enters])
        basis[leaves] = enters
    return top[-1]


def _less(row: list[Fraction], pivot: list[Fraction], times: Fraction) -> list[Fraction]:
    return [one - times * other if other else one for one, other in zip(row, pivot, strict=True)]
