/** Who acts, in which sandbox, and at what time; and how to show that elsewhere. */

import { act } from './actions.js';
import { address, where } from './api.js';
import { copy, fill, find, make } from './dom.js';
import { now, state, tell, when } from './state.js';
import { dayAndClock } from './times.js';

const DEMO = ['demo-owner', 'demo-colleague', 'demo-assigned', 'demo-neighbour'];
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const staff = /** @type {HTMLSelectElement} */ (find('#staff'));

/** Let the controls of the sandbox do what they say. */
export function startSandbox() {
  const query = new URLSearchParams(location.search);
  const name = query.get('sandbox');
  if (name && NAME.test(name)) where.sandbox = name;
  where.as = query.get('as') || where.as;
  staff.onchange = () => moveTo(where.sandbox, staff.value);
  find('#new-sandbox').onclick = () => moveTo(makeName('demo'), DEMO[0]);
  find('#reset').onclick = () => control('POST', 'reset', undefined, 'As if it were new');
  find('#hour').onclick = () => control('POST', 'clock/advance', { seconds: 3600 }, 'An hour later');
  find('#day').onclick = () => control('POST', 'clock/advance', { seconds: 86_400 }, 'A day later');
  find('#freeze').onclick = () => (state.sandbox?.frozen
    ? control('DELETE', 'clock', undefined, 'The clock runs')
    : control('PUT', 'clock', { now: new Date(now()).toISOString() }, 'The clock stands'));
  when('sandbox', show);
  setInterval(showClock, 1000);
  startEmbedding();
  show();
}

/**
 * Make a short name that nobody has.
 * @param {string} kind
 */
export const makeName = (kind) => `${kind}-${Math.random().toString(36).slice(2, 6).padEnd(4, '0')}`;

/**
 * Go on in another sandbox, or as somebody else.
 * @param {string} sandbox
 * @param {string} as
 * @param {boolean} [isKept] whether the address names it
 */
export function moveTo(sandbox, as, isKept = true) {
  Object.assign(where, { sandbox, as, moves: where.moves + 1 });
  if (isKept) history.replaceState(null, '', `?${new URLSearchParams({ sandbox, as })}`);
  tell('moved');
}

/**
 * @param {string} method
 * @param {string} path
 * @param {any} sent
 * @param {string} said
 */
function control(method, path, sent, said) {
  return act(method, `__admin/${path}`, sent, { said, again: () => control(method, path, sent, said) });
}

function show() {
  const { sandbox } = state;
  for (const part of document.querySelectorAll('.with-controls')) /** @type {HTMLElement} */ (part).hidden = !state.hasControls;
  find('#no-controls').hidden = state.hasControls;
  find('#sandbox-name').textContent = where.sandbox;
  showStaff();
  find('#freeze').textContent = sandbox?.frozen ? 'Run' : 'Freeze';
  find('#clock-state').textContent = sandbox ? (sandbox.frozen ? 'stands' : 'runs') : '';
  showClock();
}

function showStaff() {
  const { sandbox } = state;
  const option = (/** @type {string} */ token, /** @type {string} */ label) => make('option', { value: token }, label);
  const base = (/** @type {string} */ token) => token.replace(/@[^@]*$/, '');
  /** @type {Map<string, HTMLOptGroupElement>} */
  const businesses = new Map();
  for (const each of sandbox?.staff ?? []) {
    if (each.token === null) continue; // nobody knows how to call as them
    const own = each.business_uid === sandbox?.business?.uid ? sandbox.business.name : 'Another business';
    const group = businesses.get(each.business_uid) ?? make('optgroup', { label: own });
    businesses.set(each.business_uid, group);
    group.append(option(base(each.token), `${each.display_name}${each.access === 'assigned' ? ' (assigned only)' : ''}`));
  }
  fill(staff, ...(businesses.size ? businesses.values() : DEMO.map((token) => option(token, token))));
  if (![...staff.options].some(({ value }) => value === where.as)) staff.prepend(option(where.as, where.as));
  staff.value = where.as;
}

function showClock() {
  const clock = find('#clock');
  const text = dayAndClock(now(), state.zone);
  if (clock.textContent === text) return;
  clock.textContent = text;
  clock.title = state.zone;
}

function startEmbedding() {
  const dialog = /** @type {HTMLDialogElement} */ (find('#embedding'));
  const name = /** @type {HTMLInputElement} */ (find('#embed-name'));
  const write = () => {
    const query = new URLSearchParams({ sandbox: name.value, as: where.as });
    find('#snippet').textContent = `<iframe src="${address('.').replace(/\?.*/, '')}?${query}"
  title="Conversations" width="100%" height="640"></iframe>`.replace('&', '&amp;');
  };
  name.oninput = write;
  find('#embed').onclick = () => { write(); dialog.showModal(); };
  find('#copy-snippet').onclick = ({ target }) => copy(find('#snippet').textContent ?? '', /** @type {HTMLElement} */ (target));
}
