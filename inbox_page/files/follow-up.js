/** The dialog of a follow-up, in the business's time zone. */

import { change } from './actions.js';
import { find } from './dom.js';
import { calmDown } from './notices.js';
import { now, state } from './state.js';
import { dayAndClock, partsOf, quickTimes, timeOf, toIso } from './times.js';

/** @typedef {import('./api.js').Conversation} Conversation */

const dialog = /** @type {HTMLDialogElement} */ (find('#follow-up'));
const date = /** @type {HTMLInputElement} */ (find('#date'));
const clock = /** @type {HTMLInputElement} */ (find('#time'));
const note = /** @type {HTMLTextAreaElement} */ (find('#note'));

/** @type {Record<string, [Record<string, any>, string]>} */
const ENDINGS = {
  complete: [{ follow_up: false, complete_follow_up: true }, 'Follow-up completed'],
  remove: [{ follow_up: false }, 'Follow-up removed'],
  dismiss: [{ follow_up: true, archived: true }, 'Dismissed and archived'],
};

let conversation = /** @type {Conversation | null} */ (null);

/** Let the dialog's buttons do what they say. */
export function startFollowUp() {
  for (const button of dialog.querySelectorAll('button')) {
    const { quick, end } = button.dataset;
    if (quick) button.onclick = () => choose(quick);
    if (end) button.onclick = () => finish(...ENDINGS[end]);
  }
  find('#save').onclick = save;
  dialog.querySelector('form')?.addEventListener('submit', (event) => { event.preventDefault(); save(); });
  dialog.addEventListener('close', () => find('#actions [data-field=follow_up]')?.focus());
}

/** Show the dialog for the open conversation. */
export function editFollowUp() {
  if (!state.open) return;
  conversation = state.open;
  calmDown();
  const { follow_up: isActive, follow_up_date: due, follow_up_message: message } = conversation;
  find('#follow-up-title').textContent = isActive ? conversation.follow_up_text : 'Follow up';
  find('#zone').textContent = `Times are those of ${state.zone}, where it is ${dayAndClock(now(), state.zone)}.`;
  for (const [name, time] of Object.entries(quickTimes(now(), state.zone))) {
    find(`[data-quick=${name}] small`).textContent = dayAndClock(time, state.zone);
  }
  setDate(due ? Date.parse(due) : null);
  note.value = message;
  find('#endings').hidden = !isActive;
  dialog.showModal();
}

/** @param {number | null} time */
function setDate(time) {
  const parts = time === null ? { date: '', clock: '' } : partsOf(time, state.zone);
  date.value = parts.date;
  clock.value = parts.clock;
}

/** @param {string} name */
function choose(name) {
  const times = quickTimes(now(), state.zone);
  setDate(name in times ? times[/** @type {keyof typeof times} */ (name)] : null);
}

function save() {
  if (!conversation) return;
  if (date.value && !clock.value) clock.value = '09:00';
  const time = date.value ? timeOf(date.value, clock.value, state.zone) : null;
  const before = conversation.follow_up_date ? Date.parse(conversation.follow_up_date) : null;
  // What stays as it was is not sent: a stored date may have passed, and would be an error.
  const isNewDate = before === null ? time !== null : time === null || Math.floor(before / 60_000) * 60_000 !== time;
  /** @type {Record<string, any>} */
  const fields = { follow_up: true };
  if (isNewDate) fields.follow_up_date = time === null ? null : toIso(time);
  if (note.value !== conversation.follow_up_message) fields.follow_up_message = note.value;
  return finish(fields, conversation.follow_up ? 'Follow-up changed' : 'Follow-up set', save);
}

/**
 * @param {Record<string, any>} fields
 * @param {string} said
 * @param {() => void} [again]
 */
async function finish(fields, said, again) {
  if (!conversation) return;
  const exchange = await change(conversation, fields, said, { again: again ?? (() => finish(fields, said)) });
  if (exchange.ok) dialog.close();
}
