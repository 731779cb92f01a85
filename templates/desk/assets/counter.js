/**
 * The platform's volume, counting up between two closes. Take this file as it is: it needs nothing.
 *
 * docs/counter.md says how to use it and what the server sends; docs/counter.schema.json is the
 * document. Three promises, whatever the clocks, the network and the browser do:
 *
 * - what is shown is never above the total that the last document has proved;
 * - it never goes down while the page is open;
 * - it depends on no clock of the visitor's: time is the server's, carried on by the browser's
 *   monotonic clock, and so never ahead of the server's own.
 */

const MINUTE_MS = 60_000;
const LATE_AFTER_MS = 15 * MINUTE_MS;
const REFRESH_MS = 5 * MINUTE_MS;
const RETRY_MS = 30_000;
const SPREAD_MS = 20_000; // not every page in the same second
const ANSWER_MS = 10_000;
const STILL_STEP_MS = MINUTE_MS; // how often the number moves for those who want no motion
const AMOUNT = /^(0|[1-9]\d*)$/;

/** A document that says less than one before it, or is none: it is not shown. */
export class RefusedDocument extends Error {}

/**
 * What is true of one currency at an instant of the server's, in minor units, rounded down.
 *
 * @param {{previous: bigint, gross: bigint}} totals
 * @param {{asOf: number, nextUpdateAt: number}} hour milliseconds since 1970, UTC
 * @param {number} now the same
 * @returns {bigint}
 */
export function amountAt({ previous, gross }, { asOf, nextUpdateAt }, now) {
  if (!(now > asOf)) return previous;
  if (now >= nextUpdateAt) return gross;
  const passed = BigInt(Math.floor(now - asOf));
  return previous + ((gross - previous) * passed) / BigInt(nextUpdateAt - asOf);
}

/**
 * The counter without a page: give it answers of the server, ask it what to show.
 *
 * Instants that it is given are those of one monotonic clock in milliseconds, such as
 * performance.now(). It may stop while the machine sleeps: then the counter is late until the
 * next answer, and never early.
 */
export class Counter {
  #document = null;
  #served = null; // what the server's clock said, and when that arrived here
  #floors = new Map();
  #lateAfterMs;

  constructor({ lateAfterMs = LATE_AFTER_MS } = {}) {
    this.#lateAfterMs = lateAfterMs;
  }

  /**
   * Take an answer: `{served_at, counter}`. Of a document that another has overtaken only the time
   * counts.
   *
   * @returns {boolean} whether its document is newer than the one before
   * @throws {RefusedDocument} when it is no counter, or one whose gross has fallen
   */
  take(answer, receivedAt) {
    const servedAt = instant(answer?.served_at);
    const document = parsed(answer.counter);
    const isNewer = this.#document === null || document.publication > this.#document.publication;
    if (isNewer) {
      this.#refuseFallen(document);
      this.#document = document;
    }
    this.#served = { servedAt, receivedAt };
    return isNewer;
  }

