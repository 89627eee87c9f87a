/** The inspector: request, response and changes of a click, and the history. */

import { copy, sendAction, showError } from './actions.js';
import { asCurl, asFetch, pathOf, session, tokenOf } from './api.js';
import { create, createButton, fill, highlight, onClick, onSubmit, pretty, query, queryAll, setText } from './dom.js';
import { on, state } from './store.js';
import { partsOf } from './times.js';

const MAX_ENTRIES = 200;
const READS_AFTER = 3000; // milliseconds: a click's reads
const ALWAYS_CHANGE = /^last_(user|client)_action_at/;
const HEADERS = ['X-Ignored', 'X-Fault', 'WWW-Authenticate'];
const list = query('#recent');
const panel = query('#panel');

let entries = []; // newest first
let selected = null; // an exchange
let isEditing = false;

export function startInspector() {
	on('sent', (exchange) => {
		add({ exchange, item: createRow(exchange, 'This page') });
		select(exchange);
	});
	on('read', (exchange) => {
		const click = entries.find(({ exchange: { entry } }) => !entry)?.exchange;
		if (exchange.time - click?.time < READS_AFTER) click.reads.push(exchange);
	});
	on('switched', () => {
		entries = [];
		selected = null;
		fill(list);
		showTab('history');
	});
	onClick('[data-tab]', ({ tab }) => showTab(tab));
	onClick('#as-curl', () => copy(asCurl(selected)));
	onClick('#as-fetch', () => copy(asFetch(selected)));
	onClick('#again', () => resend(selected.body));
	onClick('#edit-request', () => {
		isEditing = true;
		showTab('request');
		query('#edited').focus();
	});
	startResizing();
	showTab('history');
}

function add(entry) {
	entry.exchange.reads = [];
	entries.unshift(entry);
	list.prepend(entry.item);
	for (const { item } of entries.splice(MAX_ENTRIES)) item.remove();
}

/** Add entries of the journal; return others' entries. */
export function addJournal(found, isAll) {
	for (const { id, exchange, item } of entries) { // a reset removed it
		if (isAll && exchange.entry && !found.some((each) => each.id === id)) item.remove();
	}
	entries = entries.filter(({ item }) => item.isConnected);
	return found.toReversed().filter((entry) => {
		const { id, user_agent: agent, method } = entry;
		if (entries.some((each) => each.id === id)) return false;
		const exchange = asExchange(entry);
		const isOwn = agent === navigator.userAgent;
		const click = isOwn && entries.find((each) => !each.id && each.exchange.method === method && each.exchange.path === exchange.path);
		if (click) click.id = id;
		else add({ id, exchange, item: createRow(exchange, agent.replace(/^Mozilla.*?(Firefox|Chrome|Safari)\/(\d+).*/, '$1 $2') || '–', isOwn && method === 'GET') });
		return !click;
	});
}

/** Return an entry of the journal as an exchange. */
function asExchange(entry) {
	const { path, query: parameters, status, time, body: text, staff_uid: uid } = entry;
	const token = state.sandbox?.staff.find((each) => each.uid === uid)?.token ?? tokenOf(session);
	let body = text;
	try {
		body = JSON.parse(text);
	} catch {} // no JSON, or cut
	const headers = { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) };
	return { ...entry, entry, path: path.slice(1).split('/').map(encodeURIComponent).join('/') + (parameters && `?${parameters}`), ok: status < 400, body, token, headers, time: Date.parse(time) };
}

const paragraph = (...children) => create('p.soft', ...children);
const badge = (status) => create(status && status < 400 ? 'span.status.good' : 'span.status.bad', String(status || '–'));
const json = (value) => create('pre', highlight(pretty(value)));
const header = (name, value) => value && create('p.header', create('span.soft', `${name}: `), value);
const fold = (title, children) => create('details', create('summary', title), children);
const line = ({ method, path }) => create('code.target', create('b', method), ` /${path}`);

function createRow(exchange, agent, isHidden) {
	const { status, title, time, changed } = exchange;
	return create(isHidden ? 'li.own-read' : 'li', create('button.entry', { onclick: () => select(exchange) },
		create('time', partsOf(time, state.zone).seconds),
		badge(status),
		create('span.agent', agent),
		title && create('b', title),
		line(exchange),
		changed?.length > 0 && create('span.changed', `Changed ${changed.join(', ')}`)));
}

function select(exchange) {
	selected = exchange;
	isEditing = false;
	for (const entry of entries) entry.item.firstChild.ariaCurrent = entry.exchange === exchange;
	showTab('request');
}

