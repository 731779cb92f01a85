// The counter without a page: what it shows, over hours of made-up time. Run by test_counter_js.py.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  amountAt,
  Counter,
  formatAmount,
  RefusedDocument,
} from "../../templates/desk/assets/counter.js";

const HOUR_MS = 3_600_000;
const TWO = Date.parse("2026-10-31T14:00:00Z");
const SCHEDULES = Number(process.env.CLOSEBOOK_TEST_SCHEDULES ?? 300);
const BEYOND_DOUBLES = 9_007_199_254_740_993n * 1_000n;

// Whoever asks for the visitor's clock fails here.
Date.now = () => {
  throw new Error("the visitor's clock was read");
};

function iso(milliseconds) {
  return new Date(milliseconds).toISOString().replace(".000Z", "Z");
}

function counterDocument({ publication = 1, asOf = TWO, previous = 0n, gross = 3600n, ...rest }) {
  return {
    publication,
    counted_from: "2026-10-01T00:00:00Z",
    previous_as_of: iso(asOf - HOUR_MS),
    as_of: iso(asOf),
    next_update_at: iso(asOf + HOUR_MS),
    missing_hour_count: 0,
    currencies: {
      EUR: {
        exponent: 2,
        gross_minor: String(gross),
        previous_gross_minor: String(previous),
        payment_count: 1,
        previous_payment_count: 0,
        refund_minor: "0",
        refund_count: 0,
        chargeback_minor: "0",
        chargeback_count: 0,
      },
    },
    ...rest,
  };
}

function answer(servedAt, options = {}) {
  return { served_at: new Date(servedAt).toISOString(), counter: counterDocument(options) };
}

function euros(counter, at) {
  return counter.read(at).amounts.get("EUR").minor;
}

describe("a currency that is left out", () => {
  const usd = { reason: "incomplete", last: { as_of: iso(TWO), exponent: 2, gross_minor: "700" } };

  test("it keeps its last total and does not count, and the others count", () => {
    const counter = new Counter();
    const excluded = { USD: usd, BTC: { reason: "unknown_currency", last: null } };
    counter.take(answer(TWO, { excluded_currencies: excluded }), 0);
    for (const at of [0, HOUR_MS / 2, HOUR_MS]) {
      const { amounts, excludedCurrencies } = counter.read(at);
      assert.equal(amounts.get("USD").minor, 700n);
      assert.deepEqual([...amounts.keys()], ["EUR", "USD"]);
      assert.deepEqual(excludedCurrencies, ["USD", "BTC"]);
    }
    assert.equal(euros(counter, HOUR_MS), 3600n);
  });

  test("a document that leaves out a currency of the one before is taken", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    const last = { as_of: iso(TWO), exponent: 2, gross_minor: "3600" };
    const excluded = { EUR: { reason: "incomplete", last } };
    const later = { publication: 2, currencies: {}, excluded_currencies: excluded };
    assert.equal(counter.take(answer(TWO + HOUR_MS, later), HOUR_MS), true);
    assert.equal(euros(counter, HOUR_MS), 3600n);
  });

  test("when it is back, its total is refused if it is below the last one", () => {
    const counter = new Counter();
    counter.take(answer(TWO, { excluded_currencies: { USD: usd } }), 0);
    const euro = counterDocument({}).currencies.EUR;
    const back = (gross) => ({
      publication: 2,
      currencies: { EUR: euro, USD: { ...euro, gross_minor: gross } },
    });
    assert.throws(() => counter.take(answer(TWO, back("699")), 1), RefusedDocument);
    assert.equal(counter.take(answer(TWO, back("700")), 2), true);
  });
});