  /**
   * What to show: by currency the minor units and their exponent; how fresh that is.
   *
   * status is empty (no document yet), live (counting), due (the next document is on its way) or
   * late (it should have come; the counter stands at the last proved total).
   */
  read(at) {
    if (this.#document === null) return { status: "empty", amounts: new Map() };
    const now = this.#serverTime(at);
    const { asOf, nextUpdateAt, missingHourCount, publication } = this.#document;
    const amounts = new Map();
    for (const [currency, totals] of this.#document.currencies) {
      const floor = this.#floors.get(currency) ?? 0n;
      const due = amountAt(totals, this.#document, now);
      const minor = due > floor ? due : floor;
      this.#floors.set(currency, minor);
      amounts.set(currency, { minor, exponent: totals.exponent });
    }
    const overdue = now - nextUpdateAt;
    const status = overdue < 0 ? "live" : overdue < this.#lateAfterMs ? "due" : "late";
    return { status, amounts, asOf, nextUpdateAt, missingHourCount, publication };
  }

  /** How long until the next document can be there, in milliseconds; 0 from then on. */
  untilUpdate(at) {
    if (this.#document === null) return 0;
    return Math.max(0, this.#document.nextUpdateAt - this.#serverTime(at));
  }

  /** The server's time, late by what the answer took to arrive. */
  #serverTime(at) {
    return this.#served.servedAt + Math.max(0, at - this.#served.receivedAt);
  }

  #refuseFallen(document) {
    for (const [currency, totals] of this.#document?.currencies ?? []) {
      if ((document.currencies.get(currency)?.gross ?? -1n) < totals.gross) {
        throw new RefusedDocument(`the total of ${currency} has fallen`);
      }
    }
  }
}

/**
 * An amount of minor units in words of a locale, exact at any size.
 *
 * @param {bigint} minor
 * @param {number} exponent decimal places: JPY 0, EUR 2, KWD 3
 * @param {string} currency ISO 4217
 * @param {string | undefined} locale BCP 47; undefined is the browser's own
 */
export function formatAmount(minor, exponent, currency, locale) {
  const { amounts, digits } = formats(exponent, currency, locale);
  const scale = 10n ** BigInt(exponent);
  const fraction = String(minor % scale).padStart(exponent, "0");
  return amounts
    .formatToParts(minor / scale)
    .map(({ type, value }) => (type === "fraction" ? digits(fraction) : value))
    .join("");
}

/** What the page says beside the number. Each may be replaced: mount(root, {url, words: {…}}). */
export const WORDS = {
  live: ({ asOf, nextUpdateAt }) => `Proved up to ${asOf}. Next update at ${nextUpdateAt}.`,
  due: ({ asOf }) => `Proved up to ${asOf}. The next update is on its way.`,
  late: ({ asOf }) => `Proved up to ${asOf}. The next update is late; the number stands still.`,
  empty: () => "Nothing is closed yet.",
  loading: () => "Loading …",
  unreachable: () => "The counter cannot be reached just now.",
  missing: ({ count }) => ` ${count} ${count === 1 ? "hour is" : "hours are"} not counted yet.`,
  announcement: ({ amounts, text }) => `Settled volume: ${amounts}. ${text}`,
};

/**
 * Show the counter in an element, and keep it going.
 *
 * @param {Element} root is filled: a list of amounts by currency, and a line of text below
 * @param {object} options
 * @param {string} options.url answers with `{served_at, counter}`
 * @param {string} [options.locale] without it the page's language
 * @param {object} [options.words] other words than WORDS
 * @param {number} [options.lateAfterMs] how long after the hour an update is late
 * @returns {{stop: () => void, refresh: () => Promise<void>}}
 */
export function mount(root, { url, locale, words = {}, lateAfterMs }) {
  return new Display(root, { url, locale, words: { ...WORDS, ...words }, lateAfterMs }).start();
}

class Display {
  #counter;
  #url;
  #locale;
  #words;
  #list;
  #text;
  #announcer;
  #shown = new Map();
  #announced = "";
  #failed = false;
  #answered = false;
  #loading = null;
  #loadedAt = -Infinity;
  #frame = 0;
  #drawTimer = 0;
  #loadTimer = 0;
  #ending = new AbortController();
  #stillness = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(root, { url, locale, words, lateAfterMs }) {
    this.#counter = new Counter({ lateAfterMs });
    this.#url = url;
    this.#locale = locale ?? (document.documentElement.lang || undefined);
    this.#words = words;
    this.#list = made("ul", "counter-amounts");
    this.#text = made("p", "counter-status");
    // The numbers change at every frame: a screen reader gets a sentence an hour instead.
    this.#list.setAttribute("aria-hidden", "true");
    this.#announcer = made("p", "counter-announcement");
    this.#announcer.setAttribute("role", "status");
    Object.assign(this.#announcer.style, {
      position: "absolute",
      width: "1px",
      height: "1px",
      overflow: "hidden",
      clipPath: "inset(50%)",
      whiteSpace: "nowrap",
    });
    root.replaceChildren(this.#list, this.#text, this.#announcer);
  }

  start() {
    const signal = this.#ending.signal;
    document.addEventListener("visibilitychange", () => this.#woken(), { signal });
    addEventListener("pageshow", () => this.#woken(), { signal });
    addEventListener("online", () => this.#woken(), { signal });
    this.#stillness.addEventListener("change", () => this.#draw(), { signal });
    this.#draw();
    this.refresh();
    return { stop: () => this.#stop(), refresh: () => this.refresh() };
  }

  /** Ask the server now. Of several that ask at once one does. */
  refresh() {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
      if (!this.#ending.signal.aborted) this.#plan();
    });
    return this.#loading;
  }

  async #load() {
    clearTimeout(this.#loadTimer);
    this.#loadedAt = performance.now();
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), ANSWER_MS);
    try {
      const response = await fetch(this.#url, {
        cache: "no-store",
        headers: { Accept: "application/json" },
        signal: giveUp.signal,
      });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const answer = await response.json();
      if (answer.counter !== null) this.#counter.take(answer, performance.now());
      this.#answered = true;
      this.#failed = false;
    } catch {
      this.#failed = true;
    } finally {
      clearTimeout(timer);
    }
    if (!this.#ending.signal.aborted) this.#draw();
  }

  #plan() {
    const until = this.#counter.untilUpdate(performance.now());
    const pause = until === 0 ? RETRY_MS : until + Math.random() * SPREAD_MS;
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => this.refresh(), Math.min(pause, REFRESH_MS));
  }

