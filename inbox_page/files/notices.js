/** What the page says: what was done, what went wrong, and that it waits. */

import { fill, find, findAll, make, makeButton } from './dom.js';

const toast = find('#toast');
let hiding = 0;
let waiting = 0;

const hide = () => fill(toast);

/** @param {string} text what was done */
export function say(text) {
	fill(toast, text);
	clearTimeout(hiding);
	hiding = setTimeout(hide, 5000);
}

/** @param {string} text what went wrong, shown where the user is @param {Action} [again] */
export function complain(text, again) {
	const box = find('dialog[open] .problem') ?? find('#problem');
	fill(box, make('span', {}, text), make('span', { class: 'group' },
		again && makeButton('Try again', () => { calmDown(); again(); }), makeButton('Close', calmDown)));
	box.hidden = false;
	hide();
}

/** Take back what went wrong before. */
export function calmDown() {
	for (const box of findAll('.problem')) box.hidden = true;
}

/** @template T @param {Promise<T>} promise what the page shows that it waits for */
export async function waitFor(promise) {
	const count = (/** @type {number} */ more) => { waiting += more; find('#progress').hidden = !waiting; };
	count(1);
	try {
		return await promise;
	} finally {
		count(-1);
	}
}

/** @param {string} text */
export async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch { // in a frame, or neither under https nor on this machine
		const area = /** @type {any} */ (make('textarea', {}, text));
		(find('dialog[open]') ?? document.body).append(area);
		area.select();
		document.execCommand('copy');
		area.remove();
	}
	say('Copied');
}