describe("within its hour", () => {
  test("it goes from the previous total to the present one in equal steps", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    for (let second = 0; second <= 3600; second += 1) {
      assert.equal(euros(counter, second * 1000), BigInt(second));
    }
    assert.equal(counter.read(HOUR_MS).status, "due");
  });

  test("a part of a minor unit is rounded down", () => {
    const totals = { previous: 0n, gross: 1n };
    const hour = { asOf: TWO, nextUpdateAt: TWO + HOUR_MS };
    assert.equal(amountAt(totals, hour, TWO + HOUR_MS - 1), 0n);
    assert.equal(amountAt(totals, hour, TWO + HOUR_MS), 1n);
  });

  test("amounts that no double holds are exact to the minor unit", () => {
    const counter = new Counter();
    const gross = BEYOND_DOUBLES + 3600n;
    counter.take(answer(TWO, { previous: BEYOND_DOUBLES, gross }), 0);
    assert.equal(euros(counter, 1000), BEYOND_DOUBLES + 1n);
    assert.equal(euros(counter, HOUR_MS), gross);
  });

  test("before as_of it shows the previous total", () => {
    const counter = new Counter();
    counter.take(answer(TWO - 5000, { previous: 7n }), 0);
    assert.equal(euros(counter, 0), 7n);
  });
});

describe("time", () => {
  test("is the server's, whatever the monotonic clock has counted so far", () => {
    for (const receivedAt of [0, 123_456.789, 9e12]) {
      const counter = new Counter();
      counter.take(answer(TWO + 600_000), receivedAt);
      assert.equal(euros(counter, receivedAt), 600n);
      assert.equal(euros(counter, receivedAt + 1000), 601n);
    }
  });

  test("a monotonic clock that stood still in sleep makes it late, and the next answer right", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    assert.equal(euros(counter, 60_000), 60n);
    // Half an hour of sleep, of which the clock knows nothing.
    assert.equal(euros(counter, 61_000), 61n);
    counter.take(answer(TWO + 1_861_000), 62_000);
    assert.equal(euros(counter, 62_000), 1861n);
  });

  test("after a sleep that the clock has counted it is right at once", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    assert.equal(euros(counter, 1000), 1n);
    assert.equal(euros(counter, 3_000_000), 3000n);
  });

  test("a later answer with an earlier time lets it wait, not go back", () => {
    const counter = new Counter();
    counter.take(answer(TWO + 600_000), 0);
    assert.equal(euros(counter, 0), 600n);
    counter.take(answer(TWO + 500_000), 1000);
    assert.equal(euros(counter, 1000), 600n);
    assert.equal(euros(counter, 1000 + 101_000), 601n);
  });
});

describe("a document that is late", () => {
  test("leaves the counter at its total, and it says so", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    assert.equal(counter.read(HOUR_MS - 1).status, "live");
    assert.equal(counter.read(HOUR_MS + 14 * 60_000).status, "due");
    for (const at of [HOUR_MS + 15 * 60_000, 2 * HOUR_MS, 100 * HOUR_MS]) {
      assert.equal(counter.read(at).status, "late");
      assert.equal(euros(counter, at), 3600n);
    }
  });

  test("is late at once when the page opens on it", () => {
    const counter = new Counter();
    counter.take(answer(TWO + 2 * HOUR_MS), 0);
    assert.equal(counter.read(0).status, "late");
    assert.equal(euros(counter, 0), 3600n);
  });

  test("and when its successor comes it counts on from there", () => {
    const counter = new Counter();
    counter.take(answer(TWO + 2 * HOUR_MS), 0);
    assert.equal(euros(counter, 0), 3600n);
    const next = { publication: 2, asOf: TWO + 2 * HOUR_MS, previous: 5000n, gross: 8600n };
    counter.take(answer(TWO + 2 * HOUR_MS + 60_000, next), 60_000);
    assert.equal(counter.read(60_000).status, "live");
    assert.equal(euros(counter, 60_000), 5060n);
  });
});

