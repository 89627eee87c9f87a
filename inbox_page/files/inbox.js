/** The folders, and the list of the one that is chosen. */

import { read } from './api.js';
import { fill, find, findAll, make, makeButton, setText, showView } from './dom.js';
import { nameOf, now, state, tell, when } from './state.js';

const PER_PAGE = 50;
const list = find('#list');
const note = find('#list-note');
const folders = findAll('[data-folder]');

let pages = 1;
let hasMore = false;
let isLoaded = false;
let error = '';
let openUid = (/** @type {string} */ _uid) => {};

/** @type {Map<string, {seen: string, item: HTMLElement}>} rows, by the conversations' uids */
const items = new Map();

/** @param {(uid: string) => void} open opens a conversation */
export function startInbox(open) {
	openUid = open;
	when('changed', show);
	when('moved', () => { empty(); readList(); });
	setInterval(findOverdue, 1000);
	new IntersectionObserver(([end]) => end.isIntersecting && readMore(), { root: find('#inbox') }).observe(note);
	for (const button of folders) button.onclick = () => chooseFolder(button.dataset.folder);
	readList();
}

let lookedAt = 0;

/** Read the list again if a follow-up has become overdue. */
function findOverdue() {
	const before = lookedAt;
	lookedAt = now() - 1000; // dates are cut to the second
	const dates = state.conversations.map(({ follow_up_date: date }) => Date.parse(date ?? ''));
	if (dates.some((date) => date > before && date <= lookedAt)) readList();
}

/** Read the list, as far as it was read. */
export async function readList() {
	const { folder } = state;
	const found = await Promise.all(Array.from({ length: pages }, (_, index) => (
		read(`v2/conversations?folder=${folder}&per_page=${PER_PAGE}&page=${index + 1}`))));
	if (folder !== state.folder) return;
	isLoaded = true;
	error = found.find(({ ok }) => !ok)?.error ?? '';
	hasMore = !error && /rel="next"/.test(found.at(-1)?.response?.headers.get('Link') ?? '');
	if (!error) { // one that moved down a page meanwhile is in both
		const byUid = new Map(found.flatMap(({ body }) => body.data).map((each) => [each.uid, each]));
		state.conversations = [...byUid.values()];
		state.open = byUid.get(state.open?.uid) ?? state.open;
	}
	tell('changed');
}

function readMore() {
	if (!hasMore) return;
	hasMore = false;
	pages += 1;
	readList();
}

function empty() {
	state.conversations = [];
	pages = 1;
	hasMore = false;
	isLoaded = false;
	error = '';
	show();
}

/** @param {string} folder */
function chooseFolder(folder) {
	state.folder = folder;
	showView('inbox');
	empty();
	readList();
}

function show() {
	showFolders();
	showList();
}

function showFolders() {
	const counts = state.sandbox?.folders;
	for (const button of folders) {
		const { folder } = button.dataset;
		const count = counts?.[folder] ?? '';
		button.setAttribute('aria-current', folder === state.folder);
		button.lastElementChild.textContent = count;
		if (folder !== state.folder) continue;
		setText('#folder', button.firstChild.data);
		setText('#folder-count', String(count));
	}
}

function showList() {
	const rows = () => findAll('#list button');
	const focused = /** @type {any} */ (document.activeElement);
	const position = rows().indexOf(focused);
	fill(list, ...state.conversations.map(itemOf));
	if (position >= 0) { // the focus stays, or goes to what has taken the place
		const same = rowOf(focused.dataset.uid);
		(same ?? rows()[Math.min(position, rows().length - 1)] ?? list).focus({ preventScroll: same !== null });
	}
	for (const row of rows()) row.setAttribute('aria-current', row.dataset.uid === state.open?.uid);
	note.className = state.conversations.length ? 'more' : 'empty';
	if (error) fill(note, make('b', {}, 'The list can’t be read.'), error, makeButton('Try again', readList));
	else fill(note, !isLoaded || hasMore ? 'Loading…' : state.conversations.length === 0 && 'No conversation is here.');
}

/** @param {string} uid */
export const rowOf = (uid) => find(`#list [data-uid="${uid}"]`);

/** @param {Conversation} conversation */
function itemOf(conversation) {
	const { uid, business_unread: isUnread, last_message: last, title } = conversation;
	const badge = badgeOf(conversation);
	const seen = JSON.stringify([conversation, badge?.className]);
	const known = items.get(uid);
	if (known?.seen === seen) return known.item; // a reload leaves it alone, and the focus on it
	const name = nameOf(conversation);
	const item = make('li', {}, make('button', { class: isUnread && 'unread', 'data-uid': uid, onclick: () => openUid(uid) },
		make('b', {}, isUnread && make('span', { class: 'hidden' }, 'Unread: '), name),
		make('time', {}, timeOf(conversation)),
		title !== name && make('span', { dir: 'auto' }, title),
		make('small', { dir: 'auto' }, last ? { client: '', staff: 'You: ', system: 'Note: ' }[last.message_of] + last.text : 'No message yet'),
		badge));
	items.set(uid, { seen, item });
	return item;
}

/** @param {Conversation} conversation */
function timeOf({ last_user_action_at: ours, last_client_action_at: theirs, ...texts }) {
	const text = (ours ?? '') > (theirs ?? '') ? texts.last_user_action_at_h : texts.last_client_action_at_h;
	return text.replace(/^Today, |(?<=^Yesterday), .*|, \d{4}, .*/g, '');
}

/** @param {Conversation} conversation */
export function badgeOf({ follow_up: isActive, follow_up_date: date, follow_up_text: text }) {
	if (!isActive) return null;
	const isLate = Date.parse(date ?? '') <= now(); // which may have come to pass since the text was made
	const due = text.replace(/^Reminder (set for|was due) |^Marked for follow-up/, '');
	return make('span', { class: isLate ? 'badge late' : 'badge' }, `${isLate ? 'Overdue' : 'Follow-up'} ${due}`);
}
