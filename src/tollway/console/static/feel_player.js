// Which tokens are due: as feel/pacing.py's Player. Every moment follows from the one before it and
// never from when something was shown, so that a late frame does not make the stream late.

const AWAY = 1000;
const WINDOW = 2000;
const LEAST = 10;
const [TEXT, KIND, WAIT, PAUSE, OPENS, GENERATED] = [0, 1, 2, 3, 4, 5];

export class Player {
  /** `tokens` come round again; `firsts` are waits for first tokens, in seconds. Times are in ms. */
  constructor(tokens, rate, firsts) {
    Object.assign(this, { tokens, rate, firsts, at: 0, asked: 0, paced: 0, idle: 0, held: null });
    this.seen = [];
  }

  start(now) {
    this.aim(now);
  }

  aim(since) {
    const token = this.tokens[this.at];
    this.still = token[PAUSE] * 1000;
    if (token[OPENS]) this.still += this.firsts[this.asked++ % this.firsts.length] * 1000;
    this.dueAt = since + this.still + (token[WAIT] * 1000) / this.rate;
  }

  get silent() {
    return this.still > 0;
  }

  /** The tokens that have come by now. */
  due(now) {
    if (this.held !== null) return [];
    if (now - this.dueAt > AWAY) {
      this.idle += now - this.dueAt;
      this.dueAt = now;
    }
    const found = [];
    while (this.dueAt <= now) {
      const token = this.tokens[this.at];
      found.push([token[TEXT], token[KIND]]);
      this.idle += this.still;
      this.paced += token[GENERATED] && !token[OPENS] ? 1 : 0;
      this.at = (this.at + 1) % this.tokens.length;
      this.aim(this.dueAt);
    }
    if (found.length) {
      this.seen.push([now - this.idle, this.paced]);
      while (this.seen.length > LEAST && this.seen[this.seen.length - 1][0] - this.seen[1][0] >= WINDOW) {
        this.seen.shift();
      }
    }
    return found;
  }

  /** Tokens a second as shown, without waits and pauses; null until two frames had any. */
  get measured() {
    const [first, last] = [this.seen[0], this.seen[this.seen.length - 1]];
    return first && last[0] > first[0] ? ((last[1] - first[1]) * 1000) / (last[0] - first[0]) : null;
  }

  setRate(now, rate) {
    const moment = this.held ?? now;
    const left = Math.max(0, this.dueAt - moment);
    const stretch = Math.min(left, (this.tokens[this.at][WAIT] * 1000) / this.rate);
    this.dueAt = moment + (left - stretch) + (stretch * this.rate) / rate;
    this.rate = rate;
    this.seen = [];
  }

  hold(now) {
    this.held ??= now;
  }

  goOn(now) {
    if (this.held === null) return;
    this.dueAt += now - this.held;
    this.idle += now - this.held;
    this.held = null;
  }
}
