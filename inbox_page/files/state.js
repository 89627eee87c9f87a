/** What the page knows, and who wants to hear when that changes. */

import { read } from './api.js';

export const state = {
  hasControls: true, // false: ADMIN_API is off
  sandbox: /** @type {import('./api.js').Sandbox | null} */ (null),
  zone: 'UTC', // the business's
  folder: 'inbox',
  conversations: /** @type {import('./api.js').Conversation[]} */ ([]),
  open: /** @type {import('./api.js').Conversation | null} */ (null),
};

/** @typedef {'sandbox' | 'list' | 'open' | 'written' | 'moved'} Event */

/** @type {Map<Event, (() => void)[]>} */
const listeners = new Map();

/**
 * Let a function be called whenever something changed.
 * @param {Event} event
 * @param {() => void} listener
 */
export function when(event, listener) {
  listeners.set(event, [...(listeners.get(event) ?? []), listener]);
}

/** @param {Event} event */
export function tell(event) {
  for (const listener of listeners.get(event) ?? []) listener();
}

let readAt = 0; // by the browser's own clock, when the sandbox's time was read

/** Return the sandbox's time. */
export function now() {
  if (!state.sandbox) return Date.now();
  return Date.parse(state.sandbox.now) + (state.sandbox.frozen ? 0 : performance.now() - readAt);
}

/** Read the sandbox: its clock, its staff and the counts of the folders. */
export async function readSandbox() {
  const { ok, status, body } = await read('__admin/sandbox');
  if (status === 404) state.hasControls = false;
  state.sandbox = ok ? body : null;
  readAt = performance.now();
  state.zone = state.sandbox?.business?.time_zone ?? 'UTC';
  tell('sandbox');
}

/**
 * Take a conversation as a response has it.
 * @param {import('./api.js').Conversation} conversation
 */
export function take(conversation) {
  const { uid } = conversation;
  state.conversations = state.conversations.map((each) => (each.uid === uid ? conversation : each));
  tell('list');
  if (state.open?.uid === uid) {
    state.open = conversation;
    tell('open');
  }
}

/** @param {import('./api.js').Conversation} conversation */
export const nameOf = ({ client }) => `${client.first_name} ${client.last_name}`.trim();
