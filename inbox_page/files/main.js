/** The start, the poll for changes, and the keys. */

import { startBar } from './bar.js';
import { onClick, query, showView } from './dom.js';
import { editFollowUp, startFollowUp } from './follow-up.js';
import { readList, rows, startInbox } from './inbox.js';
import { addJournal, startInspector } from './inspector.js';
import { startRules } from './rules.js';
import { emit, on, read, readConversation, readDetails, readSandbox, state } from './store.js';
import { close, leave, openConversation, readOpen, startThread, toggleField } from './thread.js';
import { startTour } from './tour.js';

const POLL_INTERVAL = 700; // milliseconds

startInspector();
startBar();
startRules();
startInbox(openConversation);
startThread();
startFollowUp();
startTour();
let greatestId = 0; // of the journal's entries
let revision = -1; // null: the server is offline
let round = 0; // of polls; the latest counts
let timer = 0;

/** Poll the request journal and the sandbox's revision. */
async function poll() {
	clearTimeout(timer);
	if (!state.hasAdmin || document.hidden) return;
	round += 1;
	const mine = round;
	const { ok, status, answer } = await read(`__admin/requests?after=${greatestId}`);
	if (mine !== round) return;
	state.hasAdmin = status !== 404;
	const found = ok ? answer.revision : null;
	const isStale = found !== revision;
	if (ok && isStale && greatestId) { // a reset also cleared the journal
		greatestId = 0;
		poll();
		return;
	}
	revision = found;
	const entries = ok ? answer.requests : [];
	greatestId = Math.max(greatestId, ...entries.map(({ id }) => id));
	const changes = addJournal(entries, ok && isStale).filter(({ changed }) => changed.length);
	if (isStale || changes.length) await refresh(changes, isStale);
	if (mine === round && status !== 401) timer = setTimeout(poll, ok ? POLL_INTERVAL : 4 * POLL_INTERVAL);
}

/** Read again what others changed, or everything. */
async function refresh(changes, isStale) {
	const [uid, isMany] = new Set(changes.map(({ path }) => path.split('/v2/conversations/')[1] ?? '')); // '': a message was sent
	if (isStale) emit('stale');
	await Promise.all([readSandbox(), isStale || isMany !== undefined ? readList() : uid ? readConversation(uid) : readList(true)]);
	await Promise.all([readOpen(isStale), readDetails()]);
}

on('saved', ({ method, path }) => {
	poll();
	if (path.startsWith('__admin')) return; // the revision has changed
	readSandbox();
	if (method === 'PUT') readOpen();
});
on('switched', () => {
	revision = -1;
	greatestId = 0;
	poll();
});
document.addEventListener('visibilitychange', poll);

const KEYS = {
	j: () => step(1),
	k: () => step(-1),
	e: () => toggleField(chosen(), 'archived'),
	u: () => toggleField(chosen(), 'business_unread'),
	f: async () => {
		if (chosen()) await openConversation(chosen().uid);
		editFollowUp(leave);
	},
	r: () => state.open && query('#text').focus(),
	'/': () => { showView('inbox'); query('#search').focus(); },
	'?': () => query('#keys').showModal(),
	Escape: () => close(),
};
const ARROWS = { ArrowDown: 'j', ArrowUp: 'k' };

document.addEventListener('keydown', (event) => {
	const { key, ctrlKey, metaKey, altKey } = event;
	const target = query(':focus') ?? document.body;
	const action = KEYS[(target.matches('#list button, body') && ARROWS[key]) || key];
	if (!action || ctrlKey || metaKey || altKey || query('dialog[open], :popover-open')) return;
	if (target.matches('textarea, select, input')) {
		if (key === 'Escape') (state.open && target.id === 'text' ? query('#name') : rows()[0] ?? query('#scroll-list')).focus();
		return;
	}
	event.preventDefault();
	action();
});

/** Return the focused conversation, or else the open one. */
const chosen = () => state.conversations.find(({ uid }) => uid === query(':focus')?.dataset.uid) ?? state.open;

function step(by) {
	showView('inbox');
	const all = rows();
	const focused = all.indexOf(document.activeElement);
	const from = focused < 0 ? all.findIndex(({ dataset }) => dataset.uid === state.open?.uid) : focused;
	all[from < 0 ? 0 : from + by]?.focus();
}

onClick('#help', KEYS['?']);
onClick('[data-close]', () => query('dialog[open]').close());
onClick('[data-to]', ({ to }) => showView(to));
addEventListener('submit', (event) => event.preventDefault());
showView(matchMedia('(min-width: 700px) and (max-height: 560px)').matches ? 'conversation' : 'inbox'); // in a frame, the rules
poll();
