"""Fits the constants of the engine model to the packaged results and writes them, with the folds
and the intervals, to src/tollway/engine/fitted.json.

    python scripts/fit_engine.py --data ../shared/data     # rebuilds measured.csv first
    python scripts/fit_engine.py                           # from the packaged measured.csv

Needs numpy and scipy, which the package does not.

Rules
1. Constants are fitted in logarithms and pulled toward `PRIORS`, which are physical guesses and
   figures from kernel tables; a group of results that are alike counts as the root of their number.
   TTFT teaches only where the result states its settings; all of it is counted.
2. Folds leave out a model's whole shape, or a generation of chips. Intervals come from what was
   left out, and are checked on folds that did not make them.
3. The same data and code give the same file.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from tollway.catalog import model
from tollway.engine.anchors import Anchor, calibrate
from tollway.engine.deployment import deploy
from tollway.engine.fitted import CONSTANTS, Constants, step_time
from tollway.engine.intervals import shape_of
from tollway.engine.measured import Measured, measured, question_of
from tollway.engine.outcome import Rehearsal, before_first, rehearse, timed
from tollway.engine.validation import TAIL
from tollway.engine.work import WORK_FIELDS, Work

ROOT = Path(__file__).parents[1]
OUT = ROOT / "src/tollway/engine/fitted.json"

# A guess, and how far off it may be (standard deviation of the logarithm). Kernel latencies in
# NVIDIA aiconfigurator (A100 to GB300, RTX PRO 6000, Arc B60) give the shares of peak, the ridge,
# the padding of experts and the kernels of a layer; the rest are orders of magnitude.
PRIORS = {
    "weight_read": (0.85, 0.15),
    "narrow_read": (0.8, 0.2),
    "expert_read": (0.95, 0.15),
    "kv_read": (0.8, 0.3),
    "math": (0.6, 0.2),
    "ridge": (0.4, 0.3),
    "expert_math": (0.47, 0.4),
    "pad_rows": (15.0, 0.5),
    "imbalance": (0.5, 0.7),
    "route": (0.9, 0.2),
    "blend": (1.2, 0.1),
    "fused_blend": (1.5, 0.3),
    "score_prefill": (0.4, 0.5),
    "score_decode": (0.3, 0.7),
    "link": (0.65, 0.2),
    "hop": (4e-6, 0.5),
    "ramp": (3.3e-9, 1.0),
    "layer": (45e-6, 0.3),
    "moe_layer": (30e-6, 0.4),
    "fused_layer": (8e-6, 0.5),
    "mla_layer": (35e-6, 0.3),
    "block_layer": (25e-6, 0.4),
    "narrow_layer": (10e-6, 0.5),
    "host_layer": (100e-6, 1.0),
    "step": (0.5e-3, 0.5),
    "sequence": (12e-6, 0.5),
    "team": (0.3, 1.5),
    "vllm": (1.1, 0.15),
    "sglang": (1.1, 0.15),
    "trtllm": (0.9, 0.15),
    "front": (8e-3, 0.7),
    "front_token": (2e-6, 1.0),
    "front_user": (0.5e-3, 1.0),
    "front_mla": (100e-3, 0.7),
    "front_steps": (2.0, 0.5),
}
PULL = 10.0
"""Weight of a prior against the results: few constants, strongly shrunk."""
NOISE = {"tpot": 0.12, "ttft": 0.25}
"""Errors in logarithms at which a result stops pulling like a square and pulls like a line."""

LEAST_ROWS = 6
"""Results of one deployment that are worth telling three of."""

START = np.log([PRIORS[name][0] for name in CONSTANTS])
WIDTH = np.array([PRIORS[name][1] for name in CONSTANTS])


class Table:
    """Results with their rehearsals, as arrays over all spans."""

    def __init__(self, rows: list[Measured], loads: list[Rehearsal]) -> None:
        self.rows, self.loads = rows, loads
        spans = [pair for load in loads for pair in load.spans]
        self.work = Work(
            *(np.array([getattr(work, name) for _, work in spans]) for name in WORK_FIELDS)
        )
        self.index = np.repeat(np.arange(len(rows)), [len(load.spans) for load in loads])
        each = np.array([load.requests for load in loads])[self.index]
        steps = np.array([span.steps for span, _ in spans]) / each
        self.late = steps * np.array([span.late for span, _ in spans])
        self.pace = steps * np.array([span.pace for span, _ in spans])
        self.tpot = np.array([row.tpot for row in rows])
        self.ttft = np.array([row.ttft for row in rows])
        self.saturated = np.array([load.saturated for load in loads])
        alike = [(row.family, row.chip, row.framework, row.precision) for row in rows]
        counts = Counter(alike)
        weight = np.array([counts[key] ** -0.5 for key in alike])
        self.weight = weight / weight.mean()
        # Where token budget and seats are not stated a wait says little of what steps cost.
        self.stated = np.array(["settings not stated" not in row.note for row in rows])

    def answers(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """TPOT and TTFT of every row with the constants whose logarithms these are."""
        constants = Constants(*np.exp(logs))
        seconds = step_time(constants, self.work).total
        count = len(self.rows)
        tpot = np.bincount(self.index, self.pace * seconds, count)
        ttft = np.bincount(self.index, self.late * seconds, count)
        front = [
            before_first(constants, load, one, load.users or 1)
            for load, one in zip(self.loads, tpot, strict=True)
        ]
        return tpot, ttft + np.array(front)

    def errors(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of answered over measured."""
        tpot, ttft = self.answers(logs)
        return np.log(tpot / self.tpot), np.log(ttft / self.ttft)


