// Token streams at their moments. The schedule is the server's; here it is only kept.
import { island } from "./live.js";
import { Player } from "./feel_player.js";
import { addUp } from "./feel_sums.js";

const start = island("start");
const AT_MOST = 4;
const NUDGE = 1.1;
const LOOK = 5000;
const HEADS = { question: "You: ", reasoning: "[thinks]\n", answer: "", call: "[calls] ", result: "[tool] " };
const KEEP = 60;
const $ = (id) => document.getElementById(id);
const say = (words) => { $("said").textContent = words; };
const rateWords = (rate) => Number(rate.toPrecision(4)).toString();

let mode = "text";
let chosen = null;
let held = false;
let picked = false;
const panes = [];
const schedules = new Map();

async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `The console answers ${answer.status}.`);
  return said;
}

/** A mode's tokens, as jittered as `source` is; asked for once. */
function schedule(source) {
  const key = `${mode} ${source ?? ""}`;
  if (!schedules.has(key)) {
    const jitter = source ? `&source=${encodeURIComponent(source)}` : "";
    const asked = ask(`/feel/stream?mode=${mode}${jitter}`).then((it) => it.tokens);
    asked.catch(() => schedules.delete(key)); // it may be asked again
    schedules.set(key, asked);
  }
  return schedules.get(key);
}

class Pane {
  constructor(felt) {
    this.felt = felt;
    this.root = $("pane").content.firstElementChild.cloneNode(true);
    this.is = (name) => this.root.querySelector(`[data-is=${name}]`);
    this.text = this.root.querySelector(".stream");
    this.pick = this.root.querySelector(".pick");
    this.pick.addEventListener("click", () => choose(this));
    this.text.addEventListener("focus", () => choose(this));
    this.root.querySelector(".remove").addEventListener("click", () => remove(this));
    this.is("origin").textContent = felt.origin;
    $("streams").append(this.root);
    this.name();
  }

  name() {
    const words = this.felt.name ?? `${rateWords(this.felt.rate)} tokens/s`;
    this.pick.textContent = words;
    this.text.setAttribute("aria-label", `Stream: ${words}`);
    this.is("asked").textContent = rateWords(this.felt.rate);
  }

  async again() {
    const tokens = await schedule(this.felt.source);
    this.text.replaceChildren();
    this.kind = this.span = null;
    this.player = new Player(tokens, this.felt.rate, this.felt.firsts);
    this.player.start(performance.now());
    if (held) this.player.hold(performance.now());
  }

  setRate(rate) {
    const bounded = Math.min(start.fastest, Math.max(start.slowest, rate));
    if (this.felt.name && !this.felt.nudged) {
      this.felt = { ...this.felt, nudged: true, name: `${this.felt.name}, nudged`, origin: "as nudged by hand", low: null, high: null, ttft_low: null, ttft_high: null };
      this.is("origin").textContent = this.felt.origin;
    }
    this.felt.rate = bounded;
    this.player?.setRate(performance.now(), bounded);
    this.name();
  }

  /** Show what is due. */
  step(now) {
    if (!this.player) return;
    let grown = false;
    for (const [text, kind] of this.player.due(now)) {
      if (kind !== this.kind) this.turn(kind);
      this.span.lastChild.appendData(text);
      grown = true;
    }
    if (grown) this.text.scrollTop = this.text.scrollHeight;
  }

  /** A new stretch of text of one kind, told apart in words too. */
  turn(kind) {
    const thought = this.kind === "reasoning" && kind === "answer";
    const blank = this.kind && (thought || kind === "question" || kind === "reasoning");
    const fresh = this.kind && !this.span.textContent.endsWith("\n");
    this.span = document.createElement("span");
    this.span.className = kind;
    const head = thought ? "[answers]\n" : HEADS[kind];
    this.span.append((fresh ? "\n" : "") + (blank ? "\n" : "") + head);
    if (!this.span.lastChild) this.span.append(document.createTextNode(""));
    this.text.append(this.span);
    while (this.text.childElementCount > KEEP) this.text.firstElementChild.remove();
    this.kind = kind;
  }

  figures() {
    const shown = this.player?.measured;
    this.is("shown").textContent = shown ? shown.toFixed(1) : "-";
    const state = held ? "paused" : this.player?.silent ? "waits" : "";
    if (this.is("state").textContent !== state) this.is("state").textContent = state;
  }
}

function choose(pane) {
  chosen = pane;
  for (const one of panes) one.pick.setAttribute("aria-pressed", String(one === pane));
  presets();
}

function presets() {
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.setAttribute("aria-pressed", String(chosen?.felt.rate === Number(button.dataset.preset)));
  }
}

async function add(felt) {
  $("trouble").textContent = "";
  if (panes.length === AT_MOST) remove(panes[panes.length - 1]);
  const pane = new Pane(felt);
  panes.push(pane);
  choose(pane);
  await pane.again();
  changed();
}

function remove(pane) {
  if (panes.length === 1) return;
  panes.splice(panes.indexOf(pane), 1);
  pane.root.remove();
  if (chosen === pane) choose(panes[panes.length - 1]);
  changed();
}

const asked = (rate, ttft) => ({ rate, ttft, firsts: [ttft], origin: "as asked for" });

function setRate(rate) {
  chosen?.setRate(rate);
  presets();
  say(`${rateWords(chosen.felt.rate)} tokens a second`);
  changed();
}

function hold(now) {
  held = now;
  for (const one of panes) one.player?.[held ? "hold" : "goOn"](performance.now());
  $("pause").textContent = held ? "Go on" : "Pause";
  say(held ? "paused" : "goes on");
}

async function setMode(word) {
  mode = word;
  document.body.classList.toggle("code-mode", mode === "code");
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  say(`${mode} mode`);
  await again();
  changed();
}

