/** The dialog of a follow-up, which shows what it will send. */

import { change, clearErrors } from './actions.js';
import { create, fill, highlight, inLine, onClick, onSubmit, query, queryAll, setText } from './dom.js';
import { findRule, readBody } from './rule-table.js';
import { describe } from './rules.js';
import { followUpOf, now, state } from './store.js';
import { asJson, formatShort, partsOf, quickTimes, timeOf } from './times.js';

const dialog = query('#follow-up');
const [date, clock, message] = ['#date', '#time', '#note'].map(query);

let conversation = null;
let leave = null;

export function startFollowUp() {
	onClick('[data-quick]', ({ quick }) => setDate(quickTimes(now(), state.zone)[quick]));
	onClick('[data-end]', ({ end, body }) => finish(JSON.parse(body), end));
	for (const button of queryAll('[data-end]')) {
		const body = JSON.parse(button.dataset.body);
		button.append(create('small', inLine(body)));
		button.onpointerenter = button.onfocus = () => preview(body);
		button.onpointerleave = button.onblur = () => preview();
	}
	const form = query('#follow-up form');
	form.onsubmit = save;
	form.oninput = () => preview();
	onSubmit(form, () => form.requestSubmit());
	dialog.onclose = () => query('#edit').focus();
}

export function editFollowUp(leaveWith) {
	const { open, zone } = state;
	if (!open) return;
	conversation = open;
	leave = leaveWith;
	clearErrors();
	setText('#due', open.follow_up_text || 'Follow up');
	setText('#zone', `${zone}, now ${formatShort(now(), zone)}`);
	for (const [name, time] of Object.entries(quickTimes(now(), zone))) setText(`[data-quick=${name}] small`, formatShort(time, zone));
	message.value = open.follow_up_message;
	query('#endings').hidden = !open.follow_up;
	setDate(Date.parse(open.follow_up_date));
	dialog.showModal();
}

const asFields = (time) => (time ? partsOf(time, state.zone) : { date: '', clock: '' });

function setDate(time) {
	({ date: date.value, clock: clock.value } = asFields(time));
	preview();
}

/** Return what differs: a stored date may have passed. */
function readForm() {
	const before = asFields(Date.parse(conversation.follow_up_date));
	const day = date.value || (clock.value && asFields(now()).date);
	const time = clock.value || '09:00';
	const body = { follow_up: true };
	if (!day && before.date) body.follow_up_date = null;
	if (day && day + time !== before.date + before.clock) body.follow_up_date = asJson(timeOf(day, time, state.zone));
	if (message.value !== conversation.follow_up_message) body.follow_up_message = message.value;
	return body;
}

function preview(body = readForm()) {
	const switches = readBody(body, followUpOf(conversation));
	const rule = findRule(switches);
	setText('#match', `Rule ${rule.number} of 6: ${rule.name}`);
	setText('#match-text', describe(rule, switches, conversation));
	fill(query('#will-send'), highlight(inLine(body)));
	query('#becomes-note').hidden = !(body.follow_up_message && !body.follow_up_date);
}

const save = () => finish(readForm(), conversation.follow_up ? 'Change follow-up' : 'Set follow-up', save);

function finish(body, title, retry = () => finish(body, title)) {
	const mine = conversation;
	leave(mine, async () => {
		const exchange = await change(mine, body, title, { retry });
		if (exchange.ok && mine === conversation) dialog.close();
		return exchange;
	});
}