def fit(table: Table, keep: np.ndarray, start: np.ndarray = START) -> np.ndarray:
    """Logarithms of the constants that suit the rows to keep best."""
    root = np.sqrt(table.weight[keep])

    def residuals(logs: np.ndarray) -> np.ndarray:
        tpot, ttft = table.errors(logs)
        pulls = [
            _soft(tpot[keep] / NOISE["tpot"]) * root,
            _soft(ttft[keep] / NOISE["ttft"]) * root * table.stated[keep],
            PULL * (logs - START) / WIDTH,
        ]
        return np.concatenate(pulls)

    return least_squares(residuals, start, xtol=1e-6, ftol=1e-6, max_nfev=40).x


def _soft(errors: np.ndarray) -> np.ndarray:
    return np.sign(errors) * np.sqrt(2 * (np.sqrt(1 + errors**2) - 1))


def load_table() -> Table:
    """Every row to fit on, rehearsed once: schedules do not depend on the constants."""
    rows = [row for row in measured() if row.use == "fit"]
    loads: list[Rehearsal] = []
    for row in rows:
        question = question_of(row)
        made = deploy(question.model, question.chip, question.layout, question.settings)
        loads.append(rehearse(made, question.settings, question.workload))
    return Table(rows, loads)


def folds(table: Table, everything: np.ndarray, kind: str) -> tuple[dict, np.ndarray, np.ndarray]:
    """Constants of each fold, and the errors of each row under the fold that left it out."""
    groups = np.array([getattr(row, kind) for row in table.rows])
    found, tpot, ttft = {}, np.zeros(len(groups)), np.zeros(len(groups))
    for group in sorted(set(groups)):
        logs = fit(table, groups != group, everything)
        found[str(group)] = written(logs)
        one, other = table.errors(logs)
        tpot[groups == group], ttft[groups == group] = one[groups == group], other[groups == group]
    return found, tpot, ttft


def written(logs: np.ndarray) -> dict[str, float]:
    """Constants as the file has them: six digits."""
    return {
        name: float(f"{value:.6g}") for name, value in zip(CONSTANTS, np.exp(logs), strict=True)
    }


