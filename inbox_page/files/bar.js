/** The bar: sandbox, staff member, clock and simulated faults. */

import { copy, sendAction } from './actions.js';
import { address, send, session } from './api.js';
import { create, fill, onClick, query, queryAll, setText } from './dom.js';
import { emit, now, on, state } from './store.js';
import { formatShort } from './times.js';

const DEMO = ['demo-owner', 'demo-colleague', 'demo-assigned', 'demo-neighbour'];
const staff = query('#staff');
const fault = query('#fault');
let recent = [];
try {
	recent = JSON.parse(localStorage.sandboxes);
} catch {} // none yet

export function startBar() {
	const parameters = new URLSearchParams(location.search);
	session.sandbox = encodeURIComponent(parameters.get('sandbox') ?? '') || session.sandbox;
	session.as = (parameters.get('as') ?? '').replace(/[^!-~]/g, '?') || session.as;
	staff.onchange = () => switchTo(session.sandbox, staff.value);
	onClick('#new-sandbox', () => switchTo(createName('demo'), DEMO[0]));
	onClick('#reset', reset);
	onClick('[data-seconds]', ({ seconds, name }) => admin('POST', 'clock/advance', `Clock moved ${name} ahead and frozen`, { seconds: Number(seconds) }));
	onClick('#freeze', () => (state.sandbox?.frozen
		? admin('DELETE', 'clock', 'Resume clock')
		: admin('PUT', 'clock', 'Freeze clock', { now: new Date(now()).toISOString() })));
	fault.onchange = () => query('#simulate').classList.toggle('armed', fault.value);
	onClick('#menu', () => { query('#menu').ariaExpanded = document.body.classList.toggle('menu-open'); });
	on('changed', show);
	on('switched', rememberSandbox);
	setInterval(showClock, 1000);
	rememberSandbox();
	show();
	setText('#snippet', `<iframe src="${address('.')}?sandbox=docs&amp;as=demo-owner" title="Conversations" width="100%" height="640"></iframe>`);
	onClick('#embed', () => query('#embedding').showModal());
	onClick('#copy-snippet', () => copy(query('#snippet').textContent));
}

export const createName = (kind) => `${kind}-${Math.random().toString(36).slice(2, 6)}`;

/** Switch to another sandbox or staff member. */
export function switchTo(sandbox, as, isNamed = true) {
	Object.assign(session, { sandbox, as, generation: session.generation + 1 });
	if (isNamed) history.replaceState(null, '', `?${new URLSearchParams({ sandbox, as })}`);
	query('#sandbox-menu').hidePopover();
	state.details = new Map();
	emit('switched');
}

function rememberSandbox() {
	const { sandbox } = session;
	recent = [...new Set([sandbox, ...recent])].filter((name) => !name.startsWith('tour-')).slice(0, 6);
	try {
		localStorage.sandboxes = JSON.stringify(recent);
	} catch {} // a frame may have no storage
	fill(query('#recent-sandboxes'), recent.map((name) => create('li',
		create('button', { 'aria-current': name === sandbox && 'true', onclick: () => switchTo(name, session.as) }, name))));
}

const admin = (method, path, title, body, undo) => sendAction({ method, path: `__admin/${path}`, body, title, undo });

async function reset() {
	query('#sandbox-menu').hidePopover();
	const { ok, answer } = await send('GET', '__admin/state');
	admin('POST', 'reset', 'Reset to demo data', undefined, ok && (() => admin('PUT', 'state', 'Undo reset', answer)));
}

function show() {
	const { sandbox, hasAdmin } = state;
	for (const part of queryAll('.with-admin')) part.hidden = !hasAdmin;
	query('#no-admin').hidden = hasAdmin;
	setText('#sandbox-name', session.sandbox);
	setText('#freeze', sandbox?.frozen ? 'Resume' : 'Freeze');
	setText('#clock-state', sandbox?.frozen ? 'frozen' : 'running');
	query('#clock-button').classList.toggle('frozen', sandbox?.frozen ?? false);
	showClock();
	if (staff.matches(':focus')) return; // it may be open
	const option = (value, label = value) => create('option', { value }, label);
	fill(staff, sandbox ? sandbox.staff.map(({ token, display_name: name, access, business_uid: uid }) => token
		&& option(token.replace(/@[^@]*$/, ''), name + (uid !== sandbox.business?.uid ? ' (another business)' : access === 'all' ? '' : ' (assigned only)'))) : DEMO.map((token) => option(token)));
	if (!query(`#staff [value="${CSS.escape(session.as)}"]`)) staff.prepend(option(session.as));
	staff.value = session.as;
}

function showClock() {
	setText('#clock', formatShort(now(), state.zone));
	setText('#clock-zone', `${state.zone}, now ${formatShort(now(), state.zone)}`);
}
