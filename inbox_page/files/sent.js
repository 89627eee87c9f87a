/** "What it sent": the last click's request and response, with what differs from before. */

import { asCurl, asFetch } from './api.js';
import { fill, find, make } from './dom.js';
import { copy } from './notices.js';

/** @param {any} value */
const pretty = (value) => JSON.stringify(value, null, 2);

/** @param {number} status */
export const badge = (status) => make('span', { class: status >= 200 && status < 400 ? 'status good' : 'status bad' }, String(status || '–'));

/** @param {Exchange} exchange @param {any} [before] the conversation as it was */
export function showExchange(exchange, before) {
	const { method, path, headers, sent, status, body, response, milliseconds } = exchange;
	const ignored = response?.headers.get('X-Ignored');
	fill(
		find('#sent'),
		make('p', { class: 'code' }, make('b', {}, method), ` /${path}`),
		headers.Prefer && make('p', { class: 'code' }, `Prefer: ${headers.Prefer}`),
		sent && make('pre', {}, pretty(sent)),
		make('p', {}, badge(status), ` ${status ? `${milliseconds} ms` : exchange.error}`),
		ignored && make('p', { class: 'code' }, `X-Ignored: ${ignored}`),
		...(exchange.ok && before ? compare(body, before) : [body && make('pre', {}, pretty(body))]),
	);
	find('#copies').hidden = false;
	find('#as-curl').onclick = () => copy(asCurl(exchange));
	find('#as-fetch').onclick = () => copy(asFetch(exchange));
}

/** @param {Fields} body @param {Fields} before */
function compare(body, before) {
	const line = (/** @type {string} */ name, from = body) => `"${name}": ${JSON.stringify(from[name])}`;
	const names = Object.keys(body);
	const changed = names.filter((name) => line(name) !== line(name, before));
	return [
		make('p', { class: 'soft' }, changed.length ? 'What differs from before' : 'Nothing differs from before.'),
		changed.length > 0 && make('pre', {}, ...changed.flatMap((name) => [make('del', {}, line(name, before)), make('ins', {}, line(name))])),
		make('details', {}, make('summary', {}, `The whole response, ${names.length} fields`),
			make('pre', {}, '{\n', ...names.map((name) => make(changed.includes(name) ? 'mark' : 'span', {}, `  ${line(name)},\n`)), '}')),
	];
}
