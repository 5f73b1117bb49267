// Live requests above the settled ones, held to the search's own terms.
import { island, watch } from "/static/live.js";

const terms = Object.entries(island("live-terms")).filter(([, text]) => text);
const most = Number(document.getElementById("live").dataset.shown);
const part = (name) => document.getElementById(`live-${name}`);
const fits = (it) => terms.every(([name, text]) => it[name === "request" ? "id" : name] === text);

const lasted = (seconds) =>
  seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 60 ? `${seconds.toFixed(2)} s` : `${(seconds / 60).toFixed(1)} min`;

function cell(name, text, number) {
  const made = document.createElement(name);
  made.textContent = text;
  if (number) made.className = "number";
  return made;
}

function row(it) {
  const made = document.createElement("tr");
  const head = document.createElement("th");
  const link = cell("a", it.id);
  link.className = "code";
  link.href = `/requests/${encodeURIComponent(it.id)}`;
  head.scope = "row";
  head.append(link);
  made.append(head, cell("td", it.route), cell("td", it.source ?? ""), cell("td", it.phase));
  made.append(cell("td", lasted(it.since), true), cell("td", String(it.tokens), true));
  return made;
}

/** How many there are, and what of them is not shown. */
function counted(shown, fitting, listed, running) {
  if (listed < running && fitting < listed) return `${fitting} of the newest ${listed} of ${running.toLocaleString("en")}`;
  const count = fitting === listed ? running : fitting;
  return shown === count ? count.toLocaleString("en") : `the newest ${shown} of ${count.toLocaleString("en")}`;
}

let seen = null;

function take(news) {
  const why = news.dead ?? null;
  const listed = news.requests ?? [];
  const found = listed.filter(fits);
  const running = Math.max(news.live ?? 0, listed.length);
  part("why").textContent = why ?? "";
  part("why").hidden = why === null;
  part("count").textContent = why === null ? counted(Math.min(found.length, most), found.length, listed.length, running) : "";
  part("table").hidden = !found.length;
  part("none").hidden = why !== null || found.length > 0;
  // A row that the keyboard is on stays: its focus would be lost with it.
  if (!part("rows").contains(document.activeElement)) part("rows").replaceChildren(...found.slice(0, most).map(row));
  if (why !== null) return;
  const last = news.seq ?? Math.max(0, ...(news.ended ?? []).map((it) => it.n));
  if (seen !== null && last > seen) document.querySelector("#fresh a").hidden = false;
  seen = Math.max(seen ?? 0, last);
}

watch(take);
