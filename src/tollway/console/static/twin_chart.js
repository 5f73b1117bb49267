// The frontier: tokens/s a user against tokens/s a chip, a curve for each set-up, drawn into uPlot.
import uPlot from "/static/vendor/uplot.js";
import { broken } from "/static/twin_grid.js";

const HEIGHT = 380;
const NEAR = 40;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draws `grid` into `host`; `pick(setUp, load)` is called for the point that is clicked or gone to. */
export class Frontier {
  constructor(host, grid, pick) {
    this.host = host;
    this.pick = pick;
    this.here = null;
    this.take(grid);
    new ResizeObserver(() => this.fit()).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.make());
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("click", (event) => this.click(event));
  }

  take(grid) {
    this.grid = grid;
    this.curves = grid.set_ups.map((one) => ({
      at: one.at,
      points: grid.loads.flatMap((load, place) =>
        one.answers[place] ? [{ load, answer: one.answers[place] }] : [],
      ),
    }));
    this.make();
  }

  make() {
    this.plot?.destroy();
    const every = this.curves.flatMap((one) => one.points.map((it) => it.answer));
    const most = (name) => 1.04 * Math.max(1, ...every.map((it) => it[name].high));
    const ends = { x: most("user_tokens_s"), y: most("chip_tokens_s") };
    const axis = (label) => ({
      label,
      stroke: colour("--soft"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line") },
    });
    this.plot = new uPlot(
      {
        width: this.width(),
        height: HEIGHT,
        scales: { x: { time: false, range: [0, ends.x] }, y: { range: [0, ends.y] } },
        axes: [axis("tokens/s a user"), { ...axis("tokens/s a chip"), size: 64 }],
        series: [{}, { paths: () => null, points: { show: false } }],
        legend: { show: false },
        cursor: { show: false },
        hooks: { draw: [(plot) => this.draw(plot)] },
      },
      [
        [0, ends.x],
        [0, ends.y],
      ],
      this.host,
    );
  }

  width() {
    return Math.max(240, this.host.clientWidth - 12);
  }

  fit() {
    if (this.plot && this.plot.width !== this.width())
      this.plot.setSize({ width: this.width(), height: HEIGHT });
  }

  spot(answer, end = "value", other = end) {
    const { plot } = this;
    return [
      plot.valToPos(answer.user_tokens_s[end], "x", true),
      plot.valToPos(answer.chip_tokens_s[other], "y", true),
    ];
  }

  draw(plot) {
    const { ctx } = plot;
    ctx.save();
    for (const { at, points } of this.curves) {
      if (!points.length) continue;
      ctx.strokeStyle = ctx.fillStyle = colour(`--s${at - 1}`);
      this.line(ctx, [
        ...points.map((it) => this.spot(it.answer, "low")),
        ...points.map((it) => this.spot(it.answer, "high")).reverse(),
      ]);
      ctx.globalAlpha = 0.13;
      ctx.fill();
      ctx.globalAlpha = 1;
      ctx.lineWidth = 2 * devicePixelRatio;
      this.line(ctx, points.map((it) => this.spot(it.answer)));
      ctx.stroke();
      for (const point of points) this.dot(ctx, at, point);
    }
    ctx.restore();
  }

  line(ctx, spots) {
    ctx.beginPath();
    spots.forEach(([x, y], at) => (at ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  }

  dot(ctx, at, { load, answer }) {
    const [x, y] = this.spot(answer);
    const chosen = this.here && this.here.at === at && this.here.load === load;
    ctx.beginPath();
    ctx.arc(x, y, (chosen ? 8 : 4.5) * devicePixelRatio, 0, 2 * Math.PI);
    const kept = ctx.fillStyle;
    if (broken(answer, this.grid.promise).length) ctx.fillStyle = colour("--ground");
    ctx.fill();
    ctx.fillStyle = kept;
    ctx.stroke();
  }

  /** Marks a point, where the grid has it. */
  mark(at, load) {
    this.here = { at, load };
    this.plot.redraw();
  }

  click(event) {
    const box = this.plot.over.getBoundingClientRect();
    let best = { far: NEAR };
    for (const { at, points } of this.curves)
      for (const { load, answer } of points) {
        const x = this.plot.valToPos(answer.user_tokens_s.value, "x") - (event.clientX - box.left);
        const y = this.plot.valToPos(answer.chip_tokens_s.value, "y") - (event.clientY - box.top);
        const far = Math.hypot(x, y);
        if (far < best.far) best = { far, at, load };
      }
    if (best.at) this.pick(best.at, best.load);
  }

  key(event) {
    const along = { ArrowRight: -1, ArrowLeft: 1 }[event.key] ?? 0; // more users read slower
    const across = { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0;
    if (!along && !across) return;
    event.preventDefault();
    const some = this.curves.filter((one) => one.points.length);
    if (!some.length) return;
    const curve = Math.max(0, some.findIndex((one) => one.at === this.here?.at));
    const next = some[Math.min(some.length - 1, Math.max(0, curve + across))];
    const loads = next.points.map((it) => it.load);
    const from = loads.findLastIndex((load) => load <= (this.here?.load ?? 1));
    const to = Math.min(loads.length - 1, Math.max(0, from + along));
    this.pick(next.at, loads[to]);
  }
}