/** From the beginning; where a schedule is refused, its stream goes on as it was. */
async function again() {
  $("trouble").textContent = "";
  for (const found of await Promise.allSettled(panes.map((one) => one.again()))) {
    if (found.reason) $("trouble").textContent = found.reason.message;
  }
}

const changed = () => panes.length && addUp(ask, mode, panes.map((one) => one.felt), $("daily").value);

function neighbour(rate, above) {
  const known = above ? start.presets : [...start.presets].reverse();
  return known.find((one) => (above ? one > rate * 1.001 : one < rate * 0.999)) ?? known[known.length - 1];
}

const KEYS = {
  " ": () => hold(!held),
  ArrowUp: () => setRate(chosen.felt.rate * NUDGE),
  ArrowDown: () => setRate(chosen.felt.rate / NUDGE),
  ArrowRight: () => setRate(neighbour(chosen.felt.rate, true)),
  ArrowLeft: () => setRate(neighbour(chosen.felt.rate, false)),
  m: () => setMode(start.modes[(start.modes.indexOf(mode) + 1) % start.modes.length]),
  r: () => again(),
};

// Only while the focus is on a stream or a tool: elsewhere a letter may be somebody's command to
// what reads the page to them (WCAG 2.1.4).
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (!event.target.closest("#streams, .tools")) return;
  if (event.key === " " && event.target.closest("button")) return;
  const digit = /^[1-9]$/.test(event.key) ? () => setRate(start.presets[Number(event.key) - 1]) : null;
  const act = KEYS[event.key] ?? digit;
  if (!act) return;
  event.preventDefault();
  act();
});

function frame(now) {
  if (!held) for (const one of panes) one.step(now);
  requestAnimationFrame(frame);
}

/** A prediction as a stream: `query` is the question, as the form and links from Twin put it. */
const predicted = (query) => ask(`/feel/prediction?${query}`);

/** How many answers "now" is made of, and which window that is. Being asked keeps the window open. */
async function lookNow() {
  if (document.hidden) return;
  let words = "";
  try {
    const said = await ask("/feel/now");
    const select = $("source-form").elements.name;
    const count = (name) => said.sources[name]?.answers ?? 0;
    // Until somebody picks one, the source that has most to tell is the one to be felt.
    if (!picked) select.value = Object.keys(said.sources).reduce((most, it) => (count(it) > count(most) ? it : most), select.value);
    const one = said.sources[select.value];
    words = one ? `${one.answers.toLocaleString("en")} answer${one.answers === 1 ? "" : "s"} ended ${one.window}.` : "No streamed answer ended yet.";
    if (!said.running) words = "The gateway does not answer: the ledger says how it was.";
  } catch (error) {
    words = error.message;
  }
  if ($("now").textContent !== words) $("now").textContent = words;
}

function onSubmit(id, make) {
  $(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    try {
      await add(await make(form, new URLSearchParams(form)));
      panes[panes.length - 1].text.focus({ preventScroll: false });
    } catch (error) {
      $("trouble").textContent = error.message;
    }
  });
}

onSubmit("rate-form", (form) => asked(Number(form.get("rate")), Number(form.get("ttft"))));
onSubmit("source-form", async (form, query) => {
  const name = form.get("name");
  for (const key of schedules.keys()) if (key.endsWith(` ${name}`)) schedules.delete(key); // as it is now
  return { ...(await ask(`/feel/source?${query}`)), name, source: name };
});
onSubmit("prediction-form", (form, query) => predicted(query));

if (start.sources) {
  $("source-form").elements.name.addEventListener("change", () => {
    picked = true;
    lookNow();
  });
  setInterval(lookNow, LOOK);
  lookNow();
}

for (const button of document.querySelectorAll("[data-mode]")) {
  button.addEventListener("click", () => setMode(button.dataset.mode));
}
for (const button of document.querySelectorAll("[data-preset]")) {
  button.addEventListener("click", () => setRate(Number(button.dataset.preset)));
}
$("slower").addEventListener("click", () => KEYS.ArrowDown());
$("faster").addEventListener("click", () => KEYS.ArrowUp());
$("pause").addEventListener("click", () => hold(!held));
$("again").addEventListener("click", again);
$("beside").addEventListener("click", () => add(asked(neighbour(chosen.felt.rate, true), chosen.felt.ttft)));
$("daily").addEventListener("input", () => {
  $("daily-from").textContent = "As you wrote it.";
  changed();
});

// Who asked for less motion starts the streams by hand.
if (matchMedia("(prefers-reduced-motion: reduce)").matches) hold(true);
const link = new URLSearchParams(location.search);
let refused = "";
if (link.has("model") && link.has("chip")) {
  for (const field of $("prediction-form").elements) {
    if (field.name && link.has(field.name)) field.value = link.get(field.name);
  }
  try {
    await add(await predicted(link));
  } catch (error) {
    refused = error.message;
  }
}
if (start.modes.includes(link.get("mode"))) await setMode(link.get("mode"));
const [speed, wait] = [Number(link.get("speed")), Number(link.get("ttft"))];
if (speed > 0 && wait >= 0 && speed <= start.fastest && wait <= 3600) {
  const name = link.get("of") ?? `${rateWords(speed)} tokens/s`;
  await add({ ...asked(speed, wait), name, origin: "as the link has it that led here" });
}
if (!panes.length) {
  await add(asked(30, 0.5));
  await add(asked(120, 0.5));
}
if (refused) $("trouble").textContent = refused;
choose(panes[0]);
setInterval(() => panes.forEach((one) => one.figures()), 250);
requestAnimationFrame(frame);
document.body.dataset.ready = "yes";
