// The ribbon in words: what runs and what ended lately, by route and source, of all requests.
const MINUTE = 60;
const COUNTS = ["queued", "sent", "streaming", "ended"];

const whole = new Intl.NumberFormat("en");
const flow = (one) => `${one.route}\n${one.source ?? ""}`;
const totals = (news) => new Map(news.flows.map((one) => [flow(one), one.ended]));

export class Flows {
  constructor(table) {
    this.rows = table.querySelector("tbody");
    this.sums = table.querySelector("tfoot");
    this.period = table.querySelector("[data-is=period]");
    this.looks = [];
  }

  /** The gateway counts all that ended since its start; what of it was lately is a difference. */
  take(news) {
    if (this.started !== news.started || this.looks.at(-1)?.mono > news.mono) this.begin(news);
    this.looks.push({ mono: news.mono, totals: totals(news) });
    while (this.looks.length > 2 && this.looks[1].mono <= news.mono - MINUTE) this.looks.shift();
    const [first] = this.looks;
    const seconds = Math.round(news.mono - first.mono);
    this.period.textContent = Math.abs(seconds - MINUTE) < 2 ? "ended, last minute" : `ended, last ${seconds} s`;
    this.tell(news.flows.map((one) => ({ ...one, ended: one.ended - (first.totals.get(flow(one)) ?? 0) })));
  }

  /** The first news lists the newest that ended: as far back as it goes, all are in it. */
  begin(news) {
    this.started = news.started;
    const [oldest] = news.ended;
    const all = !oldest || oldest.n === 1;
    const back = all ? MINUTE : Math.min(Math.max(news.at - oldest.at, 0), MINUTE);
    this.looks = [];
    for (let ago = back; ago > 0; ago -= 1) {
      const before = totals(news);
      for (const one of news.ended) if (one.at >= news.at - ago) before.set(flow(one), before.get(flow(one)) - 1);
      this.looks.push({ mono: news.mono - ago, totals: before });
    }
  }

  tell(flows) {
    const shown = flows.filter((one) => COUNTS.some((name) => one[name]));
    const lines = shown.map((one) => line(one.route, one.source ?? "none yet", one));
    if (!lines.length) {
      const tr = document.createElement("tr");
      const words = "Nothing is on its way, and nothing ended in this time.";
      tr.append(Object.assign(document.createElement("td"), { colSpan: 6, className: "soft", textContent: words }));
      lines.push(tr);
    }
    this.rows.replaceChildren(...lines);
    const sum = Object.fromEntries(COUNTS.map((name) => [name, shown.reduce((all, one) => all + one[name], 0)]));
    this.sums.replaceChildren(...(shown.length > 1 ? [line("all", "", sum)] : []));
  }
}

function line(route, source, counts) {
  const tr = document.createElement("tr");
  const first = Object.assign(document.createElement("th"), { textContent: route, scope: "row" });
  const numbers = COUNTS.map((name) => Object.assign(document.createElement("td"), { className: "number", textContent: whole.format(counts[name]) }));
  tr.append(first, Object.assign(document.createElement("td"), { textContent: source }), ...numbers);
  return tr;
}
