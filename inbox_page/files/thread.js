/** The open conversation: its messages, what can be done with it, and the box to write in. */

import { act, labelOf, toggle } from './actions.js';
import { read, token } from './api.js';
import { fill, find, findAll, make, setText, showView } from './dom.js';
import { editFollowUp } from './follow-up.js';
import { badgeOf, rowOf } from './inbox.js';
import { calmDown, complain, waitFor } from './notices.js';
import { nameOf, state, tell, when } from './state.js';

const PER_PAGE = 50;
const box = find('#text');
const scroller = find('#scroller');
const earlier = find('#earlier');
const toggles = findAll('[data-field]');

/** @type {Message[][]} the pages that are here, by their numbers */
let pages = [];
let shown = 0; // as many messages as the conversation had then
/** @type {Map<string, HTMLElement>} */
const items = new Map();
/** @type {Map<string, string>} what was typed, by conversation */
const drafts = new Map();

export function startThread() {
	when('changed', show);
	when('moved', () => {
		calmDown();
		close(false);
	});
	for (const button of toggles) button.onclick = () => toggle(state.open, button.dataset.field);
	find('#edit').onclick = editFollowUp;
	find('#back').onclick = () => close();
	new IntersectionObserver(([top]) => top.isIntersecting && readEarlier(), { root: scroller }).observe(earlier);
	find('#reply').onsubmit = reply;
	box.oninput = () => drafts.set(draftOf(state.open?.uid), box.value);
	box.onkeydown = (/** @type {KeyboardEvent} */ { key, ctrlKey, metaKey }) => { if (key === 'Enter' && (ctrlKey || metaKey)) reply(); };
}

/** @param {string} [uid] */
const draftOf = (uid) => `${token()} ${uid}`; // of one staff member's

/** @param {string} uid */
export async function openConversation(uid) {
	showView('conversation');
	const isNew = state.open?.uid !== uid;
	if (isNew) {
		calmDown();
		items.clear();
		pages = [];
		fill(find('#messages'));
		box.value = drafts.get(draftOf(uid)) ?? '';
		state.open = state.conversations.find((each) => each.uid === uid) ?? null;
		tell('changed');
	}
	find('#who').focus({ preventScroll: true });
	if (isNew) await waitFor(readOpen(uid, true));
}

/** Close the conversation. @param {boolean} [isByUser] who returns to its row of the list */
export function close(isByUser = true) {
	const uid = state.open?.uid;
	state.open = null;
	showView('inbox');
	tell('changed');
	if (uid && isByUser) (rowOf(uid) ?? find('#list')).focus();
}

/** Read the open conversation again, and its messages if need be. @type {ReadOpen} */
export async function readOpen(uid = state.open?.uid, isOther = false) {
	if (!uid) return;
	let conversation = state.conversations.find((each) => each.uid === uid);
	if (!conversation) {
		const { ok, body, error } = await read(`v2/conversations/${uid}`);
		if (state.open && state.open.uid !== uid) return;
		if (!ok) {
			close();
			complain(error, () => openConversation(uid));
			return;
		}
		conversation = /** @type {Conversation} */ (body);
	}
	state.open = conversation;
	tell('changed');
	const { message_count: count } = conversation;
	if (count === shown && pages.length && !isOther) return;
	const last = Math.ceil(count / PER_PAGE);
	pages.length = Math.min(pages.length, last + 1); // there may be fewer by now
	const from = isOther ? Number(Object.keys(pages)[0] ?? last) : pages.length - 1;
	const wasAtEnd = await readPages(pages.length ? from : last, last);
	shown = count;
	if (wasAtEnd) scroller.scrollTop = scroller.scrollHeight;
}

/** @param {number} from a page @param {number} to another */
async function readPages(from, to) {
	const uid = state.open?.uid;
	for (let page = Math.max(1, from); page <= to; page += 1) {
		const { ok, body, error } = await read(`v2/conversations/${uid}/messages?per_page=${PER_PAGE}&page=${page}`);
		if (uid !== state.open?.uid) return;
		if (!ok) complain(error, () => readOpen(uid, true));
		else pages[page] = body;
	}
	const wasAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
	fill(find('#messages'), ...pages.flat().map(itemOf));
	earlier.hidden = !pages.length || 1 in pages;
	return wasAtEnd;
}

async function readEarlier() {
	const first = Number(Object.keys(pages)[0]);
	const below = scroller.scrollHeight - scroller.scrollTop;
	if (!(first > 1)) return;
	await readPages(first - 1, first - 1);
	scroller.scrollTop = scroller.scrollHeight - below;
}

/** @param {Message} message */
function itemOf({ uid, direction, staff, text, created_at: time, created_at_h: timeText }) {
	const isClient = direction === 'client_to_business';
	const key = uid + time + text;
	const item = items.get(key) ?? make('li', { class: direction },
		make('p', { class: 'by' },
			make('b', {}, isClient ? state.open && nameOf(state.open) : staff?.display_name),
			direction === 'internal' && make('i', {}, ' Internal note '),
			' ',
			make('time', { datetime: time }, timeText)),
		make('p', { class: 'bubble', dir: 'auto' }, text));
	items.set(key, item);
	return item;
}

function show() {
	const { open } = state;
	find('#thread').hidden = !open;
	find('#nothing-open').hidden = open;
	if (!open) return;
	const { title, staff, uid, follow_up: isActive } = open;
	setText('#who', nameOf(open));
	setText('#about', [title !== nameOf(open) && title, `Assigned to ${staff.display_name}`, uid].filter(Boolean).join(' · '));
	for (const button of toggles) button.textContent = labelOf(open, button.dataset.field);
	const reminder = find('#reminder');
	reminder.hidden = !isActive;
	reminder.className = badgeOf(open)?.className;
	fill(reminder, make('b', {}, open.follow_up_text), make('span', {}, open.follow_up_message));
}

async function reply() {
	const { open } = state;
	const text = box.value;
	if (!open || !text.trim()) return;
	const direction = find('#as').value;
	const message = { client_id: open.client.uid, conversation_uid: open.uid, direction, text };
	const said = direction === 'client_to_business' ? 'Received from the client' : 'Sent to the client';
	const { ok } = await act('POST', 'platform/v1/messages', { message }, said, reply);
	if (!ok) return; // what was typed stays
	drafts.delete(draftOf(open.uid));
	if (state.open?.uid === open.uid && box.value === text) box.value = '';
}
