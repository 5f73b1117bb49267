// The Twin page: the load that is dragged, the frontier, and the table that says the same.
import { island } from "/static/live.js";
import { Frontier } from "/static/twin_chart.js";
import { WRITTEN, at, broken, kept, number, positions } from "/static/twin_grid.js";

const asked = island("asked");
const find = (id) => document.getElementById(id);
const slider = find("slider");
const whole = asked.by === "users";
const written = (load) => (whole ? String(load) : number(load));
const noun = whole ? "users" : "requests/s";
const SETTLED = 350;

/** The address's query with some fields set; a comparison is shared by it. */
function query(changed = {}) {
  const said = new URLSearchParams(new FormData(find("ask")));
  for (const [name, value] of Object.entries(changed)) said.set(name, value);
  for (const [name, value] of [...said]) if (value === "") said.delete(name);
  return said;
}

async function ask(path, said) {
  const answer = await fetch(`${path}?${said}`, { headers: { accept: "application/json" } });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text);
  throw new Error(answer.status === 400 ? "the form has fields that are not understood." : text.trim());
}

/** Where a set-up is felt at a load: the question that is answered here, whole. */
const feel = (setUp, load, by) =>
  `${asked.set_ups.find((one) => one.at === setUp).feel}&${by}=${by === "users" ? Math.max(1, Math.round(load)) : load}`;

// --- the load that is dragged ---------------------------------------------------------------

class Slide {
  constructor(grid) {
    this.grid = grid;
    this.loads = positions(grid.loads, whole);
    slider.max = String(this.loads.length - 1);
    slider.disabled = false;
    this.load = asked.at;
    this.place();
    this.promises();
    slider.addEventListener("input", () => this.go(this.loads[Number(slider.value)]));
  }

  place() {
    const near = this.loads.findIndex((one) => one >= this.load);
    slider.value = String(near < 0 ? this.loads.length - 1 : near);
    slider.setAttribute("aria-valuetext", `${written(this.load)} ${noun}`);
  }

  /** Shows a load: what was computed there, or what lies between its neighbours. */
  go(load) {
    this.load = load;
    this.place();
    find("load").textContent = written(load);
    find("at").value = String(load);
    let between = null;
    for (const one of this.grid.set_ups) {
      const answer = at(this.grid.loads, one.answers, load);
      show(one.at, answer);
      between = answer?.from ?? between;
    }
    this.promises();
    find("between").textContent = between
      ? `Between ${between.map(written).join(" and ")} ${noun}, which are computed; this load is being computed.`
      : "Computed at this load.";
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.settle(load, between), SETTLED);
    chart?.mark(chart.here?.at ?? asked.set_ups[0]?.at, load);
  }

  /** Once it rests: the address says so, and what was between two loads is computed. */
  async settle(load, between) {
    history.replaceState(null, "", `/twin?${query({ at: String(load) })}`);
    if (!between) return;
    const said = query({ at: String(load), by: asked.by });
    try {
      const found = await ask("/twin/answers.json", said);
      this.insert(load, found.answers);
      if (this.load === load) this.go(load);
    } catch (error) {
      find("between").textContent = `Between two computed loads. This one was not computed: ${error.message}`;
    }
  }

  insert(load, answers) {
    const place = this.grid.loads.findIndex((one) => one > load);
    if (this.grid.loads.includes(load) || place < 0) return;
    this.grid.loads.splice(place, 0, load);
    this.grid.set_ups.forEach((one, at) => {
      const answer = answers[at];
      const served = answer.requests_s && answer.requests_s.value >= 0.95 * (answer.rate ?? 0);
      one.answers.splice(place, 0, answer.provenance ? { ...answer, over: !served } : null);
    });
  }

  /** Whether the promise is kept at this load, and where it breaks: a sentence on each card. */
  promises() {
    const { promise, loads } = this.grid;
    for (const one of this.grid.set_ups) {
      const line = card(one.at)?.querySelector("[data-promised]");
      const answer = at(loads, one.answers, this.load);
      if (!line || !(promise.ttft_s || promise.user_tokens_s)) continue;
      const why = answer ? broken(answer, promise) : ["it cannot serve so many"];
      const here = why.length ? `Broken at this load: ${why.join(", ")}. ` : "";
      const likely = kept(loads, one.answers, promise, false);
      const sure = kept(loads, one.answers, promise, true);
      line.textContent = here + promised(likely, sure);
      line.className = why.length ? "promised breaks" : "promised holds";
    }
  }
}

function promised(likely, sure) {
  if (likely.last === null) return "What is promised is broken at every load.";
  const safe = sure.last === null ? "at no load" : `up to ${written(sure.last)} ${noun}`;
  const slow = `at the slow end of the interval ${safe}`;
  if (likely.first === null)
    return `Keeps what is promised up to ${written(likely.last)} ${noun}, the most computed; ${slow}.`;
  return `Keeps what is promised up to ${written(likely.last)} ${noun} (${slow}); broken at ${written(likely.first)}: ${likely.why.join(", ")}.`;
}

