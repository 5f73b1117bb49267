// How commitments are drawn down, drawn; the table beside each says the same.
import uPlot from "/static/vendor/uplot.js";
import { island } from "/static/live.js";

const HEIGHT = 240;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dollars = (value) => `$${value.toLocaleString("en-US", { maximumFractionDigits: 2 })}`;
const day = (at) => new Date((at - 1) * 1000).toISOString().slice(0, 10);

/** Moments, and what each line is there: used, an even pace, this pace, the commitment. */
function lines(of) {
  const today = of.days.at(-1) ?? of.first;
  const spent = of.used.at(-1) ?? 0;
  const ahead = of.used_up !== null && of.used_up > today && of.used_up < of.end ? [of.used_up] : [];
  const at = [of.first, ...of.days, ...ahead, ...(today < of.end ? [of.end] : [])];
  const along = (x, [from, low], [to, high]) => low + ((high - low) * (x - from)) / (to - from);
  const pace = (x) =>
    of.forecast === null || x < today || today >= of.end ? null : along(x, [today, spent], [of.end, of.forecast]);
  return [
    at,
    at.map((_, place) => (place === 0 ? 0 : (of.used[place - 1] ?? null))),
    at.map((x) => along(x, [of.first, 0], [of.end, of.committed])),
    at.map(pace),
    at.map(() => of.committed),
  ];
}

function drawn(host, of) {
  const data = lines(of);
  const most = 1.06 * Math.max(of.committed, of.forecast ?? 0, ...of.used);
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const line = (label, stroke, more) => ({
    label,
    stroke: colour(stroke),
    width: 2,
    points: { show: false },
    value: (_, value) => (value === null ? "" : dollars(value)),
    ...more,
  });
  return new uPlot(
    {
      width: host.clientWidth,
      height: HEIGHT,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false },
      scales: { x: { range: () => [of.first, of.end] }, y: { range: () => [0, most > 0 ? most : 1] } },
      axes: [
        { ...axis, incrs: [7, 30.4375, 91.3125, 182.625, 365.25].map((it) => it * 86400), values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toISOString().slice(0, 10)), space: 75 },
        { ...axis, size: 76, values: (_, ticks) => ticks.map((it) => dollars(it)) },
      ],
      series: [
        { label: "by the end of", value: (_, at) => (at === null ? "" : day(at)) },
        line("used", "--s0", { width: 3, value: (_, value, __, at) => (value === null ? "" : at === 0 ? "$0" : of.shown[at - 1]) }),
        line("even pace", "--soft", { dash: [2, 4] }),
        line("at this pace", "--s1", { dash: [8, 5] }),
        line("committed", "--ink", { width: 1 }),
      ],
    },
    data,
    host,
  );
}

for (const host of document.querySelectorAll("[data-burn]")) {
  const of = island("burn-data")[Number(host.dataset.burn)];
  let plot = drawn(host, of);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.destroy();
    plot = drawn(host, of);
  });
  new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
}