  /** A page that slept knows neither the time nor the last document. */
  #woken() {
    if (document.visibilityState !== "visible") return;
    this.#draw();
    if (performance.now() - this.#loadedAt > 1000) this.refresh();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#drawTimer);
    const state = this.#counter.read(performance.now());
    this.#drawAmounts(state.amounts);
    this.#drawText(state);
    if (this.#ending.signal.aborted || document.visibilityState !== "visible") return;
    if (state.status === "live" && !this.#stillness.matches) {
      this.#frame = requestAnimationFrame(() => this.#draw());
    } else {
      const step = state.status === "live" ? STILL_STEP_MS : 1000;
      this.#drawTimer = setTimeout(() => this.#draw(), step);
    }
  }

  #drawAmounts(amounts) {
    for (const [currency, { minor, exponent }] of amounts) {
      let shown = this.#shown.get(currency);
      if (shown === undefined) {
        shown = { element: made("li", "counter-amount"), minor: null };
        shown.element.dataset.currency = currency;
        this.#shown.set(currency, shown);
        this.#list.append(shown.element);
      }
      if (shown.minor !== minor) {
        shown.minor = minor;
        shown.element.textContent = formatAmount(minor, exponent, currency, this.#locale);
      }
    }
  }

  #drawText(state) {
    const text = this.#sentence(state);
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#announcer.parentElement?.setAttribute("data-status", state.status);
    // Once a document, and once when it is late.
    const occasion = `${state.publication} ${state.status === "late"} ${this.#answered}`;
    if (occasion === this.#announced) return;
    this.#announced = occasion;
    const amounts = [...state.amounts].map(([currency, { minor, exponent }]) =>
      formatAmount(minor, exponent, currency, this.#locale),
    );
    this.#announcer.textContent =
      amounts.length === 0
        ? text
        : this.#words.announcement({ amounts: amounts.join(", "), text });
  }

  #sentence(state) {
    if (state.status === "empty") {
      if (this.#failed) return this.#words.unreachable();
      return this.#answered ? this.#words.empty() : this.#words.loading();
    }
    // What is late may be of another day.
    const withDate = state.status === "late";
    const text = this.#words[state.status]({
      asOf: timeOf(state.asOf, this.#locale, withDate),
      nextUpdateAt: timeOf(state.nextUpdateAt, this.#locale, withDate),
    });
    const count = state.missingHourCount;
    return count === 0 ? text : text + this.#words.missing({ count });
  }

  #stop() {
    this.#ending.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#drawTimer);
    clearTimeout(this.#loadTimer);
  }
}

// ---- what the server sends -----------------------------------------------------------------

function parsed(document) {
  if (!Number.isSafeInteger(document?.publication)) throw new RefusedDocument("no publication");
  const asOf = instant(document.as_of);
  const nextUpdateAt = instant(document.next_update_at);
  if (!(nextUpdateAt > asOf)) throw new RefusedDocument("the next update is not after as_of");
  const currencies = new Map();
  for (const [currency, totals] of Object.entries(document.currencies)) {
    const { exponent } = totals;
    const [gross, previous] = [amount(totals.gross_minor), amount(totals.previous_gross_minor)];
    if (previous > gross) throw new RefusedDocument(`the total of ${currency} has fallen`);
    if (!(Number.isInteger(exponent) && exponent >= 0 && exponent <= 4)) {
      throw new RefusedDocument(`${exponent} is no exponent`);
    }
    currencies.set(currency, { exponent, gross, previous });
  }
  const { publication, missing_hour_count: missingHourCount = 0 } = document;
  return { publication, asOf, nextUpdateAt, missingHourCount, currencies };
}

function amount(text) {
  if (typeof text !== "string" || !AMOUNT.test(text)) {
    throw new RefusedDocument(`${text} is no amount in minor units`);
  }
  return BigInt(text);
}

function instant(text) {
  const milliseconds = typeof text === "string" ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds)) throw new RefusedDocument(`${text} is no instant`);
  return milliseconds;
}

// ---- how it is written ---------------------------------------------------------------------

const cachedFormats = new Map();

function formats(exponent, currency, locale) {
  const key = `${locale} ${currency} ${exponent}`;
  let found = cachedFormats.get(key);
  if (found === undefined) {
    const digit = new Intl.NumberFormat(locale, { useGrouping: false });
    found = {
      amounts: new Intl.NumberFormat(locale, {
        style: "currency",
        currency,
        minimumFractionDigits: exponent,
        maximumFractionDigits: exponent,
      }),
      digits: (text) => Array.from(text, (one) => digit.format(Number(one))).join(""),
    };
    cachedFormats.set(key, found);
  }
  return found;
}

function timeOf(milliseconds, locale, withDate) {
  const date = withDate ? { year: "numeric", month: "short", day: "numeric" } : {};
  return new Intl.DateTimeFormat(locale, {
    ...date,
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  }).format(milliseconds);
}

function made(name, className) {
  const element = document.createElement(name);
  element.className = className;
  return element;
}
