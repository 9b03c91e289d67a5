// The picture: listeners, routes, splits, pools and replicas, and how much flows between them.

import { keep, make, draw, mark, place, say, stateOf, STATES } from './page.js';
import { many, milliseconds, number, percent } from './figures.js';

const COLUMNS = {
  listener: ['Listeners', 'where clients connect'],
  route: ['Routes', 'which request goes where'],
  split: ['Splits', 'shares, to deploy step by step'],
  choice: ['Routes and splits', 'which request goes where'],
  pool: ['Pools', 'the replicas of one service'],
  replica: ['Replicas', 'the containers'],
};
const STREAMS = 200;
const ALONE_IN_POOL = 8;
const ALONE_IN_ALL = 26;
const COLOURS = 8;

const targetOf = (text) => {
  const at = text.indexOf(' ');
  return { kind: text.slice(0, at), name: text.slice(at + 1) };
};

const routeName = (route) => `${route.host ?? ''}${route.path ?? ''}` || 'everything else';

// Every way that a request can go: listener, route, split, pool.
function ways(status) {
  const found = [];
  const lead = (start, text) => {
    const target = targetOf(text);
    if (target.kind === 'pool') return found.push({ ...start, pool: target.name, flow: 1 });
    const split = status.splits.find((split) => split.name === target.name);
    for (const part of split?.weights ?? []) {
      found.push({ ...start, split: split.name, pool: part.pool, flow: part.weight || 1e-6 });
    }
  };
  for (const { name, target } of status.listeners) {
    if (target) { lead({ listener: name }, target); continue; }
    status.routes.forEach((route, number) => {
      if (route.listeners.length === 0 || route.listeners.includes(name)) {
        lead({ listener: name, route: String(number) }, route.target);
      }
    });
  }
  return found;
}

// weir counts at listeners and at pools. Between them the flows are those that agree with both
// and are otherwise as even as can be; exact wherever there is only one way.
function fit(found, figures) {
  // The first report has no rates of listeners.
  const sums = figures.seconds > 0 ? [['listener', (name) => figures.listener(name)]] : [];
  const pools = new Map(figures.status.pools.map((pool) => [pool.name, pool]));
  sums.push(['pool', (name) => pools.has(name) ? figures.pool(pools.get(name)) : 0]);
  for (let turn = 0; turn < 30; turn++) {
    for (const [kind, wanted] of sums) {
      const present = new Map();
      for (const way of found) present.set(way[kind], (present.get(way[kind]) ?? 0) + way.flow);
      for (const way of found) {
        const sum = present.get(way[kind]);
        way.flow = sum > 0 ? way.flow * wanted(way[kind]) / sum : 0;
      }
    }
  }
  return found;
}

export class Flow {
  constructor(root, text) {
    this.text = text;
    this.streams = draw('g');
    this.lines = draw('g', { class: 'runs' });
    this.labels = draw('g', { class: 'labels' });
    this.picture = draw('svg', { 'aria-hidden': 'true' }, this.streams, this.lines, this.labels);
    this.columns = make('div', { class: 'columns' });
    this.stage = make('div', { class: 'stage' }, this.picture, this.columns);
    root.append(this.stage);
    new ResizeObserver(() => this.figures && this.show(this.figures)).observe(root);
  }

  show(figures) {
    this.figures = figures;
    this.status = figures.status;
    this.width = this.stage.clientWidth;
    if (this.width === 0) return;
    this.isCompact = this.width < 700;
    this.colours = new Map(this.status.pools.map((pool, i) => [pool.name, i % COLOURS]));
    const found = fit(ways(this.status), figures);
    this.gather(found);
    this.layOut();
    this.paint();
    this.tell();
  }

  // Nodes and edges by column.
  gather(found) {
    const { status } = this;
    const hasSplits = status.splits.length > 0;
    const kinds = this.isCompact ? ['listener', 'choice', 'pool']
      : ['listener', 'route', ...(hasSplits ? ['split'] : []), 'pool', 'replica'];
    this.levels = kinds.map((kind) => ({ kind, nodes: new Map() }));
    this.edges = new Map();
    for (const listener of status.listeners) this.node(0, 'listener', listener.name);
    for (const way of found) this.thread(way, kinds);
    const last = kinds.indexOf('pool');
    for (const pool of status.pools) this.node(last, 'pool', pool.name);
    if (!this.isCompact) this.addReplicas(last);
  }

