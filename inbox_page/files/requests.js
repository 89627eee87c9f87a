/** "Recent requests": looks for new ones, shows them, and says what they changed. */

import { read } from './api.js';
import { fill, find, make } from './dom.js';
import { badge } from './sent.js';
import { state, when } from './state.js';

/** @typedef {import('./api.js').Entry} Entry */

const PAUSE = 700; // milliseconds between two looks
const PAUSE_AFTER_FAILURE = 3000;
const MOST = 100;

let greatestId = 0;
let revision = /** @type {number | null} */ (null);
let round = 0; // of looks; only the latest counts
let timer = 0;
let isFailing = false;

/** @type {(entries: Entry[], isOther: boolean) => Promise<void>} */
let onChange = async () => {};

/**
 * Begin to look.
 * @param {(entries: Entry[], isOther: boolean) => Promise<void>} listener gets the entries that
 *   changed something, or hears that the sandbox is another than before
 */
export function startRequests(listener) {
  onChange = listener;
  when('moved', () => { revision = null; look(); });
  when('written', () => look(true));
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : look()));
  for (const choice of document.querySelectorAll('[name=show]')) {
    choice.addEventListener('change', () => { find('#recent').dataset.show = /** @type {HTMLInputElement} */ (choice).value; });
  }
  look();
}

/** @param {boolean} [hasWritten] whether something was just changed by this page */
async function look(hasWritten = false) {
  clearTimeout(timer);
  round += 1;
  const mine = round;
  if (!state.hasControls) {
    await onChange([], true);
    return;
  }
  let { ok, status, body } = await read(`__admin/requests?after=${revision === null ? 0 : greatestId}`);
  if (mine !== round) return;
  if (status === 404) state.hasControls = false;
  if (!ok) {
    revision = null; // whatever happens meanwhile, all is read again afterwards
    if (!isFailing) await onChange([], true);
    isFailing = true;
    if (mine === round && !document.hidden && state.hasControls) timer = setTimeout(look, PAUSE_AFTER_FAILURE);
    return;
  }
  isFailing = false;
  const isOther = body.revision !== revision;
  if (isOther && revision !== null) { // a reset also empties the list
    ({ ok, status, body } = await read('__admin/requests?after=0'));
    if (mine !== round || !ok) return;
  }
  show(body.requests, isOther);
  const changing = body.requests.filter((/** @type {Entry} */ each) => each.changed.length);
  revision = body.revision;
  // Without a journal (FLASK_JOURNAL=0) nobody else will say what this page changed.
  if (isOther || changing.length || (hasWritten && !body.requests.length)) await onChange(changing, isOther || !changing.length);
  if (mine === round && !document.hidden) timer = setTimeout(look, PAUSE);
}

/**
 * Show new entries above the others, or in place of them.
 * @param {Entry[]} entries newest first
 * @param {boolean} isOther
 */
function show(entries, isOther) {
  const list = find('#recent');
  if (isOther) fill(list);
  if (isOther) greatestId = 0;
  list.prepend(...entries.map(makeRow));
  while (list.children.length > MOST) list.lastElementChild?.remove();
  greatestId = Math.max(greatestId, ...entries.map((entry) => entry.id));
  find('#no-requests').hidden = list.children.length > 0;
}

/** @param {Entry} entry */
function makeRow(entry) {
  const time = new Date(entry.time);
  const isRead = entry.method === 'GET' && entry.status < 400;
  const row = make('li', { class: isRead ? 'read' : '' });
  const toggle = make('button', { class: 'entry', 'aria-expanded': 'false', onclick: () => {
    const isOpen = toggle.getAttribute('aria-expanded') === 'true';
    toggle.setAttribute('aria-expanded', String(!isOpen));
    if (isOpen) row.lastElementChild?.remove();
    else row.append(describe(entry));
  } },
  make('time', { datetime: entry.time, title: entry.time }, time.toLocaleTimeString('en-GB')),
  badge(entry.status),
  make('span', { class: 'agent' }, briefly(entry.user_agent)),
  make('span', { class: 'target' }, make('b', {}, entry.method), ` ${entry.path}`, ...entry.changed.map((name) => make('i', {}, name))));
  row.append(toggle);
  return row;
}

/**
 * Return a browser's name and version, or the user agent as it is.
 * @param {string} agent
 */
function briefly(agent) {
  const [, name, version] = agent.startsWith('Mozilla/') ? /(Edg|Firefox|HeadlessChrome|Chrome|Version)\/(\d+)/.exec(agent) ?? [] : [];
  return name ? `${name.replace('Headless', '').replace('Version', 'Safari').replace('Edg', 'Edge')} ${version}` : agent || '–';
}

/** @param {Entry} entry */
function describe(entry) {
  const staff = state.sandbox?.staff.find(({ uid }) => uid === entry.staff_uid);
  return make('dl', {}, ...Object.entries({
    Time: entry.time,
    Took: `${entry.milliseconds} ms`,
    'User Agent': entry.user_agent,
    Request: `${entry.method} ${entry.path}${entry.query && `?${entry.query}`}`,
    'Staff member': staff?.display_name ?? entry.staff_uid,
    Changed: entry.changed.join(', '),
    Ignored: entry.ignored.join(', '),
    Error: entry.error,
    Body: entry.body,
  }).flatMap(([name, value]) => (value ? [make('dt', {}, name), make('dd', {}, value)] : [])));
}
