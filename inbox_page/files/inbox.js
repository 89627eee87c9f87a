/** The folders, and the list of the one that is chosen. */

import { create, createButton, fill, query, queryAll, setText, showView, updateChildren } from './dom.js';
import { emit, followUpOf, nameOf, now, on, read, readSandbox, state } from './store.js';

const PER_PAGE = 50;
const list = query('#list');
const note = query('#list-note');
const scroller = query('#scroll-list');
const search = query('#search');
const menu = query('#folder-menu');

export const FOLDERS = { // as `conversations/folders.py` has them
	inbox: { name: 'Inbox', has: ({ archived, spam, deleted }) => !archived && !spam && !deleted },
	attention: { name: 'Unread', has: (each) => each.business_unread && FOLDERS.inbox.has(each) },
	follow_up: { name: 'Follow-up', has: (each) => each.follow_up && !each.deleted },
	sent: { name: 'Sent', has: (each) => each.sent && !each.deleted },
	archived: { name: 'Archived', has: ({ archived, deleted }) => archived && !deleted },
	trash: { name: 'Trash', has: ({ deleted }) => deleted },
	all: { name: 'All', has: () => true },
};

let hasMore = false;
let isLoaded = false;
let error = '';
let overdue = 0; // follow-ups
let openUid = null;

const items = new Map(); // rows, by the conversations' uids

export function startInbox(open) {
	openUid = open;
	on('changed', show);
	on('conversation', place);
	on('switched', clear);
	for (const [folder, { name }] of Object.entries(FOLDERS)) {
		query('#folders ul').append(create('li', create('button', { 'data-folder': folder, onclick: () => chooseFolder(folder) }, name, create('span.soft'))));
		menu.append(create('option', { value: folder }));
	}
	menu.onchange = () => chooseFolder(menu.value);
	search.oninput = showList;
	new IntersectionObserver(([end]) => end.isIntersecting && readMore(), { root: scroller }).observe(note);
	setInterval(() => { // when one becomes overdue, its text changes
		const before = overdue;
		overdue = state.conversations.filter(isOverdue).length;
		if (overdue > before) readList();
	}, 1000);
	show();
}

const readPage = (page) => read(`v2/conversations?folder=${state.folder}&per_page=${PER_PAGE}&page=${page}`);

/** Read the list as far as it was read, or only its first page. */
export async function readList(isFirstPageEnough = false) {
	const { folder, conversations } = state;
	const count = isFirstPageEnough ? 1 : Math.ceil(conversations.length / PER_PAGE) || 1;
	const pages = await Promise.all(Array.from({ length: count }, (_, index) => readPage(index + 1)));
	if (folder === state.folder) take([], pages, isFirstPageEnough ? state.conversations : []);
}

async function readMore() {
	if (!hasMore) return;
	hasMore = false;
	const { folder, conversations } = state;
	const page = await readPage(Math.floor(conversations.length / PER_PAGE) + 1);
	if (folder === state.folder) take(state.conversations, [page], []);
}

/** Put pages between the conversations before and after them. */
function take(before, pages, after) {
	error = pages.find(({ ok }) => !ok)?.error;
	if (!error) {
		if (!after.length) hasMore = /rel="next"/.test(pages.at(-1).response.headers.get('Link'));
		isLoaded = true;
		const byUid = new Map(); // one may move down a page
		for (const each of [...before, ...pages.flatMap(({ answer }) => answer.data), ...after]) if (!byUid.has(each.uid)) byUid.set(each.uid, each);
		state.conversations = [...byUid.values()];
		state.open = byUid.get(state.open?.uid) ?? state.open;
	}
	emit('changed');
}

const latestOf = ({ last_user_action_at: ours, last_client_action_at: theirs }) => [ours ?? '', theirs ?? ''].sort()[1];

/** Move a changed conversation to its place in the list. */
function place(conversation) {
	const latest = latestOf(conversation);
	const old = state.conversations.findIndex(({ uid }) => uid === conversation.uid);
	const isMoved = old < 0 || latestOf(state.conversations[old]) !== latest;
	const rest = state.conversations.filter((_, index) => index !== old);
	if (FOLDERS[state.folder].has(conversation)) {
		const next = rest.findIndex((each) => latestOf(each) <= latest);
		if (old >= 0 || next >= 0 || !hasMore) rest.splice(isMoved ? (next < 0 ? rest.length : next) : old, 0, conversation);
	}
	state.conversations = rest;
}

function clear() {
	state.conversations = [];
	hasMore = isLoaded = false;
	error = search.value = '';
	scroller.scrollTop = 0;
	show();
}

function chooseFolder(folder) {
	state.folder = folder;
	showView('inbox');
	clear();
	readList();
	readSandbox();
}