  node(level, kind, name, isGap = false) {
    const { nodes } = this.levels[level];
    const id = `${isGap ? 'gap' : kind} ${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind, name, isGap, flow: 0, ins: [], outs: [] });
    return nodes.get(id);
  }

  thread(way, kinds) {
    const choice = way.split ? `split ${way.split}` : way.route && `route ${way.route}`;
    const stops = kinds.filter((kind) => kind !== 'replica')
      .map((kind) => (kind === 'choice' ? choice : way[kind]));
    let before = null;
    stops.forEach((name, level) => {
      const gap = name == null ? `${stops[level - 1] ?? before.name}>${stops.slice(level).find((n) => n != null)}` : null;
      const node = this.node(level, kinds[level], name ?? gap, name == null);
      node.flow += way.flow;
      if (before) {
        const edge = this.edge(before, node);
        edge.flow += way.flow;
        edge.pools.add(way.pool);
      }
      before = node;
    });
  }

  edge(from, to) {
    const id = `${from.id} → ${to.id}`;
    if (!this.edges.has(id)) {
      const edge = { id, from, to, flow: 0, errors: 0, pools: new Set() };
      this.edges.set(id, edge);
      from.outs.push(edge);
      to.ins.push(edge);
    }
    return this.edges.get(id);
  }

  addReplicas(level) {
    const present = (pool) => pool.replicas.filter((replica) => replica.state !== 'gone');
    const total = this.status.pools.reduce((sum, pool) => sum + present(pool).length, 0);
    for (const pool of this.status.pools) {
      const from = this.node(level, 'pool', pool.name);
      const replicas = present(pool);
      const isGroup = replicas.length > ALONE_IN_POOL
        || (total > ALONE_IN_ALL && replicas.length > 3);
      const add = (name, members) => {
        const to = this.node(level + 1, 'replica', name);
        Object.assign(to, { pool, replicas: members, isGroup });
        const edge = this.edge(from, to);
        for (const replica of members) {
          edge.flow += this.figures.replica(pool, replica);
          edge.errors += this.figures.replica(pool, replica, 'errors');
        }
        edge.pools.add(pool.name);
        to.flow = edge.flow;
      };
      if (isGroup) add(`${pool.name} all`, replicas);
      else for (const replica of replicas) add(`${pool.name} ${replica.address}`, [replica]);
    }
  }

  layOut() {
    const count = this.levels.length;
    const gap = this.isCompact ? 26 : Math.max(56, this.width * 0.075);
    this.cardWidth = Math.min(220, (this.width - gap * (count - 1)) / count);
    const step = count > 1 ? (this.width - this.cardWidth) / (count - 1) : 0;
    const largest = Math.max(1e-9, ...this.levels.map(({ nodes }) =>
      [...nodes.values()].reduce((sum, node) => sum + node.flow, 0)));
    this.scale = STREAMS / largest;
    const head = 46;
    this.levels.forEach((level, i) => {
      level.x = i * step;
      level.list = [...level.nodes.values()];
      for (const node of level.list) this.measure(node, level.x);
    });
    for (let i = count - 1; i >= 0; i--) this.stack(this.levels[i].list, head, i === count - 1);
    const all = this.levels.flatMap((level) => level.list);
    const top = Math.min(...all.map((node) => node.y));
    for (const node of all) node.y += head - top;
    this.height = Math.max(...all.map((node) => node.y + node.height)) + 6;
    for (const node of all) this.dock(node);
  }

  measure(node, x) {
    node.x = x;
    node.width = this.cardWidth;
    const thickness = node.flow * this.scale;
    if (node.isGap) node.height = Math.max(2, thickness);
    else if (node.kind !== 'replica') node.height = Math.max(this.isCompact ? 66 : 50, thickness + 12);
    else if (node.isGroup) node.height = Math.max(34 + dots(node.replicas, this.cardWidth).height, thickness + 12);
    else node.height = Math.max(30, thickness + 4);
    if (this.isCompact && node.kind === 'pool') {
      node.replicas = this.pool(node.name).replicas.filter((replica) => replica.state !== 'gone');
      node.height = Math.max(68 + dots(node.replicas, this.cardWidth).height, thickness + 12);
    }
  }

  // Each node beside what it leads to, in order and without touching its neighbours.
  stack(list, start, isLast) {
    const room = (a, b) => (a.kind === 'replica' && a.pool === b.pool ? 6 : a.isGap || b.isGap ? 10 : 16);
    for (const node of list) {
      const next = node.outs.map((edge) => edge.to);
      node.wish = next.length && !isLast
        ? next.reduce((sum, to) => sum + to.y + to.height / 2, 0) / next.length - node.height / 2
        : null;
    }
    if (!isLast) list.sort((a, b) => (a.wish ?? 1e9) - (b.wish ?? 1e9));
    let floor = -1e9;
    list.forEach((node, i) => {
      const free = i ? floor + room(list[i - 1], node) : start;
      node.y = Math.max(node.wish ?? free, i ? free : -1e9);
      if (i === 0 && node.wish == null) node.y = start;
      floor = node.y + node.height;
    });
    // What was only pushed down goes half the way back up.
    for (let i = list.length - 2; i >= 0; i--) {
      const limit = list[i + 1].y - room(list[i], list[i + 1]) - list[i].height;
      const push = list[i].wish == null ? 0 : (list[i].wish - list[i].y) / 2;
      const above = i ? list[i - 1].y + list[i - 1].height + room(list[i - 1], list[i]) : -1e9;
      list[i].y = Math.min(limit, Math.max(above, list[i].y + push));
    }
  }

  // Where streams meet the card.
  dock(node) {
    const sides = [['ins', 'y1', (edge) => edge.from.y], ['outs', 'y0', (edge) => edge.to.y]];
    for (const [side, name, other] of sides) {
      const edges = node[side].toSorted((a, b) => other(a) - other(b));
      const sum = edges.reduce((total, edge) => total + this.thick(edge), 0);
      let at = node.y + (node.height - sum) / 2;
      for (const edge of edges) {
        edge[name] = at;
        at += this.thick(edge);
      }
    }
  }

  thick(edge) { return Math.max(1.5, edge.flow * this.scale); }

  paint() {
    mark(this.picture, 'viewBox', `0 0 ${this.width} ${this.height.toFixed(0)}`);
    place(this.stage, { height: this.height });
    const edges = [...this.edges.values()];
    keep(this.streams, edges, (edge) => edge.id, () => draw('g', {}, draw('path'), draw('path', { class: 'failing' })),
      (group, edge) => this.paintStream(group, edge));
    keep(this.lines, edges.filter((edge) => edge.flow > 0.05), (edge) => edge.id,
      () => draw('path'), (line, edge) => {
        const y0 = edge.y0 + this.thick(edge) / 2;
        const y1 = edge.y1 + this.thick(edge) / 2;
        mark(line, 'd', `M${curve(edge, y0, y1)}`);
        mark(line, 'class', edge.flow > 200 ? 'fast' : edge.flow > 20 ? 'steady' : 'slow');
      });
    this.paintShares(edges);
    keep(this.columns, this.levels, (level) => level.kind, (level) => this.column(level),
      (column, level) => this.fill(column, level));
  }

  paintStream(group, edge) {
    const [stream, failing] = group.children;
    const thickness = this.thick(edge);
    const colour = edge.pools.size === 1 ? `c${this.colours.get([...edge.pools][0])}` : 'mixed';
    mark(group, 'class', `stream ${colour}${edge.flow > 0.05 ? '' : ' still'}`);
    mark(stream, 'd', band(edge, edge.y0, edge.y1, thickness));
    const share = edge.flow > 0 ? Math.min(1, edge.errors / edge.flow) : 0;
    const bad = share > 0 ? Math.max(1.5, share * thickness) : 0;
    mark(failing, 'd', bad ? band(edge, edge.y0 + thickness - bad, edge.y1 + thickness - bad, bad) : '');
  }

  // Beside each stream that leaves a split: its share now, and the one that is set.
  paintShares(edges) {
    const parts = edges.filter((edge) => edge.to.kind === 'pool'
      && (edge.from.kind === 'split' || edge.from.name.startsWith('split ')) && !edge.from.isGap);
    keep(this.labels, this.isCompact ? [] : parts, (edge) => edge.id, () => draw('text', { 'text-anchor': 'middle' }),
      (label, edge) => {
        const split = this.status.splits.find(({ name }) => name === edge.from.name);
        const set = split?.weights.find(({ pool }) => pool === edge.to.name)?.share_percent ?? 0;
        const live = edge.from.flow > 0.05 ? percent(edge.flow / edge.from.flow) : '–';
        mark(label, 'x', ((edge.from.x + this.cardWidth + edge.to.x) / 2).toFixed(0));
        mark(label, 'y', ((edge.y0 + edge.y1 + this.thick(edge)) / 2 + 4).toFixed(0));
        say(label, `${live.replace(' %', '')} of ${+set.toFixed(1)} %`);
      });
  }

  column({ kind }) {
    const [title, words] = COLUMNS[kind];
    const list = make('ol', { 'aria-label': title });
    const head = make('p', { class: 'column-head', 'aria-hidden': 'true' },
      make('b', {}, title), make('span', {}, words));
    const column = make('div', {}, head, list);
    Object.assign(column, { head, list });
    return column;
  }

  fill({ head, list }, level) {
    place(head, { left: level.x, width: this.cardWidth });
    keep(list, level.list.filter((node) => !node.isGap), (node) => node.id,
      (node) => this.card(node), (card, node) => {
        place(card, { left: node.x, top: node.y, width: node.width, height: node.height });
        this.write(card, node);
      });
  }

  card(node) {
    const leads = ['pool', 'replica'].includes(node.kind);
    const pool = node.pool?.name ?? node.name;
    const body = leads ? make('a', { href: `#pool-${encodeURIComponent(pool)}` }) : make('div');
    const item = make('li', { class: `card ${node.kind}${node.isGroup ? ' group' : ''}` }, body);
    const title = make('b');
    const figure = make('span', { class: 'figure' });
    const icon = make('span', { class: 'icon', 'aria-hidden': 'true' });
    const more = make('span', { class: 'more' });
    const grid = draw('svg', { class: 'dots', 'aria-hidden': 'true' });
    body.append(make('span', { class: 'line' }, icon, title, figure), more);
    if (node.replicas && (node.isGroup || this.isCompact)) body.append(grid);
    Object.assign(item, { heading: title, figure, icon, more, grid, body });
    return item;
  }