const card = (setUp) => document.querySelector(`[data-set-up="${setUp}"]`);

function show(setUp, answer) {
  const shown = card(setUp);
  if (!shown?.querySelector(".facts")) return;
  shown.classList.toggle("between", Boolean(answer?.from));
  for (const [name, write] of Object.entries(WRITTEN)) {
    const cell = shown.querySelector(`[data-figure="${name}"]`);
    const figure = answer?.[name];
    if (!figure && answer) continue;
    cell.querySelector(".value").textContent = figure ? write(figure.value) : "-";
    cell.querySelector(".interval").textContent = figure
      ? `${write(figure.low)} to ${write(figure.high)}`
      : "more than it can serve";
  }
  shown.querySelector("[data-over]").hidden = Boolean(answer && !answer.over);
  shown.querySelector("[data-feel]").href = feel(setUp, slide.load, asked.by);
}

// --- the frontier ---------------------------------------------------------------------------

function told(grid, setUp, load) {
  const one = grid.set_ups.find((it) => it.at === setUp);
  const answer = one?.answers[grid.loads.indexOf(load)];
  const line = find("point");
  if (!answer) return;
  const range = (figure) => `${number(figure.value)} (${number(figure.low)} to ${number(figure.high)})`;
  const why = broken(answer, grid.promise);
  line.textContent =
    `${one.name} at ${load} users: ${range(answer.user_tokens_s)} tokens/s a user, ` +
    `${range(answer.chip_tokens_s)} tokens/s a chip, ${answer.provenance}` +
    `${why.length ? `; breaks what is promised: ${why.join(", ")}` : ""}. `;
  const link = document.createElement("a");
  link.href = feel(setUp, load, "users");
  link.textContent = "Feel this";
  line.append(link);
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function tabulate(grid) {
  const some = grid.set_ups.filter((one) => one.answers.some(Boolean));
  const head = document.createElement("thead");
  const [first, second] = [head.insertRow(), head.insertRow()];
  first.append(element("th", "Users at once", { scope: "col", rowspan: "2" }));
  for (const one of some) {
    const group = { scope: "colgroup", colspan: "2", class: `group s${one.at - 1}` };
    first.append(element("th", one.name, group));
    for (const word of ["tokens/s a user", "tokens/s a chip"])
      second.append(element("th", word, { scope: "col", class: "number" }));
  }
  const body = document.createElement("tbody");
  grid.loads.forEach((load, place) => {
    const row = body.insertRow();
    row.append(element("th", String(load), { scope: "row" }));
    for (const one of some) {
      const answer = one.answers[place];
      const why = answer ? broken(answer, grid.promise) : [];
      for (const name of ["user_tokens_s", "chip_tokens_s"]) {
        const cell = element("td", null, { class: "number" });
        row.append(cell);
        if (!answer) continue;
        const figure = answer[name];
        if (name === "user_tokens_s") {
          const words = { href: feel(one.at, load, "users"), "aria-label": `${number(figure.value)}: feel ${one.name} at ${load} users` };
          cell.append(element("a", number(figure.value), words));
        } else cell.append(number(figure.value));
        cell.append(element("small", `${number(figure.low)} to ${number(figure.high)}`));
        if (name === "user_tokens_s" && why.length)
          cell.append(element("small", `breaks: ${why.join(", ")}`, { class: "breaks" }));
      }
    }
  });
  find("grid-table").replaceChildren(head, body);
}

let slide = null;
let chart = null;

async function begin() {
  if (!asked.set_ups.length) {
    find("grid-words").textContent = "There is nothing to draw without a set-up.";
    return;
  }
  find("grid-words").textContent = "The other loads are being computed.";
  try {
    const mine = ask("/twin/grid.json", query({ grid: asked.by, by: asked.by, at: String(asked.at) }));
    const frontier = whole
      ? await mine
      : await ask("/twin/grid.json", query({ grid: "users", by: asked.by, at: String(asked.at) }));
    draw(frontier);
    slide = new Slide(structuredClone(await mine));
    find("grid-words").textContent = words(frontier);
  } catch (error) {
    find("grid-words").textContent = `The other loads were not computed: ${error.message}`;
  }
}

function words(grid) {
  const refused = grid.set_ups.filter((one) => one.refused).map((one) => one.name);
  const left = refused.length ? ` Refused: ${refused.join(", ")}; why stands above.` : "";
  return `Computed at ${grid.loads.length} loads; between them the slider goes straight from neighbour to neighbour.${left}`;
}

function draw(grid) {
  tabulate(grid);
  const host = find("frontier");
  host.hidden = false;
  chart = new Frontier(host, grid, (setUp, load) => {
    chart.mark(setUp, load);
    told(grid, setUp, load);
    if (whole) slide?.go(load);
  });
}

// A number of users is no number of requests a second: the usual one is taken.
find("by").addEventListener("change", () => {
  find("at").value = "";
});

begin();
