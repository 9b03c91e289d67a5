// The figures of everything, and each pool with its replicas.

import { badge, keep, make, mark, say, sparkline, stateOf } from './page.js';
import { BUCKETS, lowerMilliseconds, many, milliseconds, number, percent, span } from './figures.js';

const SHOWN_AT_FIRST = 24;
const SHOWN_MORE = 100;

const TILES = [
  { name: 'Requests', unit: 'per second', counter: 'requests', rate: true },
  { name: 'p50', unit: 'half are faster', quantile: 'p50' },
  { name: 'p99', unit: '99 % are faster', quantile: 'p99' },
  { name: 'Errors', unit: 'answers of 5xx', counter: 'errors', share: true, tone: (share) => (share > 0.01 ? 'bad' : share > 0 ? 'warn' : null) },
  { name: 'In flight', unit: 'requests', counter: 'in_flight', level: true },
  { name: 'Waiting', unit: 'held, none is ready', counter: 'holding', level: true, tone: (count) => (count > 0 ? 'warn' : null) },
  { name: 'Retries', unit: 'per second', counter: 'retries', rate: true },
  { name: 'Rescued', unit: 'would have failed', counter: 'rescued', total: true, tone: (count) => (count > 0 ? 'good' : null) },
];

export class Tiles {
  constructor(root) {
    this.tiles = TILES.map((tile) => {
      const value = make('dd', { class: 'value' });
      const spark = sparkline();
      const node = make('div', { class: 'tile' }, make('dt', {}, tile.name), value,
        make('dd', { class: 'unit' }, tile.unit), make('dd', { class: 'plot' }, spark));
      root.append(node);
      return { ...tile, node, value, spark };
    });
  }

  show(figures) {
    const { pools } = figures.status;
    const names = pools.map((pool) => pool.name);
    const sum = (counter) => pools.reduce((total, pool) => total + figures.pool(pool, counter), 0);
    const quantiles = figures.quantiles(pools);
    for (const tile of this.tiles) {
      let [text, value] = ['–', 0];
      if (tile.quantile) text = milliseconds(quantiles[tile.quantile]);
      else if (tile.share) text = percent(value = sum('errors') / Math.max(1e-9, sum('answers')));
      else if (tile.rate) text = number(value = sum(tile.counter));
      else {
        value = pools.reduce((total, pool) => total + pool[tile.counter], 0);
        text = number(value);
      }
      say(tile.value, text);
      mark(tile.node, 'data-tone', tile.tone?.(value));
      if (!tile.quantile) {
        tile.spark.show(tile.level ? figures.levels(names, tile.counter) : figures.rates(names, tile.counter));
      } else {
        (this[tile.quantile] ??= []).push(quantiles[tile.quantile] ?? 0);
        if (this[tile.quantile].length > 180) this[tile.quantile].shift();
        tile.spark.show(this[tile.quantile]);
      }
    }
  }
}

export class Pools {
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
  }

  show(figures) {
    keep(this.root, figures.status.pools, (pool) => pool.name,
      (pool) => new PoolCard(pool, this.actions).node, (node, pool) => node.card.show(pool, figures));
  }
}

class PoolCard {
  limit = SHOWN_AT_FIRST;
  wanted = '';

