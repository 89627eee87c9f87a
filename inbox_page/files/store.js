/** What the page knows, and the events that tell its parts when that changes. */

import { pathOf, send, session } from './api.js';
import { findRule, readBody } from './rule-table.js';

const MAX_FOR_DETAILS = 1500; // conversations, whose state is quick to read

export const state = {
	hasAdmin: true, // false: FLASK_ADMIN_API=0
	sandbox: null,
	zone: 'UTC',
	folder: 'inbox',
	conversations: [],
	open: null,
	details: new Map(), // by uid
};

const listeners = {};

export const on = (event, listener) => { (listeners[event] ??= []).push(listener); };

export const emit = (event, value = null) => listeners[event]?.forEach((listener) => listener(value));

let readAt = 0; // by the browser's clock

export function now() {
	if (!state.sandbox) return Date.now();
	return Date.parse(state.sandbox.now) + (state.sandbox.frozen ? 0 : performance.now() - readAt);
}

/** Read something; never return if the page switches elsewhere. */
export async function read(path) {
	const { generation } = session;
	const exchange = await send('GET', path);
	if (generation !== session.generation) return new Promise(() => {});
	if (!path.startsWith('__admin')) emit('read', exchange);
	return exchange;
}

export async function readSandbox() {
	if (!state.hasAdmin) return;
	const { ok, status, answer } = await read('__admin/sandbox');
	if (!status) return; // the server is offline
	state.sandbox = ok ? answer : null;
	readAt = performance.now();
	state.zone = state.sandbox?.business?.time_zone ?? 'UTC';
	emit('changed');
}

/** Read what responses lack: the follow-ups' states, and who wrote last. */
export async function readDetails() {
	const { you, folders, staff } = state.sandbox ?? {};
	if (!you || folders.all > MAX_FOR_DETAILS) return;
	const { ok, answer } = await read('__admin/state');
	if (!ok) return;
	const names = new Map(staff.map((each) => [each.uid, each.uid === you.uid ? 'You' : each.display_name]));
	const { conversations = [] } = answer.businesses.find(({ uid }) => uid === you.business_uid) ?? {};
	state.details = new Map(conversations.map(({ uid, collaborators, messages }) => {
		const mine = collaborators.find((each) => each.staff === you.uid);
		return [uid, { followUp: mine?.follow_up_state ?? 'none', author: names.get(messages.at(-1)?.from) }];
	}));
	emit('details');
	emit('changed');
}

export function followUpOf({ uid, follow_up: isActive }) {
	const known = state.details.get(uid)?.followUp ?? 'none';
	if (isActive) return 'active';
	return known === 'active' ? 'removed' : known;
}

export async function readConversation(uid) {
	const exchange = await read(pathOf(uid));
	if (exchange.ok) updateConversation(exchange.answer);
	return exchange;
}

/** Keep a conversation from a response; `before` and `body` are a PUT's. */
export function updateConversation(conversation, before, body) {
	const { uid, message_count: count } = conversation;
	if (before) {
		const author = count > before.message_count ? 'You' : state.details.get(uid)?.author;
		state.details.set(uid, { followUp: findRule(readBody(body, followUpOf(before))).after, author });
	}
	if (state.open?.uid === uid) state.open = conversation;
	emit('conversation', conversation);
	emit('changed');
}

export const nameOf = ({ client }) => `${client.first_name} ${client.last_name}`.trim();
