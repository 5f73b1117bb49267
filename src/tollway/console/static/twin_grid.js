// Numbers of a grid of loads: written as the command line writes them, and taken between two loads.

/** Three digits that count, and thousands apart. */
export function number(value) {
  if (value >= 100) return even(value, 0).replace(/\B(?=(\d{3})+$)/g, ",");
  if (value >= 10) return even(value, 1);
  if (value >= 0.1) return even(value, 2);
  return String(Number(value.toPrecision(2)));
}

// As Python rounds: what lies exactly between two goes to the even one.
function even(value, places) {
  const tie = value * 2 ** (places + 1);
  const low = Math.floor(value * 10 ** places);
  const exact = Number.isInteger(tie) && value * 10 ** places - low === 0.5;
  return exact && low % 2 === 0 ? (low / 10 ** places).toFixed(places) : value.toFixed(places);
}

/** `13.2 ms` or `1.82 s`. */
export const seconds = (value) => (value < 1 ? `${number(value * 1e3)} ms` : `${number(value)} s`);

export const WRITTEN = {
  ttft_s: seconds,
  tpot_s: seconds,
  user_tokens_s: number,
  chip_tokens_s: number,
  usd_mtok: number,
  requests_s: number,
};

/** The positions of a slider over `loads`: each of them, and up to `steps` between two. */
export function positions(loads, whole, steps = 4) {
  const found = new Set();
  loads.forEach((load, at) => {
    found.add(load);
    const next = loads[at + 1];
    for (let step = 1; next !== undefined && step <= steps; step += 1) {
      const between = load * (next / load) ** (step / (steps + 1));
      const shown = whole ? Math.round(between) : Number(between.toPrecision(2));
      if (shown > load && shown < next) found.add(shown);
    }
  });
  return [...found].sort((a, b) => a - b);
}

/** What `answers` (one for each of `loads`, null where there is none) say at a load: computed, or
 * between the two computed neighbours, linear in the logarithm of the load; null beyond them. */
export function at(loads, answers, load) {
  const exact = loads.indexOf(load);
  if (exact >= 0) return answers[exact] && { ...answers[exact], from: null };
  const above = loads.findIndex((one) => one > load);
  if (above < 1 || !answers[above] || !answers[above - 1]) return null;
  const [low, high] = [answers[above - 1], answers[above]];
  const share = Math.log(load / loads[above - 1]) / Math.log(loads[above] / loads[above - 1]);
  const found = { ...low, over: low.over || high.over, from: [loads[above - 1], loads[above]] };
  for (const name of Object.keys(WRITTEN)) found[name] = mixed(low[name], high[name], share);
  return found;
}

function mixed(low, high, share) {
  if (!low || !high) return null;
  const end = (name) => low[name] + share * (high[name] - low[name]);
  return { value: end("value"), low: end("low"), high: end("high"), provenance: low.provenance };
}

/** Which parts of a promise an answer breaks, in words; empty where it keeps it. `worst` judges by
 * the bad end of the interval. */
export function broken(answer, promise, worst = false) {
  const found = [];
  const ttft = answer.ttft_s && (worst ? answer.ttft_s.high : answer.ttft_s.value);
  const speed = worst ? answer.user_tokens_s.low : answer.user_tokens_s.value;
  if (answer.over) found.push("it cannot serve so many");
  if (promise.ttft_s && ttft && ttft > promise.ttft_s)
    found.push(`TTFT ${seconds(ttft)} > ${seconds(promise.ttft_s)}`);
  if (promise.user_tokens_s && speed < promise.user_tokens_s)
    found.push(`${number(speed)} < ${number(promise.user_tokens_s)} tokens/s a user`);
  return found;
}

/** The last computed load that keeps a promise before the first that breaks it, and that one. */
export function kept(loads, answers, promise, worst) {
  let last = null;
  for (const [place, answer] of answers.entries()) {
    if (!answer) break;
    const why = broken(answer, promise, worst);
    if (why.length) return { last, first: loads[place], why };
    last = loads[place];
  }
  return { last, first: null, why: [] };
}
