// What changes something: asks first, says what the command line would do, and shows the token.

import { byId, keep, make, mark, say } from './page.js';

const KEY = 'weir-token';

export class Actions {
  constructor() {
    this.dialog = byId('ask-dialog');
    // A link with #token=… unlocks; the token does not stay in the address.
    const given = location.hash.match(/^#token=(\S+)$/)?.[1];
    if (given) {
      this.token = decodeURIComponent(given);
      history.replaceState(null, '', location.pathname);
    }
    byId('unlock').addEventListener('click', () => (this.token ? this.lock() : this.unlock()));
    byId('ask-dialog').querySelector('form').addEventListener('submit', (event) => this.submit(event));
    this.showLock();
  }

  get token() { return sessionStorage.getItem(KEY); }
  set token(value) {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
    this.showLock();
  }

  allow(isPossible) {
    this.isPossible = isPossible;
    this.showLock();
  }

  showLock() {
    const button = byId('unlock');
    say(button, this.isPossible === false ? 'Read only' : this.token ? 'Lock changes' : 'Unlock changes');
    mark(button, 'title', this.isPossible === false
      ? 'weir has no token: set admin.token_file to allow changes from here' : null);
    mark(document.body, 'data-locked', this.token && this.isPossible !== false ? null : true);
  }

  lock() {
    this.token = null;
    this.toast('Locked again.');
  }

  button(text, act, kind = 'quiet') {
    return make('button', { type: 'button', class: `${kind} change`, onclick: act }, text);
  }

  unlock(problem = '') {
    if (this.isPossible === false) {
      this.toast('weir has no token: set admin.token_file to allow changes from here, or use the command line.', 'bad');
      return Promise.resolve(false);
    }
    const dialog = byId('token-dialog');
    say(byId('token-wrong'), problem);
    byId('token').value = '';
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => {
        if (dialog.returnValue === 'ok' && byId('token').value) this.token = byId('token').value.trim();
        resolve(dialog.returnValue === 'ok');
      }, { once: true });
    });
  }

  async ask(question) {
    if (!this.token && !(await this.unlock())) return;
    this.question = question;
    say(byId('ask-title'), question.title);
    say(byId('ask-text'), question.text);
    say(byId('ask-ok'), question.verb);
    say(byId('ask-wrong'), '');
    mark(byId('ask-ok'), 'class', question.isGrave ? 'main grave' : 'main');
    keep(byId('ask-fields'), question.fields ?? [], (field) => field.name,
      (field) => {
        const input = make('input', { id: `field-${field.name}`, ...field.input, oninput: () => this.spell() });
        return make('p', { class: 'field' }, make('label', { for: input.id }, field.label), input);
      },
      (node, field) => { node.lastChild.value = field.value; });
    this.spell();
    this.dialog.showModal();
  }

  values() {
    return Object.fromEntries((this.question.fields ?? [])
      .map(({ name }) => [name, byId(`field-${name}`).value]));
  }

  spell() { say(byId('ask-command'), this.question.command(this.values())); }

  async submit(event) {
    if (event.submitter?.value !== 'ok') return;
    event.preventDefault();
    const { path, body, done } = this.question;
    const problem = await this.send(path, body?.(this.values()));
    if (problem) return say(byId('ask-wrong'), problem);
    this.dialog.close();
    this.toast(done, 'good');
  }

  // What is wrong, or nothing.
  async send(path, body) {
    try {
      const answer = await fetch(path, {
        method: 'POST', body: body ? JSON.stringify(body) : '',
        headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      });
      if (answer.ok) return null;
      const problem = await answer.json().then((json) => json.error, () => `status ${answer.status}`);
      if (answer.status === 401) this.token = null;
      return problem;
    } catch {
      return 'weir does not answer';
    }
  }

  toast(text, tone = null) {
    say(byId('toast'), text);
    mark(byId('toast'), 'data-tone', tone);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => say(byId('toast'), ''), 5000);
  }

  pause(pool) {
    const name = encodeURIComponent(pool.name);
    this.ask(pool.paused ? {
      title: `Resume pool ${pool.name}?`, text: 'Requests that wait go on at once.', verb: 'Resume',
      path: `/pools/${name}/resume`, command: () => `weir resume ${pool.name}`, done: `Pool ${pool.name} serves again.`,
    } : {
      title: `Pause pool ${pool.name}?`, verb: 'Pause', isGrave: true,
      text: 'New requests wait until you resume it, for as long as its hold allows; none fails before that.',
      path: `/pools/${name}/pause`, command: () => `weir pause ${pool.name}`, done: `Pool ${pool.name} is paused.`,
    });
  }

  drain(pool, replica) {
    const body = () => ({ replicas: [replica.name], pool: pool.name });
    const verb = replica.drained ? 'undrain' : 'drain';
    this.ask({
      title: `${replica.drained ? 'Undrain' : 'Drain'} ${replica.name}?`, verb: replica.drained ? 'Undrain' : 'Drain',
      text: replica.drained ? 'It gets new work again, once its probe passes.'
        : `It gets no new work; ${replica.in_flight} in flight may finish. Then its container can be stopped without loss.`,
      path: `/${verb}`, body, command: () => `weir ${verb} ${replica.name} --pool ${pool.name}`,
      done: `${replica.name} is ${replica.drained ? 'back' : 'being drained'}.`,
    });
  }

  shift(split) {
    this.ask({
      title: `Shift split ${split.name}`, verb: 'Shift',
      text: 'The shares of its pools, from the next request on. It ends a rollout that is under way.',
      fields: split.weights.map((part) => ({
        name: part.pool, label: `Weight of ${part.pool}`, value: part.weight,
        input: { type: 'number', min: 0, max: 10000, step: 1, required: true },
      })),
      path: `/splits/${encodeURIComponent(split.name)}`,
      body: (values) => ({ weights: Object.fromEntries(Object.entries(values).map(([pool, weight]) => [pool, +weight])) }),
      command: (values) => `weir shift ${split.name} ${Object.entries(values).map((pair) => pair.join('=')).join(' ')}`,
      done: `Split ${split.name} is shifted.`,
    });
  }

  rollout(verb, split, pools = []) {
    const path = `/rollouts/${encodeURIComponent(split)}/${verb}`;
    const texts = {
      start: ['Start', 'The share of the canary rises step by step, for as long as it is as good as the others. If it is worse, the traffic goes back by itself.'],
      pause: ['Pause', 'No further step is taken. A canary that fails is still taken back.'],
      resume: ['Resume', 'The rollout goes on with its steps.'],
      promote: ['Promote', 'All the traffic goes to the canary at once, whatever its figures say.'],
      abort: ['Abort', 'The weights of before the rollout, from the next request on.'],
    };
    const [title, text] = texts[verb];
    const fields = verb !== 'start' ? [] : [
      { name: 'to', label: 'To the pool', value: pools.at(-1), input: { type: 'text', required: true } },
      { name: 'steps', label: 'Steps, in percent', value: '5, 25, 50, 100', input: { type: 'text', required: true } },
      { name: 'every', label: 'Seconds for each step', value: 60, input: { type: 'number', min: 1, required: true } },
    ];
    const steps = (values) => values.steps.split(/[\s,]+/).filter(Boolean);
    this.ask({
      title: `${title} the rollout of ${split}?`, text, verb: title, fields, path,
      isGrave: verb === 'abort' || verb === 'promote',
      body: verb === 'start'
        ? (values) => ({ to: values.to, steps: steps(values).map(Number), every_ms: values.every * 1000 }) : undefined,
      command: (values) => `weir rollout ${verb} ${split}${verb === 'start'
        ? ` --to ${values.to} --steps ${steps(values).join(',')} --every ${values.every}s` : ''}`,
      done: `Rollout of ${split}: ${title.toLowerCase()} done.`,
    });
  }
}
