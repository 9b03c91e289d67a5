// Every change of state, by kind, over the last minutes and as a list.

import { draw, keep, make, mark, say } from './page.js';
import { number } from './figures.js';

const MINUTES = 10;
const KEPT = 1000;
const LISTED = 120;

const KINDS = {
  discovery: 'Discovery', probe: 'Probes', drain: 'Drains', split: 'Splits', rollout: 'Rollouts', weir: 'weir itself',
};

function kindOf(text) {
  if (text.startsWith('rollout=')) return 'rollout';
  if (text.startsWith('split=')) return 'split';
  if (!text.startsWith('pool=')) return 'weir';
  const to = text.match(/ -> (\w+)/)?.[1];
  if (to === 'draining' || to === 'paused' || / drained|undrain|paused|backup/.test(text)) return 'drain';
  if (to === 'gone' || / new -> /.test(text) || !to) return 'discovery';
  return 'probe';
}

// `pool=web replica=app-2 ready -> down cause="…"` in its parts.
function read({ time, level, text }, id) {
  const found = text.match(/^(?:(\w+)=(\S+) )?(?:replica=(\S+) )?(.*?)(?: cause="(.*)")?$/s);
  const [, what, name, replica, change, cause] = found ?? [null, null, null, null, text];
  const to = change.match(/-> (\w+)/)?.[1];
  const tone = level === 'error' ? 'bad' : to === 'down' ? 'bad' : level === 'warning' ? 'warn'
    : to === 'ready' || /succeeded|passed/.test(change) ? 'good' : 'idle';
  return { id, at: Date.parse(time), level, kind: kindOf(text), what, name, replica, change, cause, tone };
}

export class Timeline {
  events = [];
  hidden = new Set();

  constructor(lanes, chips, list) {
    Object.assign(this, { chips, list });
    this.marks = draw('g');
    this.grid = draw('g', { class: 'grid' });
    this.names = draw('g');
    this.picture = draw('svg', { role: 'img', 'aria-label': `Events of the last ${MINUTES} minutes by kind` },
      this.grid, this.marks, this.names);
    lanes.append(this.picture);
    for (const [kind, title] of Object.entries(KINDS)) {
      const count = make('span', { class: 'count' });
      const chip = make('button', { type: 'button', 'aria-pressed': 'true', 'data-kind': kind,
        onclick: () => this.toggle(kind, chip) }, `${title} `, count);
      chip.count = count;
      chips.append(chip);
    }
    new ResizeObserver(() => this.show()).observe(lanes);
  }

  toggle(kind, chip) {
    if (!this.hidden.delete(kind)) this.hidden.add(kind);
    mark(chip, 'aria-pressed', !this.hidden.has(kind));
    this.fill();
  }

  add(event, id) {
    if (this.events.some((old) => old.id === id)) return;
    this.events.push(read(event, id));
    if (this.events.length > KEPT) this.events.shift();
    this.isStale = true;
  }

  show() {
    this.paint();
    if (this.isStale) this.fill();
    this.isStale = false;
    const now = Date.now();
    for (const [id, node] of this.list.children_ ?? []) {
      if (now - node.at < 3600000) say(node.ago, ago(now - node.at));
    }
  }

  fill() {
    for (const chip of this.chips.children) {
      say(chip.count, number(this.events.filter((event) => event.kind === chip.dataset.kind).length));
    }
    const shown = this.events.filter((event) => !this.hidden.has(event.kind)).slice(-LISTED).reverse();
    keep(this.list, shown, (event) => event.id, (event) => entry(event));
  }

  paint() {
    const width = this.picture.parentNode.clientWidth;
    if (!width) return;
    const kinds = Object.keys(KINDS);
    const [left, row] = [width < 600 ? 74 : 96, 22];
    const height = kinds.length * row + 20;
    mark(this.picture, 'viewBox', `0 0 ${width} ${height}`);
    mark(this.picture, 'height', height);
    const now = Date.now();
    const x = (at) => left + (width - left - 10) * (1 - (now - at) / (MINUTES * 60000));
    keep(this.names, kinds, (kind) => kind, (kind) => draw('text', { x: 0 }, KINDS[kind]),
      (node, kind) => mark(node, 'y', kinds.indexOf(kind) * row + 15));
    keep(this.grid, [...kinds.keys(), ...[0, 2, 4, 6, 8, 10].map((m) => `m${m}`)], (key) => key,
      (key) => (typeof key === 'number' ? draw('path') : draw('text', { 'text-anchor': 'end' },
        key === 'm0' ? 'now' : `−${key.slice(1)} min`)),
      (node, key) => {
        if (typeof key === 'number') mark(node, 'd', `M${left} ${key * row + 11}H${width - 10}`);
        else { mark(node, 'x', Math.max(left + 34, x(now - key.slice(1) * 60000)).toFixed(0)); mark(node, 'y', height - 4); }
      });
    // One mark for the events of one kind and tone within three pixels.
    const groups = new Map();
    for (const event of this.events) {
      const at = x(event.at);
      if (at < left) continue;
      const key = `${event.kind} ${event.tone} ${Math.floor((event.at) / 3000)}`;
      const group = groups.get(key) ?? { key, at, kind: event.kind, tone: event.tone, count: 0 };
      group.count++;
      groups.set(key, group);
    }
    keep(this.marks, [...groups.values()], (group) => group.key, () => draw('circle'), (node, group) => {
      mark(node, 'cx', group.at.toFixed(1));
      mark(node, 'cy', kinds.indexOf(group.kind) * row + 11);
      mark(node, 'r', Math.min(8, 3.5 + Math.log2(group.count)).toFixed(1));
      mark(node, 'data-tone', group.tone);
    });
  }
}

const ago = (ms) => (ms < 60000 ? `${Math.max(0, Math.floor(ms / 1000))} s ago` : `${Math.floor(ms / 60000)} min ago`);

function entry(event) {
  const clock = new Date(event.at).toLocaleTimeString('en-GB');
  const time = make('time', { datetime: new Date(event.at).toISOString() }, clock);
  const since = make('span', { class: 'ago' });
  const subject = event.replica ?? event.name;
  const node = make('li', { 'data-tone': event.tone }, make('span', { class: 'kind' }, KINDS[event.kind]),
    time, since, make('span', { class: 'words' },
      subject ? make('b', {}, subject) : null, event.replica ? make('small', {}, ` in ${event.name}`) : null,
      ` ${event.change.replaceAll('->', '→')}`, event.cause ? make('span', { class: 'cause' }, event.cause) : null));
  node.ago = since;
  node.at = event.at;
  return node;
}
