/**
 * The platform's volume as a number that counts up between two closes. This file has no dependency
 * and can be copied into any app.
 *
 * docs/counter.md explains its use and the server's answer. docs/counter.schema.json is the schema
 * of the document. Three rules hold, whatever the clocks, the network and the browser do:
 *
 * - The shown amount is never above the total of the last document.
 * - The shown amount never goes down while the page is open.
 * - The shown amount does not depend on the visitor's clock. It depends on the time of the server's
 *   last answer plus the time that passed on the browser's monotonic clock. This sum is never ahead
 *   of the server's clock.
 */

const MINUTE_MS = 60_000;
const LATE_AFTER_MS = 15 * MINUTE_MS;
const REFRESH_MS = 5 * MINUTE_MS;
const RETRY_MS = 30_000;
const SPREAD_MS = 20_000; // spreads the requests of all open pages over this time
const ANSWER_MS = 10_000;
const STILL_STEP_MS = MINUTE_MS; // the time between two updates for visitors who prefer no motion
const AMOUNT = /^(0|[1-9]\d*)$/;

/** The answer is not a valid document, or a total in it is below that of the document before. */
export class RefusedDocument extends Error {}

/**
 * Returns the amount of one currency at an instant of the server's clock, in minor units, rounded
 * down.
 *
 * @param {{previous: bigint, gross: bigint}} totals
 * @param {{asOf: number, nextUpdateAt: number}} hour milliseconds since 1970, UTC
 * @param {number} now the instant, in the same unit
 * @returns {bigint}
 */
export function amountAt({ previous, gross }, { asOf, nextUpdateAt }, now) {
  if (!(now > asOf)) return previous;
  if (now >= nextUpdateAt) return gross;
  const passed = BigInt(Math.floor(now - asOf));
  return previous + ((gross - previous) * passed) / BigInt(nextUpdateAt - asOf);
}

/**
 * The counter without a page: it takes the answers of the server and returns the amounts to show.
 *
 * All instants that callers pass must be from one monotonic clock in milliseconds, such as
 * performance.now(). That clock may stop while the machine sleeps. Then the counter is behind until
 * the next answer, and never ahead.
 */
export class Counter {
  #document = null;
  #served = null; // the server's time in the last answer, and the instant when the answer arrived
  #floors = new Map();
  #lateAfterMs;

  constructor({ lateAfterMs = LATE_AFTER_MS } = {}) {
    this.#lateAfterMs = lateAfterMs;
  }

  /**
   * Takes an answer `{served_at, counter}`. If its document is older than the current one, only the
   * time of the answer is used.
   *
   * @returns {boolean} whether the document is newer than the current one
   * @throws {RefusedDocument} if the document is not valid, or if one of its totals has gone down
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
   * Returns the amounts to show (by currency, in minor units with their exponent) and the status.
   *
   * The status is empty (there is no document yet), live (the amounts count up), due (the next
   * document should come now) or late (the next document has not come, and the amounts do not
   * change). The currencies in excludedCurrencies do not count up: their last amount is shown, if
   * there is one.
   */
  read(at) {
    if (this.#document === null) {
      return { status: "empty", amounts: new Map(), excludedCurrencies: [] };
    }
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
    const { excluded } = this.#document;
    for (const [currency, last] of excluded) {
      // The last total of the currency is shown and does not count up.
      if (last === null) continue;
      const floor = this.#floors.get(currency) ?? 0n;
      const minor = last.gross > floor ? last.gross : floor;
      this.#floors.set(currency, minor);
      amounts.set(currency, { minor, exponent: last.exponent });
    }
    const overdue = now - nextUpdateAt;
    const status = overdue < 0 ? "live" : overdue < this.#lateAfterMs ? "due" : "late";
    const excludedCurrencies = [...excluded.keys()];
    return {
      status,
      amounts,
      asOf,
      nextUpdateAt,
      missingHourCount,
      publication,
      excludedCurrencies,
    };
  }

