"""A scenario tree: which pasts lead to a node, and which scenarios a node is part of."""

from collections.abc import Sequence
from dataclasses import dataclass

from tollway.planner.program.instance import Instance, Node


@dataclass(frozen=True, slots=True)
class Tree:
    """`path[n]` is the nodes from the root to `n`, with it; `leaves` are the scenarios, which are
    the nodes without children."""

    nodes: Sequence[Node]
    path: tuple[tuple[int, ...], ...]
    leaves: tuple[int, ...]

    def period(self, node: int) -> int:
        """The period of a node."""
        return self.nodes[node].period

    def window(self, node: int, first: int) -> list[int]:
        """The nodes on the way to `node`, with it, from period `first` on."""
        return [one for one in self.path[node] if self.nodes[one].period >= first]

    def at(self, period: int) -> list[int]:
        """The nodes of a period."""
        return [index for index, node in enumerate(self.nodes) if node.period == period]


def tree_of(instance: Instance) -> Tree:
    """The tree of an instance, whose nodes come after their parents."""
    path: list[tuple[int, ...]] = []
    parents: set[int] = set()
    for index, node in enumerate(instance.nodes):
        before = () if node.parent is None else path[node.parent]
        path.append((*before, index))
        if node.parent is not None:
            parents.add(node.parent)
    leaves = tuple(index for index in range(len(path)) if index not in parents)
    return Tree(instance.nodes, tuple(path), leaves)