def anchored(table: Table, made: dict[str, dict]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Errors of deployments whose model was left out and of which three results were told: the
    fewest users, the most, and one between; and the rows that these are of (not the told ones)."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(table.rows):
        said = row.fields
        where = (row.source, row.date, row.chip, row.model, row.precision, row.framework)
        if row.source == "inferencex":
            key = (*where, row.version, said["tp"], said["ep"], said["attention_dp"])
            groups.setdefault(key, []).append(at)
    errors: dict[str, list[float]] = {"tpot": [], "ttft": []}
    kept: list[int] = []
    for rows in groups.values():
        if len(rows) < LEAST_ROWS:
            continue
        rows.sort(key=lambda at: (int(table.rows[at].fields["concurrency"]), table.rows[at].id))
        told = [rows[0], rows[len(rows) // 2], rows[-1]]
        base = Constants(**made[table.rows[rows[0]].family])
        used = calibrate([_anchor(table.rows[at]) for at in told], base).constants
        for at in (one for one in rows if one not in told):
            outcome = timed(table.loads[at], used)
            errors["tpot"].append(np.log(outcome.tpot / table.tpot[at]))
            errors["ttft"].append(np.log(outcome.ttft / table.ttft[at]))
            kept.append(at)
    return {metric: np.array(found) for metric, found in errors.items()}, np.array(kept)


def _anchor(row: Measured) -> Anchor:
    return Anchor(question_of(row), row.tpot, row.ttft)


def bounds(errors: np.ndarray, weight: np.ndarray) -> list[float]:
    """What an answer is multiplied with for the ends of its 80% interval."""
    order = np.argsort(-errors)
    share = np.cumsum(weight[order]) / weight.sum()
    ends = [float(-errors[order][np.searchsorted(share, at)]) for at in (TAIL, 1 - TAIL)]
    return [round(float(np.exp(end)), 4) for end in ends]


def intervals(
    table: Table, errors: dict[str, dict[str, np.ndarray]], here: dict[str, np.ndarray]
) -> dict[str, dict]:
    """Of each metric and regime: the interval of each origin. A calibrated deployment has too few
    saturated results for an interval of their own, and takes that of what was measured."""
    found: dict[str, dict] = {}
    for metric in ("tpot", "ttft"):
        for regime, mask in (("free", ~table.saturated), ("saturated", table.saturated)):
            far = np.concatenate([errors[kind][metric][mask] for kind in ("family", "generation")])
            found[f"{metric} {regime}"] = {
                "measured here": bounds(here[metric], np.ones(len(here[metric])))
                if regime == "free"
                else bounds(errors["fitted"][metric][mask], table.weight[mask]),
                "measured": bounds(errors["fitted"][metric][mask], table.weight[mask]),
                "interpolated": bounds(errors["family"][metric][mask], table.weight[mask]),
                "extrapolated": bounds(far, np.tile(table.weight[mask], 2)),
            }
    return found


def report(name: str, table: Table, tpot: np.ndarray, ttft: np.ndarray) -> None:
    """Medians and p90 of the errors, in percent."""
    own = np.array([row.source == "inferencex" for row in table.rows])
    words = [name]
    for label, mask in (("all", own | True), ("inferencex", own)):
        for metric, errors in (("tpot", tpot), ("ttft", ttft)):
            free = mask & (~table.saturated if metric == "ttft" else True)
            off = 100 * np.abs(np.expm1(errors[free]))
            words.append(f"{label} {metric} {np.median(off):.1f}/{np.percentile(off, 90):.0f}")
    print("  ".join(words))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="shared data folder, to rebuild measured.csv")
    data = parser.parse_args().data
    if data is not None:
        script = Path(__file__).with_name("engine_rows.py")
        subprocess.run([sys.executable, str(script), "--data", str(data)], check=True)  # noqa: S603
    table = load_table()
    everything = fit(table, np.ones(len(table.rows), bool))
    tpot, ttft = table.errors(everything)
    errors = {"fitted": {"tpot": tpot, "ttft": ttft}}
    report("fitted", table, tpot, ttft)
    made = {}
    for kind in ("family", "generation"):
        made[kind], *left = folds(table, everything, kind)
        errors[kind] = dict(zip(("tpot", "ttft"), left, strict=True))
        report(f"{kind} left out", table, *left)
    here, kept = anchored(table, made["family"])
    for metric, found in here.items():
        off = 100 * np.abs(np.expm1(found[~table.saturated[kept]]))
        print(f"three results told: {metric} {np.median(off):.1f}/{np.percentile(off, 90):.0f}")
    rows = table.rows
    shapes = {row.model: shape_of(model(row.model)) for row in rows}
    together = sorted({f"{row.chip} {shapes[row.model]} {row.framework}" for row in rows})
    found = {
        "version": 1,
        "constants": written(everything),
        "folds": made,
        "known": {
            "vendors": ["nvidia"],
            "chips": sorted({row.chip for row in rows}),
            "shapes": sorted(set(shapes.values())),
            "frameworks": sorted({row.framework for row in rows}),
            "releases": sorted({f"{row.framework} {row.version}" for row in rows if row.version}),
            "together": together,
        },
        "intervals": intervals(table, errors, here),
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{OUT}: {len(CONSTANTS)} constants from {len(rows)} results")


if __name__ == "__main__":
    main()
