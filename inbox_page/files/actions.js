/** What a click sends: one request, shown with its response, and tried again if it failed. */

import { send, token } from './api.js';
import { find } from './dom.js';
import { calmDown, complain, say, waitFor } from './notices.js';
import { showExchange } from './sent.js';
import { take, tell } from './state.js';

/** @typedef {import('./api.js').Conversation} Conversation */

/**
 * Send what a click asks for, with the fault that is chosen for it; say how it went.
 * @param {string} method
 * @param {string} path
 * @param {any} sent
 * @param {{said: string, before?: Conversation, undo?: () => void, again: () => void}} more
 */
export async function act(method, path, sent, { said, before, undo, again }) {
  const fault = /** @type {HTMLSelectElement} */ (find('#fault'));
  const prefer = path.startsWith('__admin') ? '' : fault.value;
  if (prefer) fault.value = '';
  const exchange = await waitFor(send(method, path, sent, prefer));
  showExchange(exchange, before);
  if (exchange.ok) {
    calmDown();
    say(said, undo);
    tell('written');
  } else {
    complain(exchange.status ? `${exchange.error} (${exchange.status})` : exchange.error, again);
  }
  return exchange;
}

/**
 * Change a conversation.
 * @param {Conversation} conversation as it is before
 * @param {Record<string, any>} fields
 * @param {string} said
 * @param {{undo?: Record<string, any>, again?: () => void}} [more] the fields that take it back
 */
export async function change(conversation, fields, said, { undo, again } = {}) {
  const exchange = await act('PUT', `v2/conversations/${conversation.uid}`, fields, {
    said,
    before: conversation,
    undo: undo && (() => change({ ...conversation, ...fields }, undo, 'Undone')),
    again: again ?? (() => change(conversation, fields, said, { undo })),
  });
  if (exchange.ok && exchange.token === token()) take(exchange.body);
  return exchange;
}

/** @type {Record<string, [string, string, string, string]>} what sets and clears a field, and what was done */
const FLAGS = {
  archived: ['Archive', 'Unarchive', 'Archived', 'Out of the archive'],
  business_unread: ['Mark unread', 'Mark read', 'Marked as unread', 'Marked as read'],
  spam: ['Spam', 'Not spam', 'Marked as spam', 'No longer spam'],
  deleted: ['Delete', 'Restore', 'Deleted', 'Restored'],
};

/**
 * Turn a field of a conversation around.
 * @param {Conversation} conversation
 * @param {string} field
 */
export function toggle(conversation, field) {
  const value = !(/** @type {any} */ (conversation)[field]);
  const [, , set, cleared] = FLAGS[field];
  return change(conversation, { [field]: value }, value ? set : cleared, { undo: { [field]: !value } });
}

/** @param {Conversation} conversation */
export const listToggles = (conversation) => Object.entries(FLAGS).map(([field, [set, clear]]) => (
  { field, label: /** @type {any} */ (conversation)[field] ? clear : set }));