  write(card, node) {
    const facts = this.describe(node);
    say(card.icon, facts.icon ?? '');
    say(card.heading, facts.title);
    say(card.figure, `${number(node.flow)}/s`);
    say(card.more, facts.more);
    mark(card, 'data-tone', facts.tone);
    mark(card.body, 'title', `${facts.title}: ${facts.more}`);
    if (node.kind === 'pool' || node.kind === 'replica') {
      mark(card, 'data-colour', this.colours.get(node.pool?.name ?? node.name));
    }
    if (card.grid.isConnected) paintDots(card.grid, node.replicas, this.cardWidth);
  }

  pool(name) { return this.status.pools.find((pool) => pool.name === name); }

  describe(node) {
    const [kind, name] = node.kind === 'choice' ? [node.name.split(' ')[0], node.name.slice(6)] : [node.kind, node.name];
    switch (kind) {
      case 'listener': {
        const listener = this.status.listeners.find((listener) => listener.name === name);
        return { title: name, more: `${listener.bind} · ${listener.protocol} · ${listener.open} open` };
      }
      case 'route': {
        const route = this.status.routes[+name];
        const conditions = [...route.methods, ...route.headers].join(', ');
        return { title: routeName(route), more: conditions || `to ${route.target}` };
      }
      case 'split': {
        const split = this.status.splits.find((split) => split.name === name);
        const sticky = split.sticky === 'off' ? '' : ' · sticky';
        return { title: name, more: `${split.weights.map((part) => part.weight).join(' : ')}${sticky}` };
      }
      case 'pool': return this.describePool(this.pool(name));
      default: return this.describeReplicas(node);
    }
  }

