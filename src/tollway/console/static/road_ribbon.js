// Live requests as dots on their way from a route to a source, and how many are not drawn.
import { Flows } from "/static/road_flows.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST = 120; // dots at once; the table counts all
const PASSING = 40; // dots a second of requests that came and went between two looks
const WIDE = 620; // pixels from which names may be long
const ROW = 36;
const FRAME = 30; // milliseconds at least: smooth enough for dots, and half the work
const NEAR = 0.0005; // of a lane: closer to where it belongs nobody sees a dot move

const made = (name, attributes, parent) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent?.append(node);
  return node;
};
const short = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
// A number from -1 to 1 that stays with a request, so that dots of one lane do not cover each other.
const spread = (id) => {
  let mixed = 7;
  for (const letter of id) mixed = Math.imul(mixed ^ letter.charCodeAt(0), 0x9e3779b1);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
};

const whole = new Intl.NumberFormat("en");
const some = (drawn, all, words) => (drawn < all ? [`${whole.format(drawn)} of ${whole.format(all)} ${words}`] : []);

export class Ribbon {
  constructor(svg, table, undrawn, fleet) {
    this.svg = svg;
    this.flows = new Flows(table);
    this.undrawn = undrawn;
    this.fleet = fleet;
    this.dots = new Map();
    this.seen = this.told = 0;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.draw();
  }

