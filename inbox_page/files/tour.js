/** The tour: each row of the follow-up table as a click, in a sandbox of its own. */

import { change } from './actions.js';
import { read, send, token, where } from './api.js';
import { fill, find, make, makeButton } from './dom.js';
import { complain, waitFor } from './notices.js';
import { makeName, moveTo } from './sandbox.js';
import { openConversation } from './thread.js';

const NOW = '2026-05-05T07:30:00Z'; // so that its texts are always the same
const [JANE, OMER] = ['89m2pnabgozdvd9f', 'followup00000001'];

/** @type {[string[], string, Fields, string, string][]} a row, what is sent for it, and what is said before and after */
const STEPS = [
	[['absent', 'any', 'any', 'nothing'], JANE, { follow_up_message: 'call back' },
		'Jane has no follow-up. A message alone makes none.',
		'Nothing differs. The header X-Ignored names the field that had no effect.'],
	[['true', 'absent or false', 'none, removed, completed', 'create'], JANE,
		{ follow_up: true, follow_up_date: '2026-05-06T10:31:21Z', follow_up_message: 'call back about pricing' },
		'Where no follow-up is active, follow_up creates one.',
		'A reminder is set, for you alone: your colleagues see none.'],
	[['true', 'absent or false', 'active', 'update'], JANE, { follow_up: true, follow_up_date: '2026-05-07T06:00:00Z' },
		'Where one is active, the same updates it.',
		'The date is another. The message was not sent, so it stays.'],
	[['true', 'true', 'any', 'remove'], JANE, { follow_up: true, archived: true },
		'With archived, the follow-up is dismissed.',
		'It is removed, and the conversation has left the inbox.'],
	[['false', 'any', 'active', 'remove'], OMER, { follow_up: false, complete_follow_up: true },
		'Omer’s is active. This removes it as completed.',
		'It is completed, and the conversation stays in the inbox.'],
	[['false', 'any', 'none, removed, completed', 'nothing'], OMER, { follow_up: false },
		'Where no follow-up is active, there is nothing to remove.',
		'Nothing differs. Those were all six rows.'],
];

let home = /** @type {Place} */ (null); // where the tour began

export function startTour() {
	find('#start-tour').onclick = begin;
	addEventListener('pagehide', () => home && deleteSandbox(token()));
}

/** @param {string} bearer */
const deleteSandbox = (bearer) => send('DELETE', '__admin/sandbox', undefined, '', bearer);

/** @param {Place} place */
function setHome(place) {
	home = place;
	for (const way of ['#staff', '#new-sandbox', '#start-tour']) find(way).disabled = home;
}

async function begin() {
	setHome({ ...where });
	moveTo(makeName('tour'), 'demo-owner', false);
	const { ok, error } = await waitFor(send('POST', '__admin/reset', { now: NOW }));
	await (ok ? show(0) : end());
	if (!ok) complain(error, begin);
}

function end() {
	if (!home) return;
	const { sandbox, as } = home;
	setHome(null);
	find('#tour').hidden = true;
	setTimeout(deleteSandbox, 500, token()); // whatever is under way would make it anew
	moveTo(sandbox, as);
	find('#start-tour').focus();
}

/** @param {number} index of the step */
async function show(index) {
	const [row, uid, fields, before, after] = STEPS[index];
	const result = make('b', { role: 'status' });
	const step = async () => {
		const { body, ok, error } = await read(`v2/conversations/${uid}`);
		if (!ok) complain(error, step);
		if (!ok || !(await change(body, fields, `Row ${index + 1}: ${row[3]}`, step))) return;
		result.textContent = after;
		const next = makeButton(STEPS[index + 1] ? 'Next row' : 'Finish', () => (STEPS[index + 1] ? show(index + 1) : end()), { class: 'primary' });
		go.replaceWith(next);
		next.focus();
	};
	const go = makeButton('Send it', step, { class: 'primary' });
	const cells = (/** @type {string} */ tag, /** @type {string[]} */ texts) => make('tr', {}, ...texts.map((text) => make(tag, {}, text)));
	fill(
		find('#tour'),
		make('p', { class: 'line' }, make('b', {}, `The follow-up table, row ${index + 1} of ${STEPS.length}`), makeButton('End the tour', end, { class: 'link' })),
		make('table', {}, cells('th', ['follow_up', 'archived', 'the follow-up now', 'what happens']), cells('td', row)),
		make('p', {}, before),
		make('pre', {}, JSON.stringify(fields)),
		result,
		make('p', {}, go),
	);
	find('#tour').hidden = false;
	await openConversation(uid);
	go.focus();
}