  /** Returns the milliseconds until the next document can be available, and 0 after that. */
  untilUpdate(at) {
    if (this.#document === null) return 0;
    return Math.max(0, this.#document.nextUpdateAt - this.#serverTime(at));
  }

  /** Returns the server's time. It is behind by the time that the last answer took to arrive. */
  #serverTime(at) {
    return this.#served.servedAt + Math.max(0, at - this.#served.receivedAt);
  }

  #refuseFallen(document) {
    for (const [currency, gross] of lastTotals(this.#document)) {
      // A currency that is excluded has no total that could have fallen.
      const total = document.currencies.get(currency)?.gross;
      if (total === undefined && document.excluded.has(currency)) continue;
      if ((total ?? -1n) < gross) {
        throw new RefusedDocument(`the total of ${currency} has fallen`);
      }
    }
  }
}

/**
 * Returns an amount of minor units as text in a locale. It is exact for any size.
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

/** The texts beside the number. An app can replace each: mount(root, {url, words: {…}}). */
export const WORDS = {
  live: ({ asOf, nextUpdateAt }) => `Complete up to ${asOf}. Next update at ${nextUpdateAt}.`,
  due: ({ asOf }) => `Complete up to ${asOf}. The next update comes soon.`,
  late: ({ asOf }) => `Complete up to ${asOf}. The next update is late; the number stands still.`,
  empty: () => "No hour is closed yet.",
  loading: () => "Loading …",
  unreachable: () => "The counter is not available at the moment.",
  excluded: ({ currencies }) => ` Not counted at the moment: ${currencies}.`,
  missing: ({ count }) => ` ${count} ${count === 1 ? "hour is" : "hours are"} not counted yet.`,
  announcement: ({ amounts, text }) => `Settled volume: ${amounts}. ${text}`,
};

/**
 * Shows the counter in an element and keeps it up to date.
 *
 * @param {Element} root gets a list of the amounts by currency, and a line of text below
 * @param {object} options
 * @param {string} options.url the URL that answers with `{served_at, counter}`
 * @param {string} [options.locale] the language of the numbers; the default is the page's language
 * @param {object} [options.words] texts that replace those of WORDS
 * @param {number} [options.lateAfterMs] how long after the expected time an update is late
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
    // The numbers change at every frame, so a screen reader gets one sentence per document instead.
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

  /** Asks the server now. Calls that come during a request share it. */
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

  /** Updates a page that was hidden: its time and its document may be old. */
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
    // The announcement changes once per document, and once when the next one is late.
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
    // The last document may be from another day.
    const withDate = state.status === "late";
    const text = this.#words[state.status]({
      asOf: timeOf(state.asOf, this.#locale, withDate),
      nextUpdateAt: timeOf(state.nextUpdateAt, this.#locale, withDate),
    });
    const count = state.missingHourCount;
    const missing = count === 0 ? "" : this.#words.missing({ count });
    const currencies = state.excludedCurrencies.join(", ");
    return text + missing + (currencies === "" ? "" : this.#words.excluded({ currencies }));
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
  const excluded = excludedTotals(document.excluded_currencies ?? {});
  return { publication, asOf, nextUpdateAt, missingHourCount, currencies, excluded };
}

function excludedTotals(documents) {
  const excluded = new Map();
  for (const [currency, { last }] of Object.entries(documents)) {
    const { exponent } = last ?? { exponent: 0 };
    if (!(Number.isInteger(exponent) && exponent >= 0 && exponent <= 4)) {
      throw new RefusedDocument(`${exponent} is no exponent`);
    }
    excluded.set(currency, last === null ? null : { exponent, gross: amount(last.gross_minor) });
  }
  return excluded;
}

/** Returns the last total of each currency of a document, those that it excludes too. */
function lastTotals(document) {
  const totals = new Map();
  for (const [currency, { gross }] of document?.currencies ?? []) totals.set(currency, gross);
  for (const [currency, last] of document?.excluded ?? []) {
    if (last !== null) totals.set(currency, last.gross);
  }
  return totals;
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

// ---- numbers and times as text ---------------------------------------------------------------

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