  describePool(pool) {
    const present = pool.replicas.filter((replica) => replica.state !== 'gone').length;
    const { p99 } = this.figures.quantiles([pool]);
    const errors = this.figures.errorShare(pool);
    const facts = [`${number(pool.ready)}/${number(present)} ready`];
    if (pool.paused) facts.push('paused');
    if (pool.backed_up) facts.push(`backed up by ${pool.backup}`);
    if (pool.holding) facts.push(`${number(pool.holding)} wait`);
    if (errors > 0.0005) facts.push(`${percent(errors)} errors`);
    else if (p99 != null) facts.push(`p99 ${milliseconds(p99)}`);
    const tone = pool.ready === 0 || errors > 0.05 ? 'bad'
      : pool.paused || errors > 0.005 ? 'warn' : null;
    return { title: pool.name, more: facts.join(' · '), tone };
  }

  describeReplicas(node) {
    if (!node.isGroup) {
      const [replica] = node.replicas;
      const state = stateOf(replica);
      return { icon: STATES[state]?.[0], tone: STATES[state]?.[1], title: replica.name, more: `${state}: ${replica.cause}` };
    }
    const counts = Object.groupBy(node.replicas, stateOf);
    const words = Object.entries(counts).toSorted((a, b) => b[1].length - a[1].length)
      .map(([state, members]) => `${number(members.length)} ${state}`);
    return { title: many(node.replicas.length, 'replica'), more: words.join(' · ') };
  }

