/** Keys that do what buttons do, while nobody is typing. */

import { toggle } from './actions.js';
import { find, findAll, showView } from './dom.js';
import { editFollowUp } from './follow-up.js';
import { state } from './state.js';
import { close, openConversation } from './thread.js';

/** @type {Record<string, Action>} */
const KEYS = {
	j: () => step(1),
	k: () => step(-1),
	e: () => toggle(chosen(), 'archived'),
	u: () => toggle(chosen(), 'business_unread'),
	f: async () => {
		const conversation = chosen();
		if (conversation) await openConversation(conversation.uid);
		editFollowUp();
	},
	r: () => state.open && find('#text').focus(),
	'?': () => find('#keys').showModal(),
	Escape: () => close(),
};

export function startKeyboard() {
	find('#help').onclick = KEYS['?'];
	for (const button of findAll('[data-close]')) button.onclick = () => button.closest('dialog').close();
	document.addEventListener('keydown', (event) => {
		const { key, ctrlKey, metaKey, altKey, target } = event;
		const action = KEYS[key];
		if (!action || ctrlKey || metaKey || altKey || find('dialog[open]')) return;
		if (/** @type {Element} */ (target).matches('textarea, select, input')) {
			if (key === 'Escape') (state.open ? find('#who') : find('#list')).focus();
			return;
		}
		event.preventDefault();
		action();
	});
}

/** Return the conversation whose row has the focus, or else the open one. */
const chosen = () => state.conversations.find(({ uid }) => uid === find(':focus')?.dataset.uid) ?? state.open;

/** @param {number} by how many rows the focus moves */
function step(by) {
	showView('inbox');
	const rows = findAll('#list button');
	const focused = rows.indexOf(document.activeElement);
	const from = focused < 0 ? rows.findIndex(({ dataset }) => dataset.uid === state.open?.uid) : focused;
	rows[from < 0 ? 0 : from + by]?.focus();
}
