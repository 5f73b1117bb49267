"""An instance as a program: everything stated, with the columns by name."""

from dataclasses import dataclass

from tollway.planner.program.instance import Instance
from tollway.planner.program.model import Model
from tollway.planner.program.money import Money, state_money
from tollway.planner.program.scale import Scale, scale_of
from tollway.planner.program.security import state_security
from tollway.planner.program.serving import state_servings
from tollway.planner.program.signing import Signings, state_signings
from tollway.planner.program.tree import Tree, tree_of


@dataclass(frozen=True, slots=True)
class Program:
    """A stated instance."""

    instance: Instance
    tree: Tree
    scale: Scale
    model: Model
    signed: Signings


def state(instance: Instance) -> Program:
    """The program of an instance."""
    model, tree, scale = Model(), tree_of(instance), scale_of(instance)
    signed = state_signings(model, instance, tree)
    served = state_servings(model, instance, signed, scale)
    short = state_security(model, instance, signed, scale)
    state_money(Money(model, instance, tree, scale, signed, served, short))
    return Program(instance, tree, scale, model, signed)
