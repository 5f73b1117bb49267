// Spend by day, drawn; the table beside it says the same.
import uPlot from "/static/vendor/uplot.js";
import { island } from "/static/live.js";

const data = document.getElementById("days-data") ? island("days-data") : null;
const place = document.getElementById("days");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let plot = null;

function draw() {
  plot?.destroy();
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const half = 43200;
  plot = new uPlot(
    {
      width: place.clientWidth,
      height: 224,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false },
      scales: { x: { range: () => [data.first - half, data.last + half] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...axis, incrs: [86400, 2 * 86400, 7 * 86400, 30 * 86400, 90 * 86400], values: [[86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1]], space: 90 },
        { ...axis, size: 72, values: (_, ticks) => ticks.map((it) => `$${it.toLocaleString("en-US", { maximumSignificantDigits: 4 })}`) },
      ],
      series: [
        { label: "day", value: (_, at) => (at === null ? "" : new Date(at * 1000).toISOString().slice(0, 10)) },
        {
          label: "spent",
          stroke: colour("--s0"),
          fill: colour("--s0"),
          width: 0,
          paths: uPlot.paths.bars({ size: [0.75, 60] }),
          points: { show: false },
          value: (_, value, series, at) => (at === null ? "" : data.shown[at]),
        },
      ],
    },
    [data.days, data.usd],
    place,
  );
}

/** Takes the table of margins in, which is reckoned apart because it takes longer. */
async function takeMargin(where, address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  where.replaceChildren(...page.getElementById("margin-part").children);
}

/** Another grouping of margins takes the place of this one; without a script the link is a page. */
async function followMargin(where) {
  const link = where?.querySelector("a");
  if (!link) return;
  await takeMargin(where, link.href);
  where.addEventListener("click", async (event) => {
    const chosen = event.target.closest("a[data-margin]");
    if (!chosen || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    await takeMargin(where, chosen.href);
    where.querySelector(`a[data-margin="${chosen.dataset.margin}"]`)?.focus();
  });
}

if (data) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 224 })).observe(place);
}
followMargin(document.getElementById("margin-place"));
