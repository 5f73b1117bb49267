// The table of what the streams add up to: figures and words are the server's, those of the command.

const $ = (id) => document.getElementById(id);

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
    daily,
  });
  let said;
  try {
    said = await ask(`/feel/sums?${query}`);
  } catch (error) {
    if (turn === latest) $("trouble").textContent = error.message;
    return;
  }
  if (turn !== latest) return;
  const names = felts.map((one) => one.name ?? `${Number(one.rate.toPrecision(4))} tokens/s`);
  const head = Object.assign(cell("th", "figure"), { scope: "col" });
  $("heads").replaceChildren(head, ...names.map((name) => Object.assign(cell("th", name, "number"), { scope: "col" })));
  $("sums").replaceChildren(
    ...said.rows.map(([name, values]) => {
      const row = document.createElement("tr");
      row.append(Object.assign(cell("th", name), { scope: "row" }), ...values.map((words) => cell("td", words, "number")));
      return row;
    }),
  );
  $("notes").replaceChildren(...said.notes.map((words) => cell("li", words)));
}
