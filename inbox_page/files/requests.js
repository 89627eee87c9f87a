/** "Recent requests": looks for new ones, shows them, and says what they changed. */

import { read } from './api.js';
import { fill, find, make } from './dom.js';
import { badge } from './sent.js';
import { state, when } from './state.js';

const PAUSE = 700; // milliseconds between two looks
const list = find('#recent');

let greatestId = 0;
let revision = -1; // or whatever no sandbox has
let round = 0; // of looks; only the latest one counts
let timer = 0;
let isFailing = false;
let onChange = /** @type {OnChange} */ (async () => {});

/** @param {OnChange} listener hears of changes */
export function startRequests(listener) {
	onChange = listener;
	when('moved', () => {
		revision = -1;
		greatestId = 0;
		isFailing = false;
		look();
	});
	when('written', () => look(true));
	document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : look()));
	look();
}

/** @param {boolean} [hasWritten] whether this page just changed something */
async function look(hasWritten = false) {
	clearTimeout(timer);
	round += 1;
	const mine = round;
	const { ok, status, body } = state.hasControls ? await read(`__admin/requests?after=${greatestId}`) : { status: 404 };
	if (mine !== round) return;
	state.hasControls = status !== 404;
	const isOther = !ok || body.revision !== revision;
	if (ok && isOther && greatestId) { // a reset also emptied the list
		greatestId = 0;
		look();
		return;
	}
	const wasFailing = isFailing;
	isFailing = !ok;
	revision = ok ? body.revision : -1;
	const entries = /** @type {Entry[]} */ (ok ? body.requests : []);
	if (ok) show(entries, isOther);
	const hasChanged = entries.some(({ changed }) => changed.length);
	const isUnseen = hasWritten && !entries.length; // FLASK_JOURNAL=0
	if (hasChanged || isUnseen || (isOther && !(isFailing && wasFailing))) await onChange(isOther || isUnseen);
	if (mine === round && !document.hidden && state.hasControls) timer = setTimeout(look, ok ? PAUSE : 4 * PAUSE);
}

/** @param {Entry[]} entries newest first @param {boolean} isOther whether they replace the others */
function show(entries, isOther) {
	if (isOther) fill(list);
	list.prepend(...entries.map(makeRow));
	while (list.children.length > 100) list.lastElementChild.remove();
	greatestId = Math.max(greatestId, ...entries.map(({ id }) => id));
	find('#none').hidden = list.firstChild;
}

/** @param {Entry} entry */
function makeRow(entry) {
	const { time, status, method, path, changed, user_agent: agent } = entry;
	const details = make('dl', { hidden: '' }, ...Object.entries(entry).flatMap(([name, value]) => (
		value?.length === 0 ? [] : [make('dt', {}, name), make('dd', {}, String(value))])));
	const button = make('button', { class: 'entry', 'aria-expanded': 'false' },
		make('time', {}, new Date(time).toLocaleTimeString('sv')),
		badge(status),
		make('span', {}, agent.replace(/^Mozilla.*?(Firefox|Chrome|Safari)\/(\d+).*/, '$1 $2') || '–'),
		make('span', { class: 'code' }, make('b', {}, method), ` ${path}`),
		changed.length > 0 && make('span', { class: 'code' }, make('i', {}, changed.join(' '))));
	button.onclick = () => {
		details.hidden = !details.hidden;
		button.setAttribute('aria-expanded', String(!details.hidden));
	};
	return make('li', { class: method === 'GET' && status < 400 && 'read' }, button, details);
}