describe("a newer document in mid-animation", () => {
  test("of the same hour, with rows that came late, goes on upwards", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    assert.equal(euros(counter, 1_800_000), 1800n);
    counter.take(answer(TWO + 1_800_000, { publication: 2, previous: 100n, gross: 7300n }), 1_800_000);
    assert.equal(euros(counter, 1_800_000), 3700n);
  });

  test("whose animation would be lower lets the number wait until that has caught up", () => {
    const counter = new Counter();
    counter.take(answer(TWO, { previous: 2000n, gross: 5600n }), 0);
    assert.equal(euros(counter, 1_800_000), 3800n);
    const shifted = { publication: 2, previous: 0n, gross: 5600n };
    counter.take(answer(TWO + 1_800_000, shifted), 1_800_000);
    assert.equal(euros(counter, 1_800_000), 3800n);
    assert.equal(euros(counter, HOUR_MS), 5600n);
  });

  test("with a lower number is one that another has overtaken", () => {
    const counter = new Counter();
    assert.equal(counter.take(answer(TWO, { publication: 2 }), 0), true);
    assert.equal(counter.take(answer(TWO, { publication: 1, gross: 9999n }), 0), false);
    assert.equal(euros(counter, HOUR_MS), 3600n);
  });

  test("whose total has fallen is refused, and the last good one stands", () => {
    const counter = new Counter();
    counter.take(answer(TWO), 0);
    for (const fallen of [
      { publication: 2, gross: 3599n },
      { publication: 2, currencies: {} },
    ]) {
      assert.throws(() => counter.take(answer(TWO, fallen), 0), RefusedDocument);
    }
    assert.equal(euros(counter, HOUR_MS), 3600n);
  });
});

describe("what is no counter", () => {
  const wrong = {
    "an amount as a number": (it) => (it.counter.currencies.EUR.gross_minor = 3600),
    "an amount with a point": (it) => (it.counter.currencies.EUR.gross_minor = "36.00"),
    "a negative amount": (it) => (it.counter.currencies.EUR.previous_gross_minor = "-1"),
    "a previous total above the present": (it) =>
      (it.counter.currencies.EUR.previous_gross_minor = "3601"),
    "no exponent": (it) => delete it.counter.currencies.EUR.exponent,
    "no publication": (it) => delete it.counter.publication,
    "no as_of": (it) => delete it.counter.as_of,
    "an hour that ends before it begins": (it) => (it.counter.next_update_at = it.counter.as_of),
    "no server's time": (it) => delete it.served_at,
    "no document": (it) => (it.counter = "maintenance"),
  };
  for (const [name, spoil] of Object.entries(wrong)) {
    test(`is refused: ${name}`, () => {
      const spoiled = answer(TWO);
      spoil(spoiled);
      const counter = new Counter();
      assert.throws(() => counter.take(spoiled, 0), RefusedDocument);
      assert.equal(counter.read(0).status, "empty");
    });
  }

  test("is refused: nothing at all", () => {
    for (const nothing of [null, undefined, "", 7, []]) {
      assert.throws(() => new Counter().take(nothing, 0), RefusedDocument);
    }
  });
});

describe("an amount is written", () => {
  for (const [minor, exponent, currency, locale, text] of [
    [123456789n, 2, "EUR", "en", "€1,234,567.89"],
    [123456789n, 2, "EUR", "de", "1.234.567,89\u00a0€"],
    [5n, 2, "USD", "en", "$0.05"],
    [1234567n, 0, "JPY", "en", "¥1,234,567"],
    [1234005n, 3, "KWD", "en", "KWD\u00a01,234.005"],
    [900719925474099300017n, 2, "USD", "en", "$9,007,199,254,740,993,000.17"],
    [123456n, 2, "INR", "hi-u-nu-deva", "₹१,२३४.५६"],
  ]) {
    test(`${currency} in ${locale}: ${text}`, () => {
      assert.equal(formatAmount(minor, exponent, currency, locale), text);
    });
  }
});

// ---- hours of made-up time -----------------------------------------------------------------

