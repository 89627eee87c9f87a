/** Sending what a click asks for, and telling the user how it went. */

import { pathOf, send, session, tokenOf } from './api.js';
import { create, createButton, fill, query, queryAll } from './dom.js';
import { emit, nameOf, updateConversation } from './store.js';

const toast = query('#toast');
const progress = query('#progress');
let hiding = 0;

const hide = () => fill(toast);

/** Show what was done, and perhaps a button that undoes it. */
export function showToast(text, undo) {
	fill(toast, create('span', text), undo && createButton('Undo', () => { hide(); undo(); }));
	clearTimeout(hiding);
	hiding = setTimeout(hide, undo ? 8000 : 5000);
}

export function showError(text, retry = null) {
	const box = query('dialog[open] .problem') ?? query('#problem');
	fill(box, create('span', text), create('span.group',
		retry && createButton('Try again', () => { clearErrors(); retry(); }), createButton('Close', clearErrors)));
	box.hidden = false;
	hide();
}

export function clearErrors() {
	for (const box of queryAll('.problem')) box.hidden = true;
}

export async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch { // in a frame, or without https
		const area = create('textarea', text);
		(query('dialog[open]') ?? document.body).append(area);
		area.select();
		document.execCommand('copy');
		area.remove();
	}
	showToast('Copied');
}

/** Send what a click asks for, with the fault that is chosen for the next request. */
export async function sendAction(request) {
	const { method, path, body, title, before, token, undo, success = `${title} ✓`, retry = () => sendAction(request) } = request;
	if (!progress.hidden) { // no second click
		showToast('Still waiting for the previous request');
		return {};
	}
	clearErrors();
	const fault = query('#fault');
	const prefer = path.startsWith('__admin') ? '' : fault.value;
	if (prefer) {
		fault.value = '';
		fault.onchange();
	}
	progress.hidden = false;
	const exchange = { ...await send(method, path, body, prefer, token), title, before };
	progress.hidden = true;
	emit('sent', exchange);
	if (!exchange.ok) {
		showError(exchange.error, retry);
		return exchange;
	}
	if (success) showToast(success, undo);
	if (exchange.token !== tokenOf(session)) return exchange; // another staff member's
	if (method === 'PUT' && path.startsWith('v2/')) updateConversation(exchange.answer, before, body);
	emit('saved', exchange);
	return exchange;
}

export const change = (before, body, title, options) => sendAction({
	method: 'PUT', path: pathOf(before.uid), body, title: `${title} · ${nameOf(before)}`, before, ...options,
});

const FLAGS = { // what sets and clears a field
	archived: ['Archive', 'Unarchive'],
	business_unread: ['Mark unread', 'Mark read'],
	spam: ['Spam', 'Not spam'],
	deleted: ['Delete', 'Restore'],
};

export const labelOf = (conversation, field) => FLAGS[field][Number(conversation[field])];

/** Set or clear a field; `undone` follows an undo. */
export function toggle(conversation, field, undone) {
	const set = (value, options) => change(conversation, { [field]: value }, FLAGS[field][Number(!value)], options);
	const undo = async () => { if ((await set(conversation[field])).ok) undone(); };
	return set(!conversation[field], { undo });
}
