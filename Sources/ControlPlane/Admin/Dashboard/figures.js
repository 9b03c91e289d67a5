// What the counters of /status mean: rates, shares and quantiles of the last seconds.

const KEPT = 180;
const WINDOW = 5000;
const QUANTILE_WINDOW = 10000;

export const BUCKETS = 128;

// As weir sorts durations: four buckets for each power of two of microseconds.
const bucketBelow = (microseconds) => {
  if (microseconds <= 4) return Math.max(0, microseconds - 1);
  const octave = Math.floor(Math.log2(microseconds - 1)) - 2;
  return Math.min(BUCKETS - 1, octave * 4 + Math.floor((microseconds - 1) / 2 ** octave));
};

export const lowerMilliseconds = (bucket) =>
  (bucket < 4 ? bucket : (4 + bucket % 4) * 2 ** (Math.floor(bucket / 4) - 1)) / 1000;

const answers = (counts) => counts['2xx'] + counts['3xx'] + counts['4xx'] + counts['5xx'];

function countPool(pool) {
  const buckets = new Float64Array(BUCKETS);
  for (const { below_us: below, count } of pool.durations) buckets[bucketBelow(below)] = count;
  return {
    requests: pool.requests + pool.tunnels, answers: answers(pool.responses),
    errors: pool.responses['5xx'], retries: pool.retries, rescued: pool.rescued,
    holds: pool.holds, yielded: pool.yielded, buckets,
    in_flight: pool.in_flight, holding: pool.holding,
  };
}

function count(status) {
  const sample = { at: status.uptime_ms, pools: new Map(), replicas: new Map(), listeners: new Map() };
  for (const listener of status.listeners) {
    sample.listeners.set(listener.name,
      listener.protocol === 'http' ? listener.requests : listener.accepted);
  }
  for (const pool of status.pools) {
    sample.pools.set(pool.name, countPool(pool));
    for (const replica of pool.replicas) {
      sample.replicas.set(`${pool.name} ${replica.address}`, {
        answers: answers(replica.responses) + replica.tunnels,
        errors: replica.responses['5xx'] + replica.failures,
        bytes: replica.bytes_received,
      });
    }
  }
  return sample;
}

export class Figures {
  samples = [];

  add(status) {
    // After a restart all counters begin anew.
    const last = this.samples.at(-1);
    if (last && status.uptime_ms < last.at) this.samples = [];
    const sample = count(status);
    this.samples.push(sample);
    if (this.samples.length > KEPT) this.samples.shift();
    // Replicas are many: only as long as a rate looks back.
    for (const old of this.samples) if (old.at < sample.at - 3 * WINDOW) old.replicas = new Map();
    this.status = status;
    this.now = sample;
    this.before = this.since(WINDOW);
  }

  since(milliseconds) {
    return this.samples.find((sample) => this.now.at - sample.at <= milliseconds) ?? this.now;
  }

  get seconds() { return (this.now.at - this.before.at) / 1000; }

  rate(present, past) {
    if (present == null || this.seconds <= 0) return null;
    return Math.max(0, present - (past ?? present)) / this.seconds;
  }

  listener(name) {
    return this.rate(this.now.listeners.get(name), this.before.listeners.get(name)) ?? 0;
  }

  pool(pool, counter = 'requests') {
    const rate = this.rate(
      this.now.pools.get(pool.name)?.[counter], this.before.pools.get(pool.name)?.[counter]);
    // The first figure is that of weir itself, of the last minute.
    return rate ?? (counter === 'requests' ? pool.requests_per_second : 0);
  }

  replica(pool, replica, counter = 'answers') {
    const key = `${pool.name} ${replica.address}`;
    const rate = this.rate(
      this.now.replicas.get(key)?.[counter], this.before.replicas.get(key)?.[counter]);
    return rate ?? (counter === 'answers' ? replica.requests_per_second : 0);
  }

  errorShare(pool) {
    const all = this.pool(pool, 'answers');
    return all > 0 ? this.pool(pool, 'errors') / all : 0;
  }

  // Of the pools together; null where nothing was timed.
  quantiles(pools) {
    const before = this.since(QUANTILE_WINDOW);
    const total = new Float64Array(BUCKETS);
    for (const pool of pools) {
      const present = this.now.pools.get(pool.name)?.buckets;
      const past = before.pools.get(pool.name)?.buckets;
      for (let i = 0; i < BUCKETS; i++) total[i] += Math.max(0, present[i] - (past?.[i] ?? 0));
    }
    const found = { p50: quantile(total, 0.5), p99: quantile(total, 0.99) };
    if (found.p50 != null || pools.length !== 1 || this.samples.length > 1) return found;
    return { p50: pools[0].p50_ms, p99: pools[0].p99_ms };
  }

  // One value for each second that is known, of what `pick` finds in two samples in a row.
  history(pick) {
    const values = [];
    for (let i = 1; i < this.samples.length; i++) {
      const seconds = (this.samples[i].at - this.samples[i - 1].at) / 1000;
      values.push(pick(this.samples[i], this.samples[i - 1], seconds || 1));
    }
    return values;
  }

  rates(names, counter) {
    return this.history((now, past, seconds) => {
      let sum = 0;
      for (const name of names) {
        const [present, before] = [now.pools.get(name), past.pools.get(name)];
        if (present && before) sum += Math.max(0, present[counter] - before[counter]);
      }
      return sum / seconds;
    });
  }

  levels(names, counter) {
    return this.samples.map((sample) => names.reduce(
      (sum, name) => sum + (sample.pools.get(name)?.[counter] ?? 0), 0));
  }

  heat(name) {
    return this.history((now, past) => {
      const [present, before] = [now.pools.get(name)?.buckets, past.pools.get(name)?.buckets];
      return present && before ? present.map((value, i) => Math.max(0, value - before[i])) : null;
    });
  }
}

export function quantile(buckets, share) {
  let total = 0;
  for (const value of buckets) total += value;
  if (total === 0) return null;
  let before = 0;
  for (let i = 0; i < buckets.length; i++) {
    if (buckets[i] > 0 && before + buckets[i] >= total * share) {
      const lower = lowerMilliseconds(i);
      return lower + (total * share - before) / buckets[i] * (lowerMilliseconds(i + 1) - lower);
    }
    before += buckets[i];
  }
  return null;
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function number(value) {
  if (value == null) return '–';
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(size >= 1e7 ? 0 : 1)} M`;
  if (size >= 1e5) return `${(value / 1e3).toFixed(0)} k`;
  if (size >= 100 || Number.isInteger(value)) return grouped.format(value);
  return size >= 10 ? value.toFixed(0) : size < 0.05 ? '0' : value.toFixed(1);
}

export function milliseconds(value) {
  if (value == null) return '–';
  if (value >= 10000) return `${(value / 1000).toFixed(0)} s`;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 10 ? `${value.toFixed(0)} ms` : `${value.toFixed(1)} ms`;
}

export function percent(share) {
  const value = share * 100;
  return `${value === 0 ? 0 : value < 0.1 ? '<0.1' : value < 10 ? +value.toFixed(1) : Math.round(value)} %`;
}

export function span(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds % 86400 / 3600)} h`;
}

export const many = (count, word) => `${number(count)} ${word}${count === 1 ? '' : 's'}`;
