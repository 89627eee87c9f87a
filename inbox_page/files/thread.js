/** The open conversation: its messages, what can be done with it, and the box to write in. */

import { act, listToggles, toggle } from './actions.js';
import { read } from './api.js';
import { fill, find, make } from './dom.js';
import { editFollowUp } from './follow-up.js';
import { badgeOf } from './inbox.js';
import { calmDown, complain, waitFor } from './notices.js';
import { nameOf, state, tell, when } from './state.js';

/** @typedef {import('./api.js').Message} Message */

const PER_PAGE = 50;
const FEW = 15; // messages of the last page, to which the one before is added

/** @type {Map<number, Message[]>} the pages of messages that are here, by their numbers */
const pages = new Map();
/** @type {Map<string, HTMLLIElement>} */
const items = new Map();
/** @type {Map<string, string>} what was typed, by conversation */
const drafts = new Map();
const box = /** @type {HTMLTextAreaElement} */ (find('#text'));
const scroller = find('#scroller');
let shown = 0; // as many messages as the conversation said that it has

/** Show the open conversation, whenever it changes. */
export function startThread() {
  when('open', show);
  when('sandbox', show);
  when('moved', close);
  find('#back').onclick = close;
  find('#earlier').onclick = readEarlier;
  new IntersectionObserver(([top]) => { if (top.isIntersecting) readEarlier(); }, { root: scroller }).observe(find('#earlier'));
  const form = /** @type {HTMLFormElement} */ (find('#reply'));
  form.onsubmit = (event) => { event.preventDefault(); reply(); };
  box.onkeydown = (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit(); };
  box.oninput = () => { if (state.open) drafts.set(state.open.uid, box.value); };
}

/**
 * Open a conversation.
 * @param {string} uid
 */
export async function openConversation(uid) {
  document.body.dataset.view = 'thread';
  if (state.open?.uid !== uid) {
    calmDown();
    pages.clear();
    items.clear();
    fill(find('#messages'));
    box.value = drafts.get(uid) ?? '';
    state.open = state.conversations.find((each) => each.uid === uid) ?? null;
    if (state.open) tell('open');
    await waitFor(readOpen(uid, true));
  }
  find('#thread-title').focus({ preventScroll: true });
}

/** Close the conversation, and return to its row of the list. */
export function close() {
  const uid = state.open?.uid;
  state.open = null;
  document.body.dataset.view = 'list';
  tell('open');
  if (uid) (find(`#list [data-uid="${uid}"]`) ?? find('#list')).focus();
}

/**
 * Read the open conversation again.
 * @param {string} [uid]
 * @param {boolean} [isOther] whether the messages may be others than before
 */
export async function readOpen(uid = state.open?.uid, isOther = false) {
  if (!uid) return;
  let conversation = state.conversations.find((each) => each.uid === uid);
  if (!conversation) {
    const found = await read(`v2/conversations/${uid}`);
    if (state.open && state.open.uid !== uid) return;
    if (!found.ok) {
      close();
      complain(found.error, () => openConversation(uid));
      return;
    }
    conversation = /** @type {import('./api.js').Conversation} */ (found.body);
  }
  if (isOther) pages.clear();
  const isNew = isOther || conversation.message_count !== shown;
  state.open = conversation;
  tell('open');
  if (isNew) await readMessages();
}

/** @param {number} page */
async function readPage(page) {
  const uid = state.open?.uid;
  const found = await read(`v2/conversations/${uid}/messages?per_page=${PER_PAGE}&page=${page}`);
  if (uid !== state.open?.uid) return false;
  if (found.ok) pages.set(page, found.body);
  else complain(found.body?.error ?? found.error, () => readOpen(uid, true));
  return found.ok;
}

/** Read the latest messages, or those that are new. */
async function readMessages() {
  const count = state.open?.message_count ?? 0;
  const last = Math.max(1, Math.ceil(count / PER_PAGE));
  const isFirstTime = pages.size === 0;
  const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const from = isFirstTime ? Math.max(1, count - (last - 1) * PER_PAGE < FEW ? last - 1 : last) : Math.max(...pages.keys());
  for (let page = from; page <= last; page += 1) if (!(await readPage(page))) return;
  shown = count;
  showMessages();
  if (isFirstTime || isAtEnd) scroller.scrollTop = scroller.scrollHeight;
}

async function readEarlier() {
  const first = Math.min(...pages.keys());
  const button = /** @type {HTMLButtonElement} */ (find('#earlier'));
  if (button.disabled || !(first > 1 && first < Infinity)) return;
  button.disabled = true;
  const isHere = await readPage(first - 1);
  button.disabled = false;
  if (!isHere) return;
  const below = scroller.scrollHeight - scroller.scrollTop;
  showMessages();
  scroller.scrollTop = scroller.scrollHeight - below;
}

function showMessages() {
  const messages = [...pages.entries()].sort(([a], [b]) => a - b).flatMap(([, page]) => page);
  fill(find('#messages'), ...messages.map(itemOf));
  find('#earlier').hidden = !(Math.min(...pages.keys()) > 1);
}

/** @param {Message} message */
function itemOf(message) {
  const { uid, direction, staff, text } = message;
  const known = items.get(uid);
  if (known) return known;
  const isClient = direction === 'client_to_business';
  const who = isClient ? state.open && nameOf(state.open) : staff?.display_name;
  const kind = isClient ? 'theirs' : direction === 'internal' ? 'internal' : 'ours';
  const item = make('li', { class: kind },
    make('p', { class: 'by' }, make('b', {}, who ?? ''), kind === 'internal' && make('span', { class: 'badge' }, 'Internal note'), make('time', { datetime: message.created_at }, message.created_at_h)),
    make('p', { class: 'bubble' }, text));
  items.set(uid, item);
  return item;
}

function show() {
  const { open } = state;
  find('#thread').hidden = !open;
  find('#nothing-open').hidden = Boolean(open);
  if (!open) return;
  const name = nameOf(open);
  find('#thread-title').textContent = name;
  find('#thread-about').textContent = [open.title !== name && open.title, `Assigned to ${open.staff.display_name}`, open.uid].filter(Boolean).join(' · ');
  const actions = find('#actions');
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.field;
  fill(actions, ...listToggles(open).map(({ field, label }) => make('button', { 'data-field': field, onclick: () => state.open && toggle(state.open, field) }, label)),
    make('button', { class: 'primary', 'data-field': 'follow_up', onclick: editFollowUp }, open.follow_up ? 'Edit follow-up' : 'Follow up'));
  if (focused) find(`#actions [data-field=${focused}]`)?.focus();
  const reminder = find('#reminder');
  reminder.hidden = !open.follow_up;
  const badge = badgeOf(open);
  reminder.className = badge?.className.includes('late') ? 'late' : '';
  fill(reminder, make('b', {}, open.follow_up_text), open.follow_up_message && make('span', {}, open.follow_up_message));
}

/** Put the focus into the box to write in. */
export const startReply = () => box.focus();

async function reply() {
  const { open } = state;
  const text = box.value;
  if (!open || !text.trim()) return;
  const direction = /** @type {HTMLInputElement} */ (find('[name=as]:checked')).value;
  const message = { client_id: open.client.uid, conversation_uid: open.uid, direction, text };
  const said = direction === 'client_to_business' ? 'Received from the client' : 'Sent to the client';
  const exchange = await act('POST', 'platform/v1/messages', { message }, { said, again: reply });
  if (!exchange.ok) return; // what was typed stays
  drafts.delete(open.uid);
  if (state.open?.uid === open.uid && box.value === text) box.value = '';
}