function showTab(name) {
	for (const tab of queryAll('[data-tab]')) tab.ariaCurrent = tab.dataset.tab === name;
	const isHistory = name === 'history';
	query('#history').hidden = !isHistory;
	panel.hidden = isHistory;
	query('#summary').hidden = isHistory || !selected;
	fill(panel, create('p.empty', 'Click any action to see its request and response.'));
	if (isHistory || !selected) return;
	setText('#summary-title', titleOf(selected));
	fill(query('#summary-status'), badge(selected.status), ` ${selected.milliseconds} ms`);
	fill(panel, { request: showRequest, response: showResponse, changes: showChanges }[name](selected));
	panel.scrollTop = 0;
}

const titleOf = ({ title, method }) => title || `${method} request`;

function showRequest(exchange) {
	const { headers, body, reads } = exchange;
	return [
		line(exchange),
		create('div', Object.entries(headers).map(([name, value]) => header(name, value))),
		isEditing ? createEditor(body) : body && json(body),
		!isEditing && create('section.result', showResult(exchange)),
		reads.length > 0 && fold(`${reads.length} ${reads.length > 1 ? 'reads' : 'read'} after it`, reads.map((read) => create('p', badge(read.status), ' ', line(read)))),
	];
}

function createEditor(body) {
	const area = create('textarea', { id: 'edited', rows: 8, spellcheck: 'false', 'aria-label': 'Body to send' }, pretty(body ?? {}));
	const sendEdited = () => {
		try {
			resend(JSON.parse(area.value));
		} catch (error) {
			showError(`This is not JSON: ${error.message}`);
		}
	};
	onSubmit(area, sendEdited);
	return create('div.editor', area, create('p.group',
		createButton('Send', sendEdited, 'button.primary'), createButton('Cancel', () => select(selected))));
}

function resend(body) {
	const { method, path, token, before } = selected;
	const now = [state.open, ...state.conversations].find((each) => each && pathOf(each.uid) === path);
	sendAction({ method, path, body, token, before: now ?? before, title: titleOf(selected) });
}

const showHead = ({ status, milliseconds, response, ignored, error, ok }) => [
	create('p', badge(status), ` in ${milliseconds} ms`),
	...HEADERS.map((name) => header(name, response?.headers.get(name))),
	header('X-Ignored', ignored?.join(', ')),
	!ok && create('p', error),
];

function showResult(exchange) {
	const { ok, before, changed, answer } = exchange;
	return [...showHead(exchange), ...ok && (before || changed) ? showChanges(exchange) : [answer && json(answer)]];
}

function showResponse(exchange) {
	const { answer, changed } = exchange;
	return [
		...showHead(exchange),
		answer?.uid && paragraph(`Full response (${Object.keys(answer).length} fields)`),
		answer ? json(answer) : changed && paragraph('The journal keeps no response.'),
	];
}

function showChanges({ answer, before, ok, changed: names, error }) {
	if (!ok) return [paragraph(`No fields changed: ${error}`)];
	if (names) return [paragraph(names.length ? `Changed fields: ${names.join(', ')}` : 'No fields changed.')];
	if (!before || !answer?.uid) return [paragraph('No fields of a conversation changed.')];
	const field = (from, name) => highlight(`"${name}": ${JSON.stringify(from[name])}`);
	const diff = (of) => create('pre', of.flatMap((name) => [create('del', field(before, name)), create('ins', field(answer, name))]));
	const changed = Object.keys(answer).filter((name) => JSON.stringify(answer[name]) !== JSON.stringify(before[name]));
	const times = changed.filter((name) => ALWAYS_CHANGE.test(name));
	const others = changed.filter((name) => !ALWAYS_CHANGE.test(name));
	return [
		paragraph(others.length ? `Changed fields (${others.length})` : 'No fields changed.'),
		others.length > 0 && diff(others),
		times.length > 0 && fold(`Times that always change (${times.length})`, diff(times)),
	];
}

function startResizing() {
	const handle = query('#resize');
	const setWidth = (width) => {
		const kept = Math.round(Math.max(360, Math.min(640, width)));
		document.documentElement.style.setProperty('--inspector', `${kept}px`);
		handle.ariaValueNow = kept;
	};
	handle.onpointerdown = ({ pointerId }) => handle.setPointerCapture(pointerId);
	handle.onpointermove = ({ pointerId, clientX }) => { if (handle.hasPointerCapture(pointerId)) setWidth(innerWidth - clientX); };
	handle.onkeydown = ({ key }) => {
		const by = { ArrowLeft: 20, ArrowRight: -20 }[key];
		if (by) setWidth(query('#inspector').offsetWidth + by);
	};
}