  draw() {
    if (this.width && this.width === Math.max(this.svg.clientWidth, 300)) return;
    this.still();
    this.dots.clear();
    this.svg.replaceChildren();
    this.width = Math.max(this.svg.clientWidth, 300);
    const letters = this.width < WIDE ? 13 : 26;
    this.left = this.width < WIDE ? 104 : 190; // where lanes begin: names stand before it
    this.right = this.width - (this.width < WIDE ? 92 : 190);
    const routes = Object.keys(this.fleet.routes);
    const sources = Object.keys(this.fleet.sources);
    const rows = Math.max(routes.length, sources.length, 1);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${rows * ROW + 12}`);
    const y = (at, count) => 6 + ((at + 0.5) * rows * ROW) / count;
    this.from = new Map(routes.map((name, at) => [name, y(at, routes.length)]));
    this.to = new Map(sources.map((name, at) => [name, { y: y(at, sources.length), series: `s${at % 8}` }]));
    this.lanes = new Map();
    const below = made("g", {}, this.svg);
    for (const [route, list] of Object.entries(this.fleet.routes)) {
      for (const source of list) {
        const path = made("path", { class: "lane", d: this.curve(this.from.get(route), this.to.get(source).y) }, below);
        this.lanes.set(`${route}\n${source}`, path);
      }
    }
    this.layer = made("g", {}, this.svg);
    for (const [name, at] of this.from) {
      made("text", { x: this.left - 10, y: at + 4, "text-anchor": "end" }, this.svg).textContent = short(name, letters);
    }
    for (const [name, { y: at, series }] of this.to) {
      made("rect", { class: `stop ${series}`, x: this.right, y: at - 8, width: 6, height: 16, rx: 2 }, this.svg);
      made("text", { x: this.right + 14, y: at + 4 }, this.svg).textContent = short(name, letters);
    }
  }

  curve(y0, y1) {
    const middle = (this.left + this.right) / 2;
    return `M${this.left} ${y0} C${middle} ${y0} ${middle} ${y1} ${this.right} ${y1}`;
  }

  point(y0, y1, t) {
    const u = 1 - t;
    const middle = (this.left + this.right) / 2;
    const x = u ** 3 * this.left + 3 * u * t * middle + t ** 3 * this.right;
    return [x, u * u * (1 + 2 * t) * y0 + t * t * (3 - 2 * t) * y1];
  }

  take(news) {
    const now = performance.now();
    const seen = new Set();
    for (const one of news.requests.slice(0, MOST)) {
      if (!this.from.has(one.route)) continue;
      const source = one.source ?? this.fleet.routes[one.route]?.[0];
      if (!this.to.has(source)) continue;
      seen.add(one.id);
      let dot = this.dots.get(one.id);
      if (!dot) this.dots.set(one.id, (dot = this.dot(one.id)));
      this.aim(dot, one.route, source, one.phase);
      // Queued at the start, sent on its way, streaming near the source: longer is nearer.
      const goal = { queued: 0.05, sent: 0.4 }[one.phase] ?? 1 - 0.4 / (1 + one.since / 6);
      dot.goal = Math.min(Math.max(goal + 0.04 * dot.aside, 0), 0.97);
    }
    const ended = this.end(news, now);
    for (const [id, dot] of this.dots) if (!seen.has(id)) dot.goal = 1.01;
    for (const [key, lane] of this.lanes) {
      lane.classList.toggle("drained", Boolean(news.sources[key.split("\n")[1]]?.drained));
    }
    this.flows.take(news);
    this.confess(news, seen.size, ended);
    if (this.calm.matches) this.settle();
    else if (!this.frame) this.move(now);
  }

  /** Dots of what ended since the last look; gives how many of those there are, and of how many. */
  end(news, now) {
    // The first news may tell again what the page came with; after a restart counting begins anew.
    const known = this.told === news.started && this.seen <= news.seq;
    const fresh = known ? news.ended.filter((one) => one.n > this.seen) : news.ended;
    const all = known ? news.seq - this.seen : 0;
    [this.seen, this.told] = [news.seq, news.started];
    let drawn = 0;
    for (const one of fresh) {
      const dot = this.dots.get(one.id);
      if (!dot) continue;
      drawn += 1;
      if (one.outcome !== "completed") this.cross(dot);
    }
    const passing = fresh.filter((one) => one.at > news.at - 2 && !this.dots.has(one.id)).slice(-PASSING);
    for (const [at, one] of passing.entries()) {
      if (this.calm.matches || this.dots.size >= MOST || !this.from.has(one.route) || !this.to.has(one.source)) continue;
      const dot = this.dot(one.id);
      this.aim(dot, one.route, one.source, "streaming");
      if (one.outcome !== "completed") this.cross(dot);
      dot.wait = now + (at / passing.length) * 900;
      dot.goal = 1.01;
      this.dots.set(one.id, dot);
      drawn += 1;
    }
    return [drawn, all];
  }

  confess(news, drawn, [ended, gone]) {
    const said = [...some(drawn, news.live, "on their way"), ...some(ended, gone, "that ended since the last look")];
    const text = said.length ? `Drawn: ${said.join(", ")}. The table counts all.` : "";
    if (this.undrawn.textContent !== text) this.undrawn.textContent = text;
  }

  dot(id) {
    return { node: made("circle", { r: 4.5 }, this.layer), crossed: false, aside: spread(id), t: 0, goal: 0, wait: 0 };
  }

  /** It ended without an answer. */
  cross(dot) {
    const node = made("path", { class: "cross", d: "M-4-4 4 4M4-4-4 4", transform: dot.node.getAttribute("transform") ?? "" }, this.layer);
    dot.node.remove();
    Object.assign(dot, { node, crossed: true });
  }

  aim(dot, route, source, phase) {
    const to = this.to.get(source);
    dot.y0 = this.from.get(route);
    dot.y1 = to.y;
    if (!dot.crossed) dot.node.setAttribute("class", `dot ${phase} ${to.series}`);
  }

  place(dot) {
    const [x, y] = this.point(dot.y0, dot.y1, Math.min(dot.t, 1));
    dot.node.setAttribute("transform", `translate(${x.toFixed(1)} ${(y + 9 * dot.aside * Math.min(1, 4 * dot.t * (1 - dot.t))).toFixed(1)})`);
  }

  move(now) {
    this.frame = requestAnimationFrame((next) => this.move(next));
    if (now - (this.moved ?? 0) < FRAME) return;
    const step = Math.min((now - (this.moved ?? now)) / 1000, 0.1);
    this.moved = now;
    let moving = false;
    for (const [id, dot] of this.dots) {
      dot.node.style.visibility = now < dot.wait ? "hidden" : "visible";
      moving ||= now < dot.wait || Math.abs(dot.goal - dot.t) > NEAR;
      if (now < dot.wait) continue;
      dot.t += (dot.goal > 1 ? 1.6 : (dot.goal - dot.t) * 3) * step;
      if (dot.t >= 1) {
        dot.node.remove();
        this.dots.delete(id);
      } else this.place(dot);
    }
    if (!moving) this.still(); // until the next news
  }

  settle() {
    this.still();
    for (const [id, dot] of this.dots) {
      if (dot.goal > 1) {
        dot.node.remove();
        this.dots.delete(id);
        continue;
      }
      dot.t = dot.goal;
      this.place(dot);
    }
  }

  still() {
    cancelAnimationFrame(this.frame);
    this.frame = this.moved = null;
  }
}