  constructor(pool, actions) {
    this.actions = actions;
    this.name = pool.name;
    const id = `pool-${encodeURIComponent(pool.name)}`;
    this.title = make('h3', { id: `${id}-title` }, pool.name);
    this.ready = make('span', { class: 'pill' });
    this.facts = make('p', { class: 'facts' });
    this.pause = actions.button('', () => actions.pause(this.pool));
    this.figures = make('dl', { class: 'figures' });
    this.heat = new HeatMap();
    this.table = make('table', {}, make('caption', { class: 'unseen' }, `Replicas of pool ${pool.name}`),
      make('thead', {}, make('tr', {}, ...['State', 'Replica', 'Traffic', 'In flight', 'Errors', 'Last probe', 'Since, and why', '']
        .map((text) => make('th', { scope: 'col' }, text || make('span', { class: 'unseen' }, 'Change'))))));
    this.rows = make('tbody');
    this.table.append(this.rows);
    this.filter = make('input', {
      type: 'search', 'aria-label': `Find a replica of pool ${pool.name}`, placeholder: 'Find a replica, state or cause',
      oninput: () => { this.wanted = this.filter.value.toLowerCase(); this.fill(); },
    });
    this.summary = make('p', { class: 'summary' });
    this.more = make('button', {
      type: 'button', class: 'quiet', onclick: () => { this.limit += SHOWN_MORE; this.fill(); },
    });
    this.tools = make('div', { class: 'tools' }, this.filter, this.summary);
    this.node = make('article', { id, class: 'panel pool', 'aria-labelledby': `${id}-title`, tabindex: '-1' },
      make('div', { class: 'head' }, this.title, this.ready, this.facts, this.pause),
      make('div', { class: 'middle' }, this.figures, this.heat.node),
      this.tools, make('div', { class: 'scroll', role: 'region', 'aria-label': `Replicas of pool ${pool.name}`, tabindex: '0' }, this.table), this.more);
    this.node.card = this;
  }

  show(pool, figures) {
    this.pool = pool;
    this.source = figures;
    this.present = pool.replicas.filter((replica) => replica.state !== 'gone');
    say(this.ready, `${number(pool.ready)} of ${number(this.present.length)} ready`);
    mark(this.ready, 'data-tone', pool.ready === 0 ? 'bad' : pool.ready < this.present.length ? 'warn' : 'good');
    const facts = [pool.policy, `probe ${pool.probe}`];
    if (pool.sticky && pool.sticky !== 'off') facts.push(`sticky ${pool.sticky}`);
    if (pool.backup) facts.push(`backup ${pool.backup}${pool.backed_up ? ' in use' : ''}`);
    if (pool.paused) facts.push(`paused, requests wait up to ${span(pool.wait_at_most_ms)}`);
    say(this.facts, facts.join(' · '));
    say(this.pause, pool.paused ? 'Resume' : 'Pause');
    mark(this.pause, 'aria-label', `${pool.paused ? 'Resume' : 'Pause'} pool ${pool.name}`);
    this.showFigures(pool, figures);
    this.heat.show(pool, figures);
    this.fill();
  }

  showFigures(pool, figures) {
    const { p50, p99 } = figures.quantiles([pool]);
    const errors = figures.errorShare(pool);
    const entries = [
      ['Requests', `${number(figures.pool(pool))}/s`],
      ['p50', milliseconds(p50)], ['p99', milliseconds(p99)],
      ['Errors', percent(errors), errors > 0.01 ? 'bad' : errors > 0 ? 'warn' : null],
      ['In flight', number(pool.in_flight)],
      ['Waiting', number(pool.holding), pool.holding > 0 ? 'warn' : null],
      ['Retries', number(pool.retries)],
      ['Rescued', number(pool.rescued), pool.rescued > 0 ? 'good' : null],
    ];
    if (pool.tunnels > 0) entries.push(['Tunnels', number(pool.tunnels)]);
    if (pool.ejections) entries.push(['Ejections', number(pool.ejections), 'warn']);
    if (pool.failures) entries.push(['Failed', number(pool.failures), 'bad']);
    keep(this.figures, entries, ([name]) => name,
      ([name]) => make('div', {}, make('dt', {}, name), make('dd')),
      (node, [, value, tone]) => {
        say(node.lastChild, value);
        mark(node, 'data-tone', tone);
      });
    const rescues = Object.entries(pool.rescued_by_class).filter(([, count]) => count > 0)
      .map(([name, count]) => `${name.replaceAll('_', ' ')}: ${count}`).join('\n');
    mark(this.figures.children_.get('Rescued'), 'title', rescues || null);
  }

