// Each split with its shares, and its rollout: canary against stable, and the figures that decide.

import { keep, make, mark, say } from './page.js';
import { milliseconds, number, percent } from './figures.js';

const ACTIVE = ['waiting', 'asking', 'running'];

const STATES = {
  waiting: ['waits for its next step', 'busy'], asking: ['asks its hook', 'busy'], running: ['under way', 'busy'],
  succeeded: ['succeeded', 'good'], aborted: ['aborted', 'bad'], ended: ['ended', 'idle'],
};

export class Splits {
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
  }

  show(figures) {
    const { splits, rollouts } = figures.status;
    this.root.closest('section').hidden = splits.length === 0;
    document.getElementById('nav-splits').hidden = splits.length === 0;
    keep(this.root, splits, (split) => split.name, (split) => new SplitCard(split, this.actions).node,
      (node, split) => node.card.show(split, rollouts.find((rollout) => rollout.split === split.name), figures));
  }
}

class SplitCard {
  constructor(split, actions) {
    const button = (text, act, kind) => actions.button(text, act, kind);
    this.state = make('span', { class: 'pill' });
    this.facts = make('p', { class: 'facts' });
    this.bar = make('div', { class: 'shares', role: 'img' });
    this.legend = make('dl', { class: 'legend' });
    this.rollout = new RolloutPanel();
    const act = (verb) => () => actions.rollout(verb, split.name, this.split.weights.map((part) => part.pool));
    this.buttons = {
      shift: button('Shift', () => actions.shift(this.split)), start: button('Start a rollout', act('start'), 'main'),
      pause: button('Pause', act('pause')), resume: button('Resume', act('resume')),
      promote: button('Promote', act('promote')), abort: button('Abort', act('abort'), 'grave'),
    };
    for (const [verb, node] of Object.entries(this.buttons)) mark(node, 'aria-label', `${verb === 'start' ? 'start a rollout of' : `${verb} ${verb === 'shift' ? '' : 'the rollout of '}`} split ${split.name}`.replace(/ +/g, ' '));
    this.node = make('article', { class: 'panel split', 'aria-label': `Split ${split.name}` },
      make('div', { class: 'head' }, make('h3', {}, split.name), this.state, this.facts),
      this.bar, this.legend, this.rollout.node, make('div', { class: 'buttons' }, ...Object.values(this.buttons)));
    this.node.card = this;
  }

  show(split, rollout, figures) {
    this.split = split;
    const isActive = rollout && ACTIVE.includes(rollout.state);
    const [words, tone] = rollout ? STATES[rollout.state] ?? [rollout.state, 'idle'] : [];
    this.state.hidden = !rollout;
    say(this.state, rollout ? `rollout ${rollout.paused && isActive ? 'paused' : words}` : '');
    mark(this.state, 'data-tone', rollout?.paused && isActive ? 'warn' : tone);
    const facts = [split.sticky === 'off' ? 'not sticky' : `sticky by ${split.sticky}`, ...split.pins.map((pin) => `pin ${pin}`)];
    say(this.facts, facts.join(' · '));
    this.showShares(split, figures);
    this.rollout.show(rollout, isActive);
    const { shift, start, pause, resume, promote, abort } = this.buttons;
    start.hidden = isActive || split.weights.length < 2;
    pause.hidden = !isActive || rollout.paused;
    resume.hidden = !isActive || !rollout.paused;
    promote.hidden = abort.hidden = !isActive;
    shift.hidden = false;
  }

  showShares(split, figures) {
    const colours = new Map(figures.status.pools.map((pool, i) => [pool.name, i % 8]));
    const pools = new Map(figures.status.pools.map((pool) => [pool.name, pool]));
    const flows = split.weights.map((part) => (pools.has(part.pool) ? figures.pool(pools.get(part.pool)) : 0));
    const sum = flows.reduce((total, flow) => total + flow, 0);
    const parts = split.weights.map((part, i) => ({ ...part, live: sum > 0 ? flows[i] / sum : null, flow: flows[i] }));
    mark(this.bar, 'aria-label', parts.map((part) => `${part.pool} ${part.share_percent} %`).join(', '));
    keep(this.bar, parts.filter((part) => part.weight > 0), (part) => part.pool, () => make('span'), (node, part) => {
      node.style.flexGrow = part.weight;
      mark(node, 'data-colour', colours.get(part.pool));
    });
    keep(this.legend, parts, (part) => part.pool,
      (part) => make('div', {}, make('dt', {}, make('i', { 'data-colour': colours.get(part.pool) }), part.pool), make('dd')),
      (node, part) => {
        const file = part.file_weight === part.weight ? '' : ` · file says ${part.file_weight}`;
        say(node.lastChild, `weight ${part.weight} = ${+part.share_percent.toFixed(1)} % · live ${part.live == null ? '–' : percent(part.live)}, ${number(part.flow)}/s${file}`);
      });
  }
}

