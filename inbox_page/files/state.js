/** What the page knows, and who wants to hear when that changes. */

import { read } from './api.js';

export const state = {
	hasControls: true, // false: ADMIN_API is off
	sandbox: /** @type {Sandbox | null} */ (null),
	zone: 'UTC', // the business's, where it is known
	folder: 'inbox',
	conversations: /** @type {Conversation[]} */ ([]),
	open: /** @type {Conversation | null} */ (null),
};

/** @type {Record<string, Action[]>} by event */
const listeners = { changed: [], written: [], moved: [] };

/** @param {PageEvent} event @param {Action} listener */
export const when = (event, listener) => listeners[event].push(listener);

/** @param {PageEvent} event */
export const tell = (event) => listeners[event].forEach((listener) => listener());

let readAt = 0; // by the browser's own clock, when the sandbox's time was read

export function now() {
	if (!state.sandbox) return Date.now();
	return Date.parse(state.sandbox.now) + (state.sandbox.frozen ? 0 : performance.now() - readAt);
}

/** Read the sandbox: its clock, its staff and the counts of the folders. */
export async function readSandbox() {
	const { ok, status, body } = await read('__admin/sandbox');
	if (!status) return; // the server is away; what was read stays
	state.sandbox = ok ? body : null;
	readAt = performance.now();
	state.zone = state.sandbox?.business?.time_zone ?? 'UTC';
	tell('changed');
}

/** @param {Conversation} conversation as a response has it */
export function take(conversation) {
	const { uid } = conversation;
	state.conversations = state.conversations.map((each) => (each.uid === uid ? conversation : each));
	if (state.open?.uid === uid) state.open = conversation;
	tell('changed');
}

/** @param {Conversation} conversation */
export const nameOf = ({ client }) => `${client.first_name} ${client.last_name}`.trim();
