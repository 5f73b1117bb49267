// The Road page: sources and requests as the gateway says once a second.
import uPlot from "/static/vendor/uplot.js";
import { island, post, watch } from "/static/live.js";
import { Ribbon } from "/static/road_ribbon.js";
import { rehearse } from "/static/road_loss.js";

const KEPT = 120; // seconds of a chart
const PICO = 1e12;
const fleet = island("fleet");
const $ = (id) => document.getElementById(id);
const cards = new Map();
let last = null;
let stale = null;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const time = (s) => (s == null ? "-" : s < 1 ? `${whole.format(s * 1000)} ms` : `${s.toFixed(s < 10 ? 2 : 1)} s`);
export const usd = (pico) => `$${(pico / PICO).toFixed(pico && pico < PICO ? 6 : 2)}`;
const clock = (utc) => `${new Date(utc * 1000).toISOString().slice(11, 19)} UTC`;
const put = (node, text) => node.textContent === text || (node.textContent = text);

const WORST = ["open", "half_open", "closed"];
const WORDS = { open: "breaker open", half_open: "breaker half open", closed: "healthy" };
const KIND = { open: "bad", half_open: "warn", closed: "good" };

function chart(node) {
  const colour = getComputedStyle(node).getPropertyValue("--series").trim();
  const soft = getComputedStyle(node).getPropertyValue("--soft").trim();
  const line = getComputedStyle(node).getPropertyValue("--line").trim();
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return new uPlot(
    {
      width: Math.max(node.clientWidth, 120), height: 84, legend: { show: false }, cursor: { show: false },
      padding: [6, 16, 0, 0],
      scales: { x: { time: false, range: () => [-KEPT, 0] }, y: { range: (u, min, max) => [0, Math.max(10, max * 1.1)] } },
      axes: [
        { ...axis, size: 18, values: (u, at) => at.map((s) => (s ? `${s} s` : "now")), space: 60 },
        { ...axis, size: 44, space: 26, values: (u, at) => at.map((it) => whole.format(it)) },
      ],
      series: [{}, { stroke: colour, width: 2, fill: `${colour}22`, points: { show: false } }],
    },
    [[], []],
    node,
  );
}

function card(name) {
  if (cards.has(name)) return cards.get(name);
  const node = document.querySelector(`[data-source="${CSS.escape(name)}"]`);
  if (!node) return null;
  const parts = Object.fromEntries([...node.querySelectorAll("[data-is]")].map((it) => [it.dataset.is, it]));
  const made = { node, parts, at: [], speeds: [], plot: chart(parts.chart) };
  cards.set(name, made);
  return made;
}

function models(node, all) {
  const lines = Object.entries(all).map(([model, one]) => {
    const said = [`${model}: breaker ${one.breaker.replace("_", " ")}`];
    if (one.resting > 0) said.push(`asked to rest, ${Math.ceil(one.resting)} s left`);
    if (one.opened) said.push(`last opened ${clock(one.opened.at)}: ${one.opened.why}`);
    if (one.drift) said.push(`drift: ${one.drift}`);
    return said.join("; ");
  });
  const text = lines.join("\n");
  if (node.dataset.text === text) return;
  node.dataset.text = text;
  node.replaceChildren(...lines.map((words) => Object.assign(document.createElement("li"), { textContent: words })));
}

function rates(name, one, news) {
  const before = last && last.started === news.started ? last.sources[name] : null;
  const seconds = before ? news.mono - last.mono : 0;
  if (seconds <= 0) return null;
  // A source's own count at the end may be less than what was counted on the way.
  return {
    speed: Math.max(one.tokens - before.tokens, 0) / seconds,
    spending: ((one.cost - before.cost) / PICO / seconds) * 3600,
  };
}

