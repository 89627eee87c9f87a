/** Who acts, in which sandbox, and at what time; and how to show that elsewhere. */

import { act } from './actions.js';
import { address, where } from './api.js';
import { fill, find, findAll, make, setText } from './dom.js';
import { copy } from './notices.js';
import { now, state, tell, when } from './state.js';
import { inShort } from './times.js';

const DEMO = ['demo-owner', 'demo-colleague', 'demo-assigned', 'demo-neighbour'];
const staff = find('#staff');

export function startSandbox() {
	const query = new URLSearchParams(location.search);
	where.sandbox = encodeURIComponent(query.get('sandbox') ?? '') || where.sandbox;
	where.as = query.get('as') || where.as;
	staff.onchange = () => moveTo(where.sandbox, staff.value);
	find('#new-sandbox').onclick = () => moveTo(makeName('demo'), DEMO[0]);
	find('#reset').onclick = () => control('POST', 'reset', 'Reset to the demo data');
	for (const button of findAll('[data-seconds]')) {
		button.onclick = () => control('POST', 'clock/advance', `The clock: ${button.textContent}`, { seconds: +button.dataset.seconds });
	}
	find('#freeze').onclick = () => (state.sandbox?.frozen
		? control('DELETE', 'clock', 'The clock is running')
		: control('PUT', 'clock', 'The clock is stopped', { now: new Date(now()).toISOString() }));
	when('changed', show);
	setInterval(showClock, 1000);
	const snippet = `<iframe src="${address('.')}?sandbox=docs&amp;as=demo-owner" title="Conversations" width="100%" height="640"></iframe>`;
	setText('#snippet', snippet);
	find('#embed').onclick = () => find('#embedding').showModal();
	find('#copy-snippet').onclick = () => copy(snippet);
}

/** @param {string} kind */
export const makeName = (kind) => `${kind}-${Math.random().toString(36).slice(2, 6)}`;

/** Go on in another sandbox, or as somebody else. @type {Move} */
export function moveTo(sandbox, as, isNamed = true) {
	Object.assign(where, { sandbox, as, moves: where.moves + 1 });
	if (isNamed) history.replaceState(null, '', `?${new URLSearchParams({ sandbox, as })}`);
	tell('moved');
}

/** @type {Control} */
const control = (method, path, said, sent) => act(method, `__admin/${path}`, sent, said, () => control(method, path, said, sent));

function show() {
	const { sandbox, hasControls } = state;
	for (const part of findAll('.with-controls')) part.hidden = !hasControls;
	find('#no-controls').hidden = hasControls;
	setText('#sandbox-name', where.sandbox);
	setText('#freeze', sandbox?.frozen ? 'Run' : 'Freeze');
	setText('#clock-state', sandbox?.frozen ? 'stopped' : 'running');
	showClock();
	const option = (/** @type {string} */ value, label = value) => make('option', { value }, label);
	const businesses = Object.groupBy(sandbox?.staff ?? [], (each) => each.business_uid);
	fill(staff, ...Object.entries(businesses).map(([uid, members = []]) => (
		make('optgroup', { label: uid === sandbox?.business?.uid ? sandbox.business.name : 'Another business' },
			...members.map(({ token, display_name: name, access }) => token // else nobody knows it
				&& option(token.replace(/@[^@]*$/, ''), access === 'all' ? name : `${name} (assigned only)`))))));
	if (!sandbox) fill(staff, ...DEMO.map((token) => option(token)));
	if (!find(`#staff [value="${CSS.escape(where.as)}"]`)) staff.prepend(option(where.as));
	staff.value = where.as;
}

function showClock() {
	setText('#clock', inShort(now(), state.zone));
}