  // The same in words, for those who do not see the picture.
  tell() {
    const parts = this.status.pools.map((pool) =>
      `pool ${pool.name}: ${number(this.figures.pool(pool))} requests per second, ${this.describePool(pool).more}`);
    if (Date.now() - (this.told ?? 0) < 10000) return;
    this.told = Date.now();
    say(this.text, parts.join('. '));
  }
}

function curve(edge, y0, y1) {
  const [x0, x1] = [edge.from.x + (edge.from.isGap ? 0 : edge.from.width), edge.to.x + (edge.to.isGap ? edge.to.width : 0)];
  const from = edge.from.isGap ? x0 + edge.from.width : x0;
  const to = edge.to.isGap ? x1 - edge.to.width : x1;
  const middle = (from + to) / 2;
  const start = `${x0.toFixed(1)} ${y0.toFixed(1)}${edge.from.isGap ? `H${from.toFixed(1)}` : ''}`;
  return `${start}C${middle.toFixed(1)} ${y0.toFixed(1)} ${middle.toFixed(1)} ${y1.toFixed(1)} ${to.toFixed(1)} ${y1.toFixed(1)}`;
}

function band(edge, y0, y1, thickness) {
  const [x0, x1] = [edge.from.x + (edge.from.isGap ? 0 : edge.from.width), edge.to.x];
  const from = edge.from.isGap ? x0 + edge.from.width : x0;
  const middle = ((from + x1) / 2).toFixed(1);
  const f = (value) => value.toFixed(1);
  const [u0, u1] = [y0 + thickness, y1 + thickness];
  return `M${f(x0)} ${f(y0)}H${f(from)}C${middle} ${f(y0)} ${middle} ${f(y1)} ${f(x1)} ${f(y1)}V${f(u1)}`
    + `C${middle} ${f(u1)} ${middle} ${f(u0)} ${f(from)} ${f(u0)}H${f(x0)}Z`;
}

// A thousand replicas as a thousand dots.
function dots(replicas, width) {
  const pitch = replicas.length <= 60 ? 10 : replicas.length <= 300 ? 7 : 5;
  const columns = Math.max(1, Math.floor((width - 20) / pitch));
  return { pitch, columns, height: Math.ceil(replicas.length / columns) * pitch + 6 };
}

function paintDots(grid, replicas, width) {
  const { pitch, columns, height } = dots(replicas, width);
  place(grid, { width: columns * pitch, height });
  const paths = new Map();
  replicas.forEach((replica, i) => {
    const tone = STATES[stateOf(replica)]?.[1] ?? 'idle';
    const [x, y] = [(i % columns) * pitch, Math.floor(i / columns) * pitch];
    paths.set(tone, `${paths.get(tone) ?? ''}M${x} ${y}h${pitch - 1.5}v${pitch - 1.5}h${1.5 - pitch}z`);
  });
  keep(grid, [...paths], ([tone]) => tone, ([tone]) => draw('path', { 'data-tone': tone }),
    (path, [, d]) => mark(path, 'd', d));
}
