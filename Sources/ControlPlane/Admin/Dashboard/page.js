// Building the page. Names and causes from elsewhere become text nodes only, never markup.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

export const make = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);

export const draw = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

// Both leave a node alone that says so already: a screen reader would hear it again.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (value == null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function place(node, box) {
  for (const [name, value] of Object.entries(box)) node.style[name] = `${value}px`;
}

// One child for each item, in their order; a child lives as long as its key.
export function keep(parent, items, key, create, update) {
  const old = (parent.children_ ??= new Map());
  const present = new Map();
  let before = null;
  for (const item of items) {
    const id = key(item);
    if (present.has(id)) continue;
    const child = old.get(id) ?? create(item);
    present.set(id, child);
    const follows = before ? before.nextSibling : parent.firstChild;
    if (child !== follows) parent.insertBefore(child, follows);
    update?.(child, item);
    before = child;
  }
  for (const [id, child] of old) if (!present.has(id)) child.remove();
  parent.children_ = present;
}

// A line of the last minutes, as wide as its box.
export function sparkline(label) {
  const line = draw('path', { class: 'line' });
  const area = draw('path', { class: 'area' });
  const node = draw('svg', {
    class: 'spark', viewBox: '0 0 120 28', preserveAspectRatio: 'none', 'aria-hidden': 'true',
  }, area, line);
  node.show = (values) => {
    const top = Math.max(1e-9, ...values) * 1.1;
    const step = 120 / Math.max(1, values.length - 1);
    const points = values.map((value, i) =>
      `${(i * step).toFixed(1)} ${(27 - 25 * (value || 0) / top).toFixed(1)}`);
    line.setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '');
    area.setAttribute('d', points.length > 1 ? `M0 28L${points.join('L')}L120 28Z` : '');
  };
  return node;
}

export const STATES = {
  ready: ['●', 'good'], new: ['○', 'idle'], probing: ['◔', 'busy'], suspect: ['▲', 'warn'],
  down: ['✕', 'bad'], draining: ['◧', 'drain'], gone: ['·', 'idle'],
};

export const stateOf = (replica) =>
  (replica.drained && replica.state !== 'gone' ? 'draining' : replica.state);

export function badge() {
  const icon = make('span', { class: 'icon', 'aria-hidden': 'true' });
  const word = make('span');
  const node = make('span', { class: 'badge' }, icon, word);
  node.show = (state) => {
    const [sign, tone] = STATES[state] ?? ['?', 'idle'];
    mark(node, 'data-tone', tone);
    say(icon, sign);
    say(word, state);
  };
  return node;
}
