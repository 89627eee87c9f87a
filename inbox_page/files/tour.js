/** The tour: each row of the follow-up table as a click, in a sandbox of its own. */

import { change } from './actions.js';
import { read, send, where } from './api.js';
import { fill, find, make } from './dom.js';
import { complain, waitFor } from './notices.js';
import { makeName, moveTo } from './sandbox.js';

const NOW = '2026-05-05T07:30:00Z'; // so that its texts are always the same
const [JANE, OMER] = ['89m2pnabgozdvd9f', 'followup00000001'];

/** A row of the table, what a click sends for it, and what the click shows. */
const STEPS = [
  {
    row: ['absent', 'any', 'any', 'nothing'],
    uid: JANE,
    fields: { follow_up_message: 'call back' },
    told: 'Jane has no follow-up. A message alone makes none, because only “follow_up” does.',
    shown: 'Nothing differs, and the header X-Ignored names the field that had no effect.',
  },
  {
    row: ['true', 'absent or false', 'none, removed, completed', 'create'],
    uid: JANE,
    fields: { follow_up: true, follow_up_date: '2026-05-06T10:31:21Z', follow_up_message: 'call back about pricing' },
    told: 'Where there is no active follow-up, “follow_up: true” creates one, for you alone.',
    shown: 'Jane has a reminder for tomorrow, in the time zone of the business. Your colleagues see none.',
  },
  {
    row: ['true', 'absent or false', 'active', 'update'],
    uid: JANE,
    fields: { follow_up: true, follow_up_date: '2026-05-07T06:00:00Z' },
    told: 'The same again updates the active one. What is not sent stays.',
    shown: 'The date is another, the message is still there.',
  },
  {
    row: ['true', 'true', 'any', 'remove'],
    uid: JANE,
    fields: { follow_up: true, archived: true },
    told: 'With “archived: true” it is dismissed: removed, whatever “follow_up” says.',
    shown: 'The follow-up is gone, and the conversation has left the inbox for the archive.',
  },
  {
    row: ['false', 'any', 'active', 'remove'],
    uid: OMER,
    fields: { follow_up: false, complete_follow_up: true },
    told: 'Omer has an active one. “follow_up: false” removes it; with “complete_follow_up” it counts as completed.',
    shown: 'The follow-up is gone, and the conversation stays in the inbox.',
  },
  {
    row: ['false', 'any', 'none, removed, completed', 'nothing'],
    uid: OMER,
    fields: { follow_up: false },
    told: 'Where there is no active one, nothing happens.',
    shown: 'Nothing differs: sending it twice is safe. Those were all six rows.',
  },
];

let before = /** @type {{sandbox: string, as: string} | null} */ (null);
let openUid = async (/** @type {string} */ _uid) => {};

/**
 * Let the tour begin by its button.
 * @param {(uid: string) => Promise<void>} open opens a conversation
 */
export function startTour(open) {
  openUid = open;
  find('#start-tour').onclick = begin;
  addEventListener('pagehide', () => { if (before) leaveNothing(true); });
}

async function begin() {
  if (before) return;
  const { sandbox, as } = where;
  before = { sandbox, as };
  where.sandbox = makeName('tour');
  where.as = 'demo-owner';
  const reset = await waitFor(send('POST', '__admin/reset', { now: NOW }));
  if (!reset.ok) {
    Object.assign(where, before);
    before = null;
    complain(reset.error, begin);
    return;
  }
  moveTo(where.sandbox, where.as, false);
  await show(0);
}

/** @param {boolean} isLast whether the page goes away */
const leaveNothing = (isLast) => send('DELETE', '__admin/sandbox', undefined, '', isLast);

async function end() {
  const back = before;
  if (!back) return;
  before = null;
  find('#tour').hidden = true;
  await leaveNothing(false);
  moveTo(back.sandbox, back.as);
  find('#start-tour').focus();
}

/** @param {number} number of the step, from 0 */
async function show(number) {
  const { row, uid, fields, told, shown } = STEPS[number];
  const isLast = number === STEPS.length - 1;
  const result = make('p', { class: 'result', role: 'status' });
  const next = make('button', { class: 'primary', hidden: true, onclick: () => (isLast ? end() : show(number + 1)) }, isLast ? 'Finish' : 'Next row');
  const go = make('button', { class: 'primary', onclick: async () => {
    const { body, ok } = await read(`v2/conversations/${uid}`);
    if (!ok || !(await change(body, fields, `Row ${number + 1}: ${row[3]}`)).ok) return;
    result.textContent = shown;
    go.hidden = true;
    next.hidden = false;
    next.focus();
  } }, 'Send it');
  fill(
    find('#tour'),
    make('header', {},
      make('h2', {}, `The follow-up table, row ${number + 1} of ${STEPS.length}`),
      make('button', { class: 'link', onclick: end }, 'End the tour')),
    make('table', {},
      make('thead', {}, make('tr', {}, ...['follow_up', 'archived', 'follow-up now', 'what happens'].map((name) => make('th', { scope: 'col' }, name)))),
      make('tbody', {}, make('tr', {}, ...row.map((cell) => make('td', {}, cell))))),
    make('p', {}, told),
    make('pre', { tabindex: 0, 'aria-label': 'What the click sends' }, JSON.stringify(fields)),
    result,
    make('p', { class: 'group' }, go, next),
  );
  find('#tour').hidden = false;
  await openUid(uid);
  document.body.dataset.view = 'thread';
  go.focus();
}
