"""A planning problem stated once more, in linopy, scenario by scenario.

Rules
1. Every scenario's decisions are its own, and equal where the scenarios are still one past.
2. Nothing is merged, and every contingency is dispatched in every block.
"""

from collections.abc import Iterable

import linopy
import numpy as np
import xarray as xr

from tollway.planner.program.instance import ALREADY, Instance, Line, Offer, Stream
from tollway.planner.program.tree import tree_of

USD = 1e12
TOKENS = 1e6


class Stated:
    """The model of an instance: dollars, and millions of tokens an hour."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.model = linopy.Model()
        tree = tree_of(instance)
        self.paths = [tree.path[leaf] for leaf in tree.leaves]
        self.chance = np.array([float(instance.nodes[leaf].probability) for leaf in tree.leaves])
        self.count = len(instance.periods)
        self.leaf = xr.DataArray(range(len(self.paths)), dims="leaf")
        self.hours = self.over_t(period.hours for period in instance.periods)
        self.share = xr.DataArray([float(one.share) for one in instance.blocks], dims="b")
        self.always = self.model.add_variables(lower=1, upper=1, name="always")
        self.one_past()
        self.capacity: dict[str, linopy.LinearExpression] = {}
        self.cash: dict[str, list[linopy.LinearExpression]] = {}
        self.signed: dict[str, linopy.Variable] = {}
        self.used: dict[str, linopy.LinearExpression] = {}
        for offer in instance.offers:
            self.sign(offer)
        self.serve()
        for offer in instance.offers:
            self.commit(offer)
        self.hold()
        self.secure()
        self.price()

    def over_t(self, values: Iterable[object]) -> xr.DataArray:
        return xr.DataArray([float(one) for one in values], dims="t")  # pyright: ignore[reportArgumentType]

    def one_past(self) -> None:
        """For each period, the pairs of scenarios that are then at one node."""
        self.pairs = [
            (t, a, b)
            for t in range(self.count)
            for a in range(len(self.paths))
            for b in range(a + 1, len(self.paths))
            if self.paths[a][t] == self.paths[b][t]
        ]

    def add(self, name: str, high: float = np.inf, integer: bool = False, **dims: int):
        coords = [range(len(self.paths)), *(range(size) for size in dims.values())]
        high = np.inf if integer or high == np.inf else high
        return self.model.add_variables(
            lower=0, upper=high, coords=coords, dims=["leaf", *dims], name=name, integer=integer
        )

    def tie(self, variable: linopy.Variable) -> None:
        """What is decided in a period is decided alike in scenarios that are still one."""
        for t, a, b in self.pairs:
            there = variable.sel(leaf=a, t=t) - variable.sel(leaf=b, t=t)
            self.model.add_constraints(there == 0)

    def sign(self, offer: Offer) -> None:
        first, n = f"{offer.name}-", self.count
        room = float(offer.most - offer.signed)
        y = self.add(f"{first}y", integer=offer.whole, t=n)
        z = self.add(f"{first}z", integer=offer.whole, s=n + 1, t=n)
        for t in range(n):
            if t not in offer.runs:
                self.model.add_constraints(y.sel(t=t) == 0)
            for s in range(ALREADY, n):
                if (s, t) not in offer.exits:
                    self.model.add_constraints(z.sel(s=s + 1, t=t) == 0)
        self.tie(y)
        self.tie(z)
        self.model.add_constraints(y.sum("t") <= room)
        left = z.sum("t")
        self.model.add_constraints(left.sel(s=0) <= float(offer.signed))
        for s in range(n):
            self.model.add_constraints(left.sel(s=s + 1) - y.sel(t=s) <= 0)
        if offer.least > 1 or (not offer.whole and offer.least):
            some = self.add(f"{first}some", integer=True, t=n)
            self.model.add_constraints(some <= 1)
            self.model.add_constraints(y - float(offer.least) * some >= 0)
            self.model.add_constraints(y - room * some <= 0)
        self.signed[offer.name] = y
        self.capacity[offer.name] = self.follow(offer, lambda it: it.capacity, 1.0)
        self.cash[offer.name] = [self.follow(offer, lambda it: it.cash, USD)]
        self.used[offer.name] = self.follow(offer, served_in, 1.0)

    def follow(self, offer: Offer, of, unit: float) -> linopy.LinearExpression:
        """What the units give by period: (leaf, t)."""
        y = self.model.variables[f"{offer.name}-y"].rename(t="s")
        z = self.model.variables[f"{offer.name}-z"].rename(t="e")
        n = self.count
        run = np.zeros((n, n))
        gone = np.zeros((n + 1, n, n))
        for s, stream in offer.runs.items():
            if s >= 0:
                run[s] = [float(one) / unit for one in of(stream)]
        for (s, e), stream in offer.exits.items():
            was = of(offer.runs[s])
            gone[s + 1, e] = [float(a - b) / unit for a, b in zip(of(stream), was, strict=True)]
        total = (y * xr.DataArray(run, dims=["s", "t"])).sum("s")
        total = total + (z * xr.DataArray(gone, dims=["s", "e", "t"])).sum(["s", "e"])
        if offer.signed:
            already = [float(offer.signed * one) / unit for one in of(offer.runs[ALREADY])]
            total = total + self.always * self.over_t(already)
        return total

    def shut(self, line: Line) -> xr.DataArray:
        """1 in the periods in which a line does not serve."""
        until = self.count if line.last is None else line.last
        return self.over_t(not line.first <= t <= until for t in range(self.count))

    def serve(self) -> None:
        self.x: dict[tuple[str, str, str], linopy.Variable] = {}
        n, blocks = self.count, len(self.instance.blocks)
        for offer in self.instance.offers:
            load = self.always * 0.0
            for line in offer.lines:
                name = f"{offer.name}-{line.workload}-{line.model}"
                x = self.add(name, t=n, b=blocks)
                self.tie(x)
                self.x[offer.name, line.workload, line.model] = x
                self.model.add_constraints(x * self.shut(line) <= 0)
                load = load + x * (TOKENS / line.tokens)
                rate = self.over_t(price / USD for price in line.price)
                paid = (x * self.share).sum("b") * (rate * self.hours)
                self.cash[offer.name].append(paid)
            self.model.add_constraints(load - self.capacity[offer.name] <= 0)
        self.missed = []
        for index, work in enumerate(self.instance.workloads):
            want = np.array(
                [[self.instance.nodes[node].demand[index] for node in path] for path in self.paths]
            )
            want = xr.DataArray(want / TOKENS, dims=["leaf", "t", "b"])
            u = self.add(f"unserved-{work.name}", t=n, b=blocks)
            lines = [
                x
                for (_, name, model), x in self.x.items()
                if name == work.name and model in work.models
            ]
            total = sum(lines[1:], lines[0] + u)
            if work.interactive:
                self.model.add_constraints(total == want)
            else:
                self.model.add_constraints(
                    (total * self.share).sum("b") == (want * self.share).sum("b")
                )
            price = float(work.unserved or 0) / USD
            self.missed.append((u * self.share).sum("b") * (self.hours * price))

    def commit(self, offer: Offer) -> None:
        """Each signing has accounts of its own, which share what is used."""
        n = self.count
        accounts = [(s, one) for s, stream in offer.runs.items() for one in stream.minimums]
        if not accounts:
            return
        g = self.add(f"{offer.name}-g", k=len(accounts), t=n)
        self.tie(g)
        paid = sum(self.cash[offer.name][2:], self.cash[offer.name][1])
        self.model.add_constraints(g.sum("k") - paid <= 0)
        for k, (s, one) in enumerate(accounts):
            rest = self.add(f"{offer.name}-rest-{k}", t=n)
            self.model.add_constraints(rest.sel(t=[t for t in range(n) if t != one.last]) == 0)
            inside = g.sel(k=k, t=list(range(one.first, one.last + 1))).sum("t")
            owed = float(one.amount) / USD
            y = self.signed[offer.name].sel(t=s)
            self.model.add_constraints(rest.sel(t=one.last) + inside - owed * y >= 0)
            self.cash[offer.name].append(rest * 1.0)

    def hold(self) -> None:
        groups: dict[str, list[linopy.Variable]] = {}
        for offer in self.instance.offers:
            if offer.group:
                one = self.add(f"{offer.name}-any", integer=True, d=1)
                y = self.signed[offer.name].sum("t")
                self.model.add_constraints(y - float(offer.most) * one.sel(d=0) <= 0)
                groups.setdefault(offer.group, []).append(one)
        for several in groups.values():
            self.model.add_constraints(sum(several[1:], several[0] * 1.0) <= 1)
        for resource in self.instance.resources:
            used = [
                self.used[offer.name] * float(offer.uses[resource.name])
                for offer in self.instance.offers
                if resource.name in offer.uses
            ]
            there = self.over_t(resource.available)
            self.model.add_constraints(sum(used[1:], used[0]) <= there)
        for budget in self.instance.budgets:
            paid = [one for several in self.cash.values() for one in several]
            inside = [float(budget.first <= t <= budget.last) for t in range(self.count)]
            total = (sum(paid[1:], paid[0]) * self.over_t(inside)).sum("t")
            self.model.add_constraints(total <= float(budget.amount) / USD)
        served = {key: (x * self.share).sum("b") for key, x in self.x.items()}
        everything = list(served.values())
        total = sum(everything[1:], everything[0])
        for limit in self.instance.limits:
            value = {one.name: one.attributes[limit.attribute] for one in self.instance.offers}
            for which in sorted(set(value.values())):
                some = [one for key, one in served.items() if value[key[0]] == which]
                rest = sum(some[1:], some[0]) - float(limit.share) * total
                self.model.add_constraints(rest <= 0)

    def secure(self) -> None:
        n, blocks = self.count, len(self.instance.blocks)
        works = [(i, one) for i, one in enumerate(self.instance.workloads) if one.interactive]
        self.risks = []
        for number, one in enumerate(self.instance.contingencies):
            short = self.add(f"short-{number}", t=n)
            gaps, on = [], self.over_t(t >= one.since for t in range(n))
            by_work = {work.name: [] for _, work in works}
            for offer in self.instance.offers:
                if offer.name in one.offers:
                    continue
                load = None
                for line in offer.lines:
                    if line.workload in by_work and line.model not in one.models:
                        name = f"after-{number}-{offer.name}-{line.workload}-{line.model}"
                        x = self.add(name, t=n, b=blocks)
                        by_work[line.workload].append(x)
                        self.model.add_constraints(x * self.shut(line) <= 0)
                        part = x * (TOKENS / line.tokens)
                        load = part if load is None else load + part
                if load is not None:
                    more = (
                        float(offer.emergency) if offer.emergency_days <= one.notice_days else 0.0
                    )
                    self.model.add_constraints(load - self.capacity[offer.name] <= more)
            for index, work in works:
                want = [[self.instance.nodes[node].demand[index] for node in p] for p in self.paths]
                need = xr.DataArray(np.array(want) / TOKENS, dims=["leaf", "t", "b"])
                gap = self.add(f"gap-{number}-{work.name}", t=n, b=blocks)
                total = sum(by_work[work.name], gap * 1.0)
                self.model.add_constraints(total >= need * float(one.cover) * on)
                gaps.append(gap)
            self.model.add_constraints(short - sum(gaps[1:], gaps[0] * 1.0) >= 0)
            self.risks.append(short * (self.hours * (float(one.short or 0) / USD)))

    def price(self) -> None:
        paid = [one for several in self.cash.values() for one in several]
        total = sum([*paid[1:], *self.missed, *self.risks], paid[0])
        discount = self.over_t(period.discount for period in self.instance.periods)
        cost = (total * discount).sum("t")
        chance = xr.DataArray(self.chance, dims="leaf")
        eta = self.model.add_variables(lower=-np.inf, name="eta")
        excess = self.add("excess", d=1).sel(d=0)
        self.model.add_constraints(excess + eta - cost >= 0)
        weight, beta = float(self.instance.risk.weight), float(self.instance.risk.beta)
        expected = (cost * chance).sum()
        at_risk = eta + (excess * chance).sum() * (1 / (1 - beta))
        self.model.add_objective((1 - weight) * expected + weight * at_risk)

    def best(self) -> float:
        """The least objective, in dollars."""
        self.model.solve(solver_name="highs", output_flag=False, mip_rel_gap=1e-6, threads=1)
        return float(self.model.objective.value or 0.0)


def served_in(stream: Stream) -> list[int]:
    """1 from the first period that gives capacity to the last."""
    there = [t for t, one in enumerate(stream.capacity) if one]
    return [int(bool(there) and there[0] <= t <= there[-1]) for t in range(len(stream.capacity))]