function source(name, one, news) {
  const it = card(name);
  if (!it) return;
  const { parts } = it;
  const pairs = Object.values(one.models);
  const worst = pairs.map((pair) => pair.breaker).sort((a, b) => WORST.indexOf(a) - WORST.indexOf(b))[0] ?? "closed";
  const slowest = pairs.reduce((a, b) => ((b.ttft_p90 ?? -1) > (a?.ttft_p90 ?? -1) ? b : a), pairs[0]);
  put(parts.state, one.drained ? "drained" : WORDS[worst]);
  parts.state.className = `badge ${one.drained ? "warn" : KIND[worst]}`;
  const rate = rates(name, one, news);
  put(parts.speed, rate ? whole.format(rate.speed) : "-");
  put(parts.spending, rate ? `$${rate.spending.toFixed(2)}/h` : "-");
  put(parts.ttft, `${time(slowest?.ttft_p50)} / ${time(slowest?.ttft_p90)}`);
  put(parts.use, one.slots == null ? `${one.outstanding}` : `${one.outstanding} of ${one.slots}`);
  put(parts.requests, whole.format(one.requests));
  put(parts.tokens, whole.format(one.tokens));
  put(parts.cost, usd(one.cost));
  models(parts.models, one.models);
  parts.drained.hidden = !one.drained;
  if (one.drained) put(parts.drained, `Drained by ${one.drained.by} since ${clock(one.drained.since)}: ${one.drained.why || "no reason given"}`);
  for (const button of it.node.querySelectorAll("[data-do]")) {
    if (button.dataset.do === "drain") button.hidden = Boolean(one.drained);
    if (button.dataset.do === "undrain") button.hidden = !one.drained;
  }
  if (rate) {
    it.at.push(news.mono);
    it.speeds.push(rate.speed);
    while (it.at[0] < news.mono - KEPT) it.at.shift(), it.speeds.shift();
    it.plot.setData([it.at.map((at) => at - news.mono), it.speeds]);
  }
}

const ribbon = new Ribbon($("ribbon"), $("flows"), $("undrawn"), fleet);

function headline(news) {
  const waiting = Object.values(news.waiting).reduce((a, b) => a + b, 0);
  const said = [news.ready ? "Ready" : `Not ready: ${news.why}`, `${whole.format(news.live)} live`, `${whole.format(waiting)} waiting`];
  if (news.drill) said.push(`a drill of ${news.drill.source} is on, ${Math.ceil(news.drill.left)} s left`);
  return `${said.join(", ")}. ${clock(news.at)}`;
}

function take(news) {
  $("dead").hidden = !news.dead;
  document.body.classList.toggle("stale", Boolean(news.dead));
  for (const it of document.querySelectorAll('[data-do="drain"], [data-do="undrain"]')) it.disabled = Boolean(news.dead);
  if (news.dead) {
    put($("dead-why"), news.dead);
    put($("now"), stale ? `Last heard at ${clock(stale)}.` : "Nothing has been heard yet.");
    ribbon.still();
    last = null;
    return;
  }
  stale = news.at;
  put($("now"), headline(news));
  for (const [name, one] of Object.entries(news.sources)) source(name, one, news);
  ribbon.take(news);
  last = news;
}

const dialog = $("ask");
let asking = null;

function ask(what, name, all = false, trouble = "") {
  asking = { what, name, all, why: all ? asking.why : "" };
  const drain = what === "drain";
  put($("ask-title"), drain ? `Drain ${name}?` : `Put ${name} back?`);
  put($("ask-words"), drain ? "No new request goes there, not as a fallback either; those in flight end there. It holds over restarts." : "Requests go there again at once.");
  put($("ask-trouble"), trouble);
  put($("ask-yes"), all ? "Drain it all the same" : drain ? "Drain it" : "Put it back");
  $("ask-yes").className = drain ? "grave" : "";
  $("ask-why").hidden = !drain || all;
  if (!all) $("ask-why").querySelector("input").value = "";
  dialog.returnValue = ""; // Escape leaves what the last answer was
  dialog.showModal();
}

dialog.addEventListener("close", async () => {
  if (dialog.returnValue !== "yes" || !asking) return;
  const { what, name, all } = asking;
  asking.why ||= $("ask-why").querySelector("input").value;
  try {
    await post(`/road/${what}`, { source: name, why: asking.why, all: all ? "yes" : "" });
  } catch (error) {
    ask(what, name, what === "drain" && /say that all is meant/.test(error.message), error.message);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const name = button.closest("[data-source]").dataset.source;
  if (button.dataset.do === "rehearse") rehearse(name, { time, usd, whole });
  else ask(button.dataset.do, name);
});

addEventListener("resize", () => {
  ribbon.draw();
  for (const it of cards.values()) it.plot.setSize({ width: it.parts.chart.clientWidth, height: 84 });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const it of cards.values()) {
    it.plot.destroy();
    it.plot = chart(it.parts.chart);
  }
});

take(island("news"));
watch(take);
