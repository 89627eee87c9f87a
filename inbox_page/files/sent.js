/** "What it sent": the last click's request and response, with what differs from before. */

import { asCurl, asFetch } from './api.js';
import { copy, fill, find, make } from './dom.js';

/** @typedef {import('./api.js').Exchange} Exchange */

let last = /** @type {Exchange | null} */ (null);

/**
 * Show a request and its response.
 * @param {Exchange} exchange
 * @param {any} [before] the conversation as it was
 */
export function showExchange(exchange, before) {
  last = exchange;
  const { method, path, status, sent, prefer, body, headers, milliseconds } = exchange;
  const isConversation = exchange.ok && before && body?.uid;
  const changed = isConversation ? Object.keys(body).filter((name) => JSON.stringify(body[name]) !== JSON.stringify(before[name])) : [];
  fill(
    find('#sent'),
    make('p', { class: 'request-line' }, make('b', {}, method), ` /${path}`),
    prefer && make('p', { class: 'header' }, `Prefer: ${prefer}`),
    sent !== undefined && make('pre', { tabindex: 0, 'aria-label': 'The request’s body' }, pretty(sent)),
    make('p', { class: 'response-line' }, badge(status), make('span', { class: 'soft' }, status ? `${milliseconds} ms` : exchange.error)),
    headers.get('X-Ignored') && make('p', { class: 'header' }, `X-Ignored: ${headers.get('X-Ignored')}`),
    isConversation && make('p', { class: 'soft' }, changed.length ? 'What differs from before:' : 'Nothing differs from before.'),
    changed.length > 0 && make('pre', { tabindex: 0, class: 'differences', 'aria-label': 'What differs from before' },
      ...changed.flatMap((name) => [
        make('del', {}, `${line(name, before[name])}`), make('ins', {}, line(name, body[name])),
      ])),
    isConversation && make('details', {},
      make('summary', {}, `The whole response, ${Object.keys(body).length} fields`),
      make('pre', { tabindex: 0, 'aria-label': 'The whole response' }, '{\n', ...Object.keys(body).map((name) => (
        make(changed.includes(name) ? 'mark' : 'span', {}, `  ${line(name, body[name])},\n`))), '}')),
    !isConversation && body !== null && body !== '' && make('pre', { tabindex: 0, 'aria-label': 'The response’s body' }, typeof body === 'string' ? body : pretty(body)),
  );
  for (const button of ['#as-curl', '#as-fetch']) /** @type {HTMLButtonElement} */ (find(button)).disabled = false;
}

/** @param {any} value */
const pretty = (value) => JSON.stringify(value, null, 2);

/**
 * @param {string} name
 * @param {any} value
 */
const line = (name, value) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`;

/**
 * Make the mark of a status.
 * @param {number} status
 */
export const badge = (status) => make('span', { class: `status ${status >= 200 && status < 400 ? 'good' : 'bad'}` }, status ? String(status) : 'none');

/** Let the buttons copy. */
export function startSent() {
  find('#as-curl').onclick = ({ target }) => last && copy(asCurl(last), /** @type {HTMLElement} */ (target));
  find('#as-fetch').onclick = ({ target }) => last && copy(asFetch(last), /** @type {HTMLElement} */ (target));
}
