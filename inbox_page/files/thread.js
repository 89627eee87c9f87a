/** The open conversation: its messages, actions and reply. */

import { clearErrors, labelOf, sendAction, showError, toggle } from './actions.js';
import { pathOf, session, tokenOf } from './api.js';
import { create, fill, onClick, onSubmit, query, queryAll, setText, showView } from './dom.js';
import { editFollowUp } from './follow-up.js';
import { chipsOf, isOverdue, rowOf, uidAfter } from './inbox.js';
import { emit, nameOf, on, read, readConversation, state } from './store.js';

const PER_PAGE = 50;
const box = query('#text');
const scroller = query('#scroller');
const earlier = query('#earlier');
const messages = query('#messages');
const strip = query('#strip');
const toggles = queryAll('[data-field]');

let first = 0; // page of messages; 0: none
let shown = 0; // messages
const drafts = new Map(); // what was typed, by staff member and conversation

export function startThread() {
	on('changed', show);
	on('switched', () => { clearErrors(); close(false); });
	onClick('[data-field]', ({ field }) => toggleField(state.open, field));
	onClick('#strip', () => showRules(strip.ariaExpanded === 'false'));
	onClick('#edit', () => editFollowUp(leave));
	onClick('#back', () => close());
	new IntersectionObserver(([top]) => top.isIntersecting && readEarlier(), { root: scroller }).observe(earlier);
	query('#reply').onsubmit = reply;
	box.oninput = () => drafts.set(draftOf(state.open.uid), box.value);
	onSubmit(box, reply);
}

const draftOf = (uid) => `${tokenOf(session)} ${uid}`;

/** Show the rules, or the messages. */
function showRules(areShown) {
	query('#conversation').classList.toggle('has-rules', areShown);
	strip.ariaExpanded = areShown;
	scrollToEnd();
}

export async function openConversation(uid) {
	const listed = state.conversations.find((each) => each.uid === uid);
	if (!listed) return;
	showView('conversation');
	const isNew = state.open?.uid !== uid;
	if (isNew) {
		clearErrors();
		first = 0;
		fill(messages, [1, 2, 3].map(() => create('li.skeleton')));
		box.value = drafts.get(draftOf(uid)) ?? '';
		state.open = listed;
		showRules(false);
		emit('changed');
	}
	query('#name').focus({ preventScroll: true });
	if (isNew) await readOpen(true);
}

export function close(isByUser = true) {
	const uid = state.open?.uid;
	state.open = null;
	if (isByUser) showView('inbox');
	emit('changed');
	if (uid && isByUser) (rowOf(uid) ?? query('#scroll-list')).focus();
}

export const toggleField = (conversation, field) => conversation
	&& leave(conversation, () => toggle(conversation, field, () => openConversation(conversation.uid)));

/** Act on a conversation; if it leaves the list, open the next. */
export async function leave({ uid }, act) {
	const next = uidAfter(uid);
	const { ok } = await act();
	if (ok && next && !rowOf(uid) && state.open?.uid === uid) await openConversation(next);
}

export async function readOpen(isStale = false) {
	if (!state.open) return;
	const { uid } = state.open;
	if (isStale && !rowOf(uid)) {
		const { ok, error } = await readConversation(uid);
		if (state.open?.uid !== uid) return;
		if (!ok) {
			close();
			showError(error);
			return;
		}
	}
	const wasAtEnd = !first || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
	if (isStale || state.open.message_count !== shown) await readMessages();
	if (wasAtEnd) scrollToEnd();
}

const scrollToEnd = () => { scroller.scrollTop = scroller.scrollHeight; };

async function readMessages() {
	const { uid, message_count: count } = state.open;
	const last = Math.ceil(count / PER_PAGE);
	first = Math.min(first || last, last);
	const pages = await Promise.all(Array.from({ length: last && last - first + 1 }, (_, index) => (
		read(pathOf(uid, `/messages?per_page=${PER_PAGE}&page=${first + index}`)))));
	if (uid !== state.open?.uid) return;
	const failed = pages.find(({ ok }) => !ok);
	if (failed) {
		showError(failed.error, () => readOpen(true));
		return;
	}
	shown = count;
	fill(messages, pages.flatMap(({ answer }) => answer.map(itemOf)), !last && create('li.empty', 'No message yet'));
	earlier.hidden = first < 2;
}

async function readEarlier() {
	const below = scroller.scrollHeight - scroller.scrollTop;
	first -= 1;
	await readMessages();
	scroller.scrollTop = scroller.scrollHeight - below;
}

const itemOf = ({ text, direction, staff, created_at: time, created_at_h: timeText }) => create(`li.${direction}`,
	create('p.by',
		create('b', { dir: 'auto' }, staff?.display_name ?? nameOf(state.open)),
		direction === 'internal' && create('i', ' Internal note '),
		' ',
		create('time', { datetime: time }, timeText)),
	create('p.bubble', { dir: 'auto' }, text));

function show() {
	const { open } = state;
	query('#thread').hidden = !open;
	query('#conversation').classList.toggle('is-empty', !open);
	if (!open) return;
	const { title, staff, uid, follow_up: isActive } = open;
	setText('#name', nameOf(open));
	fill(query('#chips'), chipsOf(open));
	fill(query('#about'), title !== nameOf(open) && create('bdi', title),
		create('span', 'Assigned to ', create('bdi', staff.display_name)), create('code', uid));
	for (const button of toggles) {
		const { field } = button.dataset;
		button.textContent = labelOf(open, field);
		button.dataset.body = JSON.stringify({ [field]: !open[field] });
	}
	const reminder = query('#reminder');
	reminder.hidden = !isActive;
	reminder.className = isOverdue(open) ? 'overdue' : 'follow-up';
	fill(reminder, create('b', open.follow_up_text), create('span', { dir: 'auto' }, open.follow_up_message));
}

async function reply() {
	const { open } = state;
	const text = box.value;
	if (!open || !text.trim()) return;
	const direction = query('#write-as').value;
	const isClient = direction === 'client_to_business';
	const message = { client_id: open.client.uid, conversation_uid: open.uid, direction, text };
	const { ok } = await sendAction({
		method: 'POST',
		path: 'platform/v1/messages',
		body: { message },
		title: `${isClient ? 'Simulate client message' : 'Send message'} · ${nameOf(open)}`,
		retry: reply,
	});
	if (!ok) return; // what was typed stays
	drafts.delete(draftOf(open.uid));
	if (state.open?.uid === open.uid && box.value === text) box.value = '';
	state.details.set(open.uid, { ...state.details.get(open.uid), author: 'You' });
	await readConversation(open.uid);
	await readOpen();
	scrollToEnd();
}