/** Numbers below 1 that look random and are the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a platform settles in some hours, as the world knows it and as documents tell of it. */
class Platform {
  constructor(chance, hours) {
    this.chance = chance;
    this.base = chance() < 0.3 ? BEYOND_DOUBLES : BigInt(Math.floor(chance() * 1e6));
    this.hours = Array.from({ length: hours }, () =>
      chance() < 0.2 ? 0n : BigInt(Math.floor(chance() ** 3 * 1e9)),
    );
    this.publication = 0;
    this.late = 0n; // what was settled before the first hour and came late
  }

  totalBefore(hour) {
    return this.hours.slice(0, hour).reduce((sum, one) => sum + one, this.base + this.late);
  }

  /** No less than what was settled by now, and by now proved. */
  provedBy(now) {
    return this.totalBefore(Math.max(0, Math.floor((now - TWO) / HOUR_MS)));
  }

  publish(hour) {
    this.publication += 1;
    return counterDocument({
      publication: this.publication,
      asOf: TWO + hour * HOUR_MS,
      previous: this.totalBefore(hour - 1),
      gross: this.totalBefore(hour),
    });
  }
}

function schedule(seed) {
  const chance = random(seed);
  const platform = new Platform(chance, 6);
  const counter = new Counter();
  const clockBegan = chance() * 1e9;
  let stoodStill = 0; // how long the monotonic clock has not counted
  let published = platform.publish(1);
  let publishedHour = 1;
  let now = TWO + HOUR_MS + Math.floor(chance() * HOUR_MS);
  const answers = []; // on their way: {arrivesAt, answer}
  let last = 0n;
  let frames = 0;
  const until = TWO + 5 * HOUR_MS;
  while (now < until) {
    const draw = chance();
    if (draw < 0.9) now += 16 + chance() * 40_000; // a frame, or a throttled timer
    else {
      const slept = chance() * HOUR_MS;
      now += slept;
      if (chance() < 0.5) stoodStill += slept;
    }
    const hour = Math.floor((now - TWO) / HOUR_MS);
    if (hour > publishedHour && chance() < 0.1) {
      publishedHour = hour;
      published = platform.publish(hour);
    } else if (chance() < 0.01) {
      platform.late += BigInt(Math.floor(chance() * 1e6));
      published = platform.publish(publishedHour);
    }
    if (chance() < 0.2) {
      const arrivesAt = now + chance() ** 4 * 120_000;
      answers.push({
        arrivesAt,
        answer: { served_at: new Date(Math.floor(now)).toISOString(), counter: published },
      });
    }
    const at = clockBegan + now - stoodStill;
    for (const arrived of answers.filter((one) => one.arrivesAt <= now)) {
      counter.take(arrived.answer, at);
      answers.splice(answers.indexOf(arrived), 1);
    }
    const state = counter.read(at);
    if (state.status === "empty") continue;
    frames += 1;
    const shown = state.amounts.get("EUR").minor;
    const where = `schedule ${seed}, frame ${frames}`;
    assert.ok(shown >= last, `${where}: ${last} -> ${shown} goes back`);
    assert.ok(shown <= platform.provedBy(now), `${where}: ${shown} is more than is true`);
    last = shown;
  }
  // And it gets there: an answer that says that the hour is over shows its total.
  const at = clockBegan + now - stoodStill;
  const over = iso(Date.parse(published.next_update_at) + 1000);
  counter.take({ served_at: over, counter: published }, at);
  assert.equal(String(euros(counter, at)), published.currencies.EUR.gross_minor);
  return frames;
}

test(`${SCHEDULES} schedules of sleep, lost time, slow answers and late rows`, () => {
  let frames = 0;
  for (let seed = 1; seed <= SCHEDULES; seed += 1) frames += schedule(seed);
  assert.ok(frames > SCHEDULES * 50, `${frames} frames are few`);
});
