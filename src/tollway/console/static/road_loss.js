// The loss of a source, rehearsed in the twin: asked for once, shown route by route.
import { post } from "/static/live.js";

const $ = (id) => document.getElementById(id);
const cell = (tag, text, kind = "") => Object.assign(document.createElement(tag), { textContent: text, className: kind });

function within(point, ends, write) {
  if (point == null) return "-";
  const [low, high] = (ends ?? []).map(write);
  return !ends || low === high ? write(point) : `${write(point)} (${low} to ${high})`;
}

function row(route, side, one, before, { time, usd, whole }) {
  const tr = document.createElement("tr");
  const name = cell("th", side === "as_is" ? route : "");
  name.scope = "row";
  if (side !== "as_is") name.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: route }));
  const worse = side === "without" && one.unanswered > before.unanswered;
  tr.append(
    name,
    cell("td", side === "as_is" ? "as it is" : "without"),
    cell("td", whole.format(one.requests), "number"),
    cell("td", within(one.unanswered, one.unanswered_between, (it) => whole.format(it)), worse ? "number worse" : "number"),
    cell("td", within(one.ttft_p50, one.ttft_p50_between, time), "number"),
    cell("td", within(one.ttft_p90, one.ttft_p90_between, time), "number"),
    cell("td", whole.format(one.fallbacks), "number"),
    cell("td", usd(one.cost), "number"),
  );
  return tr;
}

const KIND = { loses: "bad", may_lose: "warn", goes_on: "good", untouched: "" };
const WORD = { loses: "loses answers", may_lose: "may lose answers", goes_on: "goes on", untouched: "not touched" };

function item(route, badge, kind, words) {
  const li = document.createElement("li");
  li.append(cell("strong", route), " ", cell("span", badge, `badge ${kind}`), ` ${words}`);
  return li;
}
const verdict = (it) => item(it.route, WORD[it.verdict], KIND[it.verdict], it.words);
const unjudged = (it) => item(it.route, "not asked for", "", `nothing in this traffic asks for it; ${it.words}.`);

/** Each route by itself: what one gains makes nothing good that another loses. */
function headline(routes) {
  const of = (kind) => routes.filter((it) => it.verdict === kind).map((it) => it.route);
  const [bad, doubtful] = [of("loses"), of("may_lose")];
  const many = routes.length === 1 ? "The route that was asked for" : `${bad.length} of ${routes.length} routes that were asked for`;
  if (bad.length) return [`${many} would lose answers: ${bad.join(", ")}.${doubtful.length ? ` It may be so of ${doubtful.join(", ")}.` : ""}`, "notice bad"];
  if (doubtful.length) return [`At an end of the interval ${doubtful.join(", ")} would lose answers; at the model's own pace every route goes on.`, "notice warn"];
  return ["Every route that was asked for would go on answering.", "notice"];
}

function provenance(found) {
  const said = [
    `Predicted by the twin, in virtual time: ${found.requests} requests over ${Math.round(found.seconds)} s, ${found.traffic}.`,
    `The source is lost from the first request on, for good.`,
  ];
  if (found.predicted.length) said.push(`Speed of ${found.predicted.join(", ")}: the engine model; in brackets what its 80% fast and slow ends give.`);
  if (found.declared.length) said.push(`Speed of ${found.declared.join(", ")}: as declared, without an interval.`);
  if (!found.drains_known) said.push("The gateway does not answer, so that nobody knows which sources are drained: none is taken to be.");
  if (found.source_drained) said.push(`${found.source} is drained now: "as it is" has it back in use.`);
  said.push("Breakers begin closed, budgets and limits unspent.");
  if (found.drained.length) said.push(`${found.drained.join(", ")}: drained now, so serving nobody in either.`);
  return [...said, ...found.notes].join(" ");
}

export async function rehearse(name, how) {
  const state = $("loss-state");
  $("loss").hidden = false;
  $("loss-found").hidden = true;
  $("lost").textContent = name;
  state.className = "soft";
  state.textContent = "The twin plays the traffic with and without it, each at three paces. Seconds, at most a minute and a half.";
  $("loss").focus();
  try {
    const found = await (await post("/road/rehearse", { source: name })).json();
    const rows = found.routes.flatMap((it) => ["as_is", "without"].map((side) => row(it.route, side, it[side], it.as_is, how)));
    $("loss-rows").replaceChildren(...rows);
    $("loss-provenance").textContent = provenance(found);
    $("loss-found").hidden = false;
    $("loss-routes").replaceChildren(...found.routes.map(verdict), ...found.unasked.map(unjudged));
    const [words, kind] = headline(found.routes);
    state.textContent = words;
    state.className = kind;
  } catch (error) {
    state.className = "trouble";
    state.textContent = error.message;
  }
}
