/** What a click sends: one request, shown with its response, to be tried again if it failed. */

import { send, token } from './api.js';
import { find } from './dom.js';
import { calmDown, complain, say, waitFor } from './notices.js';
import { showExchange } from './sent.js';
import { take, tell } from './state.js';

let isWaiting = false; // a click meanwhile would do the same again

/** Send what a click asks for, with the fault that is chosen for it; say how it went. @type {Act} */
export async function act(method, path, sent, said, again, before) {
	if (isWaiting) {
		say('The last one is still under way');
		return /** @type {any} */ ({});
	}
	calmDown();
	const fault = find('#fault');
	const prefer = path.startsWith('__admin') ? '' : fault.value;
	if (prefer) fault.value = ''; // it is for one action
	isWaiting = true;
	const exchange = await waitFor(send(method, path, sent, prefer));
	isWaiting = false;
	const { ok, status, error } = exchange;
	showExchange(exchange, before);
	if (ok) {
		say(said);
		tell('written');
	} else complain(status ? `${error} (${status})` : error, again);
	return exchange;
}

/** Change a conversation. @type {Change} */
export async function change(before, fields, said, again = () => change(before, fields, said)) {
	const exchange = await act('PUT', `v2/conversations/${before.uid}`, fields, said, again, before);
	if (exchange.ok && exchange.token === token()) take(exchange.body);
	return exchange.ok;
}

/** @type {Record<string, string[]>} the buttons that set and clear a field, and what was done */
const FLAGS = {
	archived: ['Archive', 'Unarchive', 'Archived', 'Unarchived'],
	business_unread: ['Mark unread', 'Mark read', 'Marked as unread', 'Marked as read'],
	spam: ['Spam', 'Not spam', 'Marked as spam', 'No longer spam'],
	deleted: ['Delete', 'Restore', 'Deleted', 'Restored'],
};

/** @param {any} conversation @param {string} field */
export const labelOf = (conversation, field) => FLAGS[field][Number(conversation[field])];

/** @param {any} conversation if there is one @param {string} field */
export const toggle = (conversation, field) => conversation
	&& change(conversation, { [field]: !conversation[field] }, FLAGS[field][2 + Number(conversation[field])]);
