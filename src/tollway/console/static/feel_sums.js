// The table of what the streams add up to; every figure is the server's.

const $ = (id) => document.getElementById(id);

export function length(seconds) {
  if (seconds === null) return "-";
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toLocaleString("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 })} h`;
}

/** A value with its interval, where it has one. */
const within = (value, [low, high]) =>
  low === high ? length(value) : `${length(value)} (${length(low)} to ${length(high)})`;

const rate = (value) => (value === null ? "it always matters" : `${Math.round(value).toLocaleString("en")} tokens/s`);

const ROWS = [
  ["wait for the first token", (it) => length(it.ttft)],
  ["wait for what was asked", (it) => `${length(it.first_word)} (${it.grasp})`],
  ["whole answer", (it) => within(it.whole, it.whole_ends)],
  ["waiting an answer", (it) => within(it.waiting, it.waiting_ends)],
  ["times as fast as it is read", (it) => (it.ahead === null ? "nobody reads along" : it.ahead.toFixed(1))],
  ["left to read when it ends", (it) => length(it.behind)],
  ["more hardly matters from", (it) => rate(it.enough)],
];

function cell(tag, words, kind) {
  const made = document.createElement(tag);
  made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

let latest = 0;

export async function addUp(ask, mode, felts, daily) {
  const turn = ++latest;
  const list = (name) => felts.map((one) => one[name]).join(",");
  const ends = (name, value) => felts.map((one) => one[name] ?? one[value]).join(",");
  const query = new URLSearchParams({
    mode,
    rates: list("rate"),
    ttfts: list("ttft"),
    lows: ends("low", "rate"),
    highs: ends("high", "rate"),
    ttft_lows: ends("ttft_low", "ttft"),
    ttft_highs: ends("ttft_high", "ttft"),
    daily: daily || "0",
  });
  let said;
  try {
    said = await ask(`/feel/sums?${query}`);
  } catch (error) {
    if (turn === latest) $("trouble").textContent = error.message;
    return;
  }
  if (turn !== latest) return;
  const streams = said.streams;
  const names = felts.map((one) => one.name ?? `${Number(one.rate.toPrecision(4))} tokens/s`);
  $("length").textContent = Math.round(streams[0].tokens).toLocaleString("en");
  $("word").textContent = streams[0].tokens_per_word.toFixed(2);
  const head = cell("th", "figure");
  head.scope = "col";
  $("heads").replaceChildren(head, ...names.map((name) => Object.assign(cell("th", name, "number"), { scope: "col" })));
  const rows = daily ? [...ROWS, ["users wait a day", (it) => length(it.a_day)]] : ROWS;
  $("sums").replaceChildren(
    ...rows.map(([name, words]) => {
      const row = document.createElement("tr");
      row.append(Object.assign(cell("th", name), { scope: "row" }), ...streams.map((it) => cell("td", words(it), "number")));
      return row;
    }),
  );
}
