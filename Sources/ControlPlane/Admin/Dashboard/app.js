// The dashboard: reads /events, and gives each figure to the parts of the page.

import { byId, mark, say } from './page.js';
import { Figures, many, span } from './figures.js';
import { Flow } from './flow.js';
import { Tiles, Pools } from './pools.js';
import { Splits } from './rollouts.js';
import { Timeline } from './timeline.js';
import { Actions } from './actions.js';

const SILENCE = 5000;

const figures = new Figures();
const actions = new Actions();
const tiles = new Tiles(byId('tiles'));
const flow = new Flow(byId('flow'), byId('flow-text'));
const splits = new Splits(byId('split-cards'), actions);
const pools = new Pools(byId('pool-cards'), actions);
const timeline = new Timeline(byId('lanes'), byId('chips'), byId('events'));

let heard = 0;
let wanted = null;
let isShown = false;

function paint() {
  wanted = null;
  const { status } = figures;
  const state = status.phase !== 'serving' ? status.phase : status.ready ? 'ready' : 'not ready';
  mark(byId('state'), 'data-tone', state === 'ready' ? 'good' : state === 'draining' ? 'drain' : 'bad');
  say(byId('state-text'), state);
  const waiting = status.workers.filter((worker) => worker.generation < status.generation).length;
  say(byId('facts'), [`up ${span(status.uptime_ms)}`, many(status.workers.length, 'worker'),
    `snapshot ${status.generation}${waiting ? `, ${waiting} not there yet` : ''}`,
    `version ${status.version}`].join(' · '));
  warn(status.not_ready_reasons.join('; '));
  tiles.show(figures);
  flow.show(figures);
  splits.show(figures);
  pools.show(figures);
  timeline.show();
  if (!isShown) performance.mark('first figures');
  isShown = true;
}

function warn(text) {
  byId('banner').hidden = !text;
  say(byId('banner'), text);
}

function lose() {
  mark(byId('state'), 'data-tone', 'bad');
  say(byId('state-text'), 'no connection');
  warn('weir does not answer. What is shown is from before; it goes on by itself when weir is back.');
}

function listen() {
  const source = new EventSource('/events');
  source.addEventListener('hello', (event) => {
    heard = Date.now();
    actions.allow(JSON.parse(event.data).changes === 'token');
  });
  source.addEventListener('change', (event) => timeline.add(JSON.parse(event.data), event.lastEventId));
  source.addEventListener('status', (event) => {
    heard = Date.now();
    figures.add(JSON.parse(event.data));
    // Out of sight nothing is drawn, and the newest of several is enough.
    wanted ??= requestAnimationFrame(paint);
  });
  source.addEventListener('error', () => {
    lose();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
}

setInterval(() => { if (heard && Date.now() - heard > SILENCE) lose(); }, 1000);

const themes = ['auto', 'light', 'dark'];
function dress(theme) {
  mark(document.documentElement, 'data-theme', theme === 'auto' ? null : theme);
  say(byId('theme'), `Theme: ${theme}`);
  localStorage.setItem('weir-theme', theme);
}
dress(themes.find((theme) => theme === localStorage.getItem('weir-theme')) ?? 'auto');
byId('theme').addEventListener('click', () => {
  dress(themes[(themes.indexOf(localStorage.getItem('weir-theme')) + 1) % themes.length]);
  if (figures.status) paint();
});

listen();
