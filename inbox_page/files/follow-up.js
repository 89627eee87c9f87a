/** The dialog of a follow-up, in the business's time zone. */

import { change } from './actions.js';
import { find, findAll, setText } from './dom.js';
import { calmDown } from './notices.js';
import { now, state } from './state.js';
import { inShort, partsOf, quickTimes, timeOf } from './times.js';

const dialog = find('#follow-up');
const [date, clock, message] = ['#date', '#time', '#note'].map(find);

/** @type {Record<string, [Fields, string]>} */
const ENDINGS = {
	complete: [{ follow_up: false, complete_follow_up: true }, 'Follow-up completed'],
	remove: [{ follow_up: false }, 'Follow-up removed'],
	dismiss: [{ follow_up: true, archived: true }, 'Dismissed and archived'],
};

let conversation = /** @type {Conversation} */ ({});

export function startFollowUp() {
	for (const button of findAll('[data-quick]')) button.onclick = () => setDate(quickTimes(now(), state.zone)[button.dataset.quick]);
	for (const button of findAll('[data-end]')) button.onclick = () => finish(...ENDINGS[button.dataset.end]);
	find('#follow-up form').onsubmit = save;
	dialog.onclose = () => find('#edit').focus();
}

export function editFollowUp() {
	const { open, zone } = state;
	if (!open) return;
	conversation = open;
	calmDown();
	setText('#due', open.follow_up_text || 'Follow up');
	setText('#zone', `Times are in the zone ${zone}, where it is ${inShort(now(), zone)}.`);
	for (const [name, time] of Object.entries(quickTimes(now(), zone))) find(`[data-quick=${name}] small`).textContent = inShort(time, zone);
	setDate(Date.parse(open.follow_up_date ?? ''));
	message.value = open.follow_up_message;
	find('#endings').hidden = !open.follow_up;
	dialog.showModal();
}

/** @param {number} time or NaN */
const show = (time) => (time ? partsOf(time, state.zone) : { date: '', clock: '' });

/** @param {number} time or NaN */
function setDate(time) {
	({ date: date.value, clock: clock.value } = show(time));
}

function save() {
	const before = show(Date.parse(conversation.follow_up_date ?? ''));
	if (date.value) clock.value ||= '09:00';
	else if (clock.value) date.value = show(now()).date;
	/** @type {Fields} what stays as it was is not sent: a stored date may have passed */
	const fields = { follow_up: true };
	if (!date.value && before.date) fields.follow_up_date = null;
	if (date.value && date.value + clock.value !== before.date + before.clock) {
		fields.follow_up_date = new Date(timeOf(date.value, clock.value, state.zone)).toISOString().replace('.000', '');
	}
	if (message.value !== conversation.follow_up_message) fields.follow_up_message = message.value;
	finish(fields, conversation.follow_up ? 'Follow-up changed' : 'Follow-up set', save);
}

/** @param {Fields} fields @param {string} said @param {Action} [again] */
async function finish(fields, said, again = () => finish(fields, said)) {
	const mine = conversation;
	if (await change(mine, fields, said, again) && mine === conversation) dialog.close();
}