class RolloutPanel {
  constructor() {
    this.steps = make('ol', { class: 'steps', 'aria-label': 'Steps' });
    this.verdict = make('p', { class: 'verdict' });
    this.rows = make('tbody');
    const table = make('table', { class: 'versus' }, make('caption', { class: 'unseen' }, 'Canary against stable'),
      make('thead', {}, make('tr', {}, ...['', 'Canary', 'Stable', 'Allowed'].map((text) => make('th', { scope: 'col' }, text || make('span', { class: 'unseen' }, 'Figure'))))), this.rows);
    this.story = make('ol', { class: 'story', 'aria-label': 'What the rollout did' });
    this.node = make('div', { class: 'rollout' }, this.steps, this.verdict, table, make('details', {}, make('summary', {}, 'What it did'), this.story));
    this.table = table;
  }

  show(rollout, isActive) {
    this.node.hidden = !rollout;
    if (!rollout) return;
    const { plan } = rollout;
    keep(this.steps, plan.steps.map((percent, i) => ({ percent, i })), ({ i }) => i, () => make('li', {}, make('span'), make('i')), (node, { percent, i }) => {
      const isPresent = isActive && i === rollout.steps_taken - 1;
      mark(node, 'data-step', isPresent ? 'now' : i < rollout.steps_taken ? (rollout.state === 'aborted' && i === rollout.steps_taken - 1 ? 'failed' : 'done') : 'later');
      mark(node, 'aria-current', isPresent ? 'step' : null);
      say(node.firstChild, `${percent} %`);
    });
    const tone = rollout.state === 'aborted' ? 'bad' : rollout.state === 'succeeded' ? 'good'
      : { pass: 'good', fail: 'bad' }[rollout.verdict] ?? 'busy';
    mark(this.verdict, 'data-tone', tone);
    const words = isActive
      ? [rollout.verdict && `${rollout.verdict}: ${rollout.reason}`,
        rollout.waiting_for && !rollout.waiting_for.includes(rollout.reason) && `waits for ${rollout.waiting_for}`].filter(Boolean).join('; ') || rollout.cause
      : rollout.cause;
    say(this.verdict, words);
    this.compare(rollout, plan);
    keep(this.story, rollout.timeline.slice(-20).reverse(), (moment) => `${moment.time} ${moment.event}`, (moment) =>
      make('li', {}, make('time', {}, new Date(moment.time).toLocaleTimeString('en-GB')), make('b', {}, ` ${moment.event} `),
        moment.percent == null ? '' : `at ${moment.percent} % `, make('span', { class: 'cause' }, moment.cause ?? '')));
  }

  compare({ canary, stable, requests_needed: needed }, plan) {
    this.table.hidden = !canary;
    if (!canary) return;
    const rows = [
      ['Requests', number(canary.requests), number(stable?.requests), needed == null ? '' : `${number(needed)} needed`],
      ['Errors', percentOf(canary), percentOf(stable), `${percent(plan.max_error_difference)} more`, worse(canary.error_percent, stable?.error_percent, plan.max_error_difference * 100)],
    ];
    if (plan.max_latency_ratio != null) {
      rows.push([`p${+(plan.latency_quantile * 100).toFixed(2)}`, milliseconds(canary.latency_ms), milliseconds(stable?.latency_ms), `${plan.max_latency_ratio} times`,
        canary.latency_ms != null && stable?.latency_ms != null && canary.latency_ms > stable.latency_ms * plan.max_latency_ratio ? 'bad' : null]);
    }
    keep(this.rows, rows, ([name]) => name, ([name]) => make('tr', {}, make('th', { scope: 'row' }, name), make('td'), make('td'), make('td')),
      (node, [, ...cells]) => {
        cells.slice(0, 3).forEach((text, i) => say(node.children[i + 1], text));
        mark(node.children[1], 'data-tone', cells[3]);
      });
  }
}

const percentOf = (side) => (side?.error_percent == null ? '–' : percent(side.error_percent / 100));
const worse = (canary, stable, allowed) => (canary != null && canary > (stable ?? 0) + allowed ? 'bad' : null);