  fill() {
    const trouble = (replica) => (stateOf(replica) === 'ready' ? 1 : 0);
    const isLarge = this.present.length > SHOWN_AT_FIRST;
    let shown = this.present;
    if (this.wanted) {
      shown = shown.filter((replica) => `${replica.name} ${replica.address} ${stateOf(replica)} ${replica.cause}`
        .toLowerCase().includes(this.wanted));
    }
    // Of many, what is wrong comes first.
    if (isLarge) shown = shown.toSorted((a, b) => trouble(a) - trouble(b));
    const found = shown.length;
    shown = shown.slice(0, this.limit);
    this.tools.hidden = !isLarge;
    say(this.summary, `${number(shown.length)} of ${number(found)} shown, those that are not ready first`);
    this.more.hidden = shown.length >= found;
    say(this.more, `Show ${number(Math.min(SHOWN_MORE, found - shown.length))} more`);
    const rates = new Map(shown.map((replica) => [replica, this.source.replica(this.pool, replica)]));
    const top = Math.max(1e-9, ...rates.values());
    keep(this.rows, shown, (replica) => `${replica.address} ${replica.name}`,
      (replica) => this.row(replica), (row, replica) => this.write(row, replica, rates.get(replica), top));
  }

  row() {
    const state = badge();
    const [name, address, traffic, flight, errors, probe, age, since, cause] =
      ['b', 'small', 'span', 'td', 'td', 'span', 'small', 'span', 'small'].map((tag) => make(tag));
    const bar = make('meter', { min: 0, max: 1 });
    const button = this.actions.button('', () => this.actions.drain(this.pool, row.replica));
    const row = make('tr', {}, make('td', {}, state), make('th', { scope: 'row' }, name, address),
      make('td', { class: 'traffic' }, traffic, bar), flight, errors, make('td', {}, probe, age), make('td', {}, since, cause), make('td', {}, button));
    ['Traffic', 'In flight', 'Errors', 'Last probe', 'Since'].forEach((label, i) => mark(row.children[i + 2], 'data-label', label));
    Object.assign(row, { state, name, address, traffic, bar, flight, errors, probe, age, since, cause, button });
    return row;
  }

  write(row, replica, rate, top) {
    row.replica = replica;
    row.state.show(stateOf(replica));
    say(row.name, replica.name);
    say(row.address, replica.address === replica.name ? '' : replica.address);
    const ramp = replica.weight_percent < 100 ? `, ${replica.weight_percent} % of its weight` : '';
    say(row.traffic, `${number(rate)}/s${ramp}`);
    row.bar.value = rate / top;
    mark(row.bar, 'aria-label', `Share of the busiest replica: ${percent(rate / top)}`);
    say(row.flight, number(replica.in_flight));
    const errors = replica.responses['5xx'] + replica.failures;
    const isFailing = this.source.replica(this.pool, replica, 'errors') > 0;
    say(row.errors, number(errors));
    mark(row.errors, 'data-tone', isFailing ? 'bad' : null);
    say(row.probe, replica.probe == null ? 'none yet'
      : `${replica.probe} ${replica.probe_ms < 1 ? '<1 ms' : milliseconds(replica.probe_ms)}`);
    say(row.age, replica.probe == null ? '' : `${span(replica.probe_age_ms)} ago`);
    mark(row.probe.parentNode, 'data-tone', replica.probe == null || replica.probe === 'pass' ? null : 'bad');
    say(row.since, span(replica.since_ms));
    say(row.cause, replica.cause);
    say(row.button, replica.drained ? 'Undrain' : 'Drain');
    mark(row.button, 'aria-label', `${replica.drained ? 'Undrain' : 'Drain'} ${replica.name}`);
    mark(row, 'data-state', stateOf(replica));
  }
}

// Time to the right, duration upwards, and how many requests took it as brightness.
class HeatMap {
  constructor() {
    this.canvas = make('canvas', { role: 'img' });
    this.scale = make('div', { class: 'scale', 'aria-hidden': 'true' });
    this.note = make('figcaption', {}, 'How long requests took, second by second. Line: p50, dashes: p99.');
    this.node = make('figure', { class: 'heat' }, this.scale, this.canvas, this.note);
  }