function show() {
	for (const option of menu.options) {
		const folder = option.value;
		const count = state.sandbox?.folders?.[folder] ?? '';
		const button = query(`[data-folder=${folder}]`);
		button.ariaCurrent = folder === state.folder;
		button.lastChild.textContent = count;
		option.textContent = `${FOLDERS[folder].name} ${count}`;
	}
	menu.value = state.folder;
	setText('#folder', FOLDERS[state.folder].name);
	showList();
}

export const rows = () => queryAll('#list button');
export const rowOf = (uid) => query(`#list [data-uid="${CSS.escape(uid)}"]`);

function showList() {
	const focused = query(':focus');
	const position = rows().indexOf(focused);
	const wanted = search.value.trim().toLowerCase();
	const shown = state.conversations.filter((each) => `${nameOf(each)} ${each.title}`.toLowerCase().includes(wanted));
	updateChildren(list, shown.map(itemOf));
	if (position >= 0 && query(':focus') !== focused) { // it goes to the next row
		const same = rowOf(focused.dataset.uid);
		(same ?? rows()[position] ?? rows().at(-1) ?? scroller).focus({ preventScroll: same !== null });
	}
	for (const row of [query('#list [aria-current=true]'), rowOf(state.open?.uid)]) if (row) row.ariaCurrent = row.dataset.uid === state.open?.uid;
	note.className = shown.length ? 'more' : 'empty';
	if (error) fill(note, create('b', 'The list can’t be read'), error, createButton('Try again', () => readList()));
	else if (!isLoaded || hasMore) fill(note, create('span.hidden', 'Loading…'), [1, 2, 3, 4, 5].map(() => create('i.skeleton')));
	else if (shown.length) fill(note);
	else fill(note, `Nothing in ${FOLDERS[state.folder].name}.`, !wanted && state.hasAdmin && createButton('Load demo data', () => query('#reset').click()));
}

/** Return the uid of the row after one, or else before it. */
export function uidAfter(uid) {
	const uids = rows().map((row) => row.dataset.uid);
	const index = uids.indexOf(uid);
	return index < 0 ? null : uids[index + 1] ?? uids[index - 1];
}

function itemOf(conversation) {
	const { uid, business_unread: isUnread, last_message: last, title } = conversation;
	const author = { client: '', staff: `${state.details.get(uid)?.author ?? 'Team'}: `, system: 'Note: ' }[last?.message_of];
	const known = items.get(uid);
	const key = [author, state.folder, followUpOf(conversation), isOverdue(conversation)].join();
	if (known?.conversation === conversation && known.key === key) return known.item;
	const chips = chipsOf(conversation, state.folder);
	const name = nameOf(conversation);
	const item = known?.item ?? create('li', create('button', { 'data-uid': uid, onclick: () => openUid(uid) }));
	fill(item.firstChild,
		create('span.avatar', { 'aria-hidden': 'true' }, name.split(/\s+/).map((word) => [...word][0]).slice(0, 2).join('')),
		create('b', { dir: 'auto' }, isUnread && create('span.hidden', 'Unread: '), name),
		create('time', timeOf(conversation)),
		create('span.preview', { dir: 'auto' }, title !== name && create('span', `${title} · `), last ? author + last.text : 'No message yet'),
		chips.length > 0 && create('span.chips', chips));
	item.firstChild.classList.toggle('unread', isUnread);
	items.set(uid, { conversation, key, item });
	return item;
}

function timeOf(conversation) {
	const { last_user_action_at: ours, last_user_action_at_h: oursText, last_client_action_at_h: theirsText } = conversation;
	return (ours === latestOf(conversation) ? oursText : theirsText).replace(/^Today, |(?<=^Yesterday), .*|, \d{4}, .*/g, '');
}

export const isOverdue = ({ follow_up_date: date }) => Date.parse(date) < now() - 1000; // it is cut to the second

/** Return the chips, without the one that all rows of a folder have. */
export function chipsOf(conversation, folder = '') {
	const { follow_up_text: text, archived, spam, deleted } = conversation;
	const followUp = followUpOf(conversation);
	const [kind, word] = isOverdue(conversation) ? ['overdue', 'Overdue'] : ['follow-up', 'Follow-up'];
	return [
		followUp === 'active' && [kind, text.replace(/^Reminder (set for|was due)|^Marked for follow-up/, word)],
		followUp === 'completed' && ['completed', 'Completed'],
		followUp === 'removed' && ['removed', 'Removed'],
		archived && folder !== 'archived' && ['archived', 'Archived'],
		spam && ['overdue', 'Spam'],
		deleted && folder !== 'trash' && ['overdue', 'Deleted'],
	].filter(Boolean).map(([name, label]) => create(`span.chip.${name}`, label));
}