  show(pool, figures) {
    const columns = figures.heat(pool.name);
    const { p50, p99 } = figures.quantiles([pool]);
    mark(this.canvas, 'aria-label', `Latency of pool ${pool.name}: p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const range = this.range(columns);
    if (!range) { this.legend(null); return; }
    this.legend(range, height);
    const style = getComputedStyle(this.canvas);
    this.cells(pen, columns, range, { width, height, colour: style.getPropertyValue('--heat') });
    this.lines(pen, columns, range, { width, height, colour: style.getPropertyValue('--text') });
  }

  // The buckets in use, with a little room around.
  range(columns) {
    let [low, high] = [BUCKETS, -1];
    for (const column of columns) {
      for (let i = 0; column && i < BUCKETS; i++) {
        if (column[i] > 0) { low = Math.min(low, i); high = Math.max(high, i); }
      }
    }
    return high < 0 ? null : { low: Math.max(0, low - 4), high: Math.min(BUCKETS, Math.max(high, low + 12) + 4) };
  }

  cells(pen, columns, { low, high }, { width, height, colour }) {
    const most = Math.max(...columns.map((column) => (column ? Math.max(...column) : 0)));
    const [step, cell] = [pace(columns, width), height / (high - low)];
    pen.fillStyle = colour;
    columns.forEach((column, i) => {
      const x = width - (columns.length - i) * step;
      for (let bucket = low; column && bucket < high; bucket++) {
        if (column[bucket] === 0) continue;
        pen.globalAlpha = 0.15 + 0.85 * Math.sqrt(column[bucket] / most);
        pen.fillRect(x, height - (bucket - low + 1) * cell, step + 0.3, cell + 0.3);
      }
    });
    pen.globalAlpha = 1;
  }

  lines(pen, columns, { low, high }, { width, height, colour }) {
    const step = pace(columns, width);
    pen.strokeStyle = colour;
    for (const [share, dash, line] of [[0.5, [], 1.5], [0.99, [3, 3], 1]]) {
      pen.setLineDash(dash);
      pen.lineWidth = line;
      pen.beginPath();
      let isDrawn = false;
      columns.forEach((column, i) => {
        // Over five seconds, so that the line is one.
        const sum = new Float64Array(BUCKETS);
        for (const near of columns.slice(Math.max(0, i - 4), i + 1)) near?.forEach((value, b) => { sum[b] += value; });
        const bucket = position(sum, share);
        if (bucket == null) { isDrawn = false; return; }
        const [x, y] = [width - (columns.length - i - 0.5) * step, height - (bucket - low) * height / (high - low)];
        if (isDrawn) pen.lineTo(x, y); else pen.moveTo(x, y);
        isDrawn = true;
      });
      pen.stroke();
    }
  }

  legend(range, height) {
    const marks = range ? [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000].map((value) => {
      let bucket = 0;
      while (bucket < BUCKETS && lowerMilliseconds(bucket + 1) <= value) bucket++;
      return { value, y: height - (bucket + 0.5 - range.low) * height / (range.high - range.low) };
    }).filter(({ y }) => y > 4 && y < height - 4) : [];
    keep(this.scale, marks, ({ value }) => value, ({ value }) =>
      make('span', {}, value >= 1000 ? `${value / 1000} s` : `${value} ms`),
      (node, { y }) => { node.style.top = `${y.toFixed(0)}px`; });
  }
}

// Few seconds fill a part of the picture, many all of it.
const pace = (columns, width) => width / Math.min(180, Math.max(60, columns.length));

function position(buckets, share) {
  let total = 0;
  for (const value of buckets) total += value;
  if (total === 0) return null;
  let before = 0;
  for (let i = 0; i < BUCKETS; i++) {
    if (buckets[i] > 0 && before + buckets[i] >= total * share) return i + (total * share - before) / buckets[i];
    before += buckets[i];
  }
  return BUCKETS;
}
