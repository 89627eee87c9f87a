/** The folders, and the list of the one that is chosen. */

import { read } from './api.js';
import { fill, find, make } from './dom.js';
import { complain, waitFor } from './notices.js';
import { nameOf, now, state, tell, when } from './state.js';
import { agoText, dueText } from './times.js';

/** @typedef {import('./api.js').Conversation} Conversation */

const PER_PAGE = 50;
const FOLDERS = {
  inbox: ['Inbox', 'All done. Nothing is in the inbox.'],
  attention: ['Unread', 'Nothing is unread.'],
  follow_up: ['Follow-up', 'You have no follow-up.'],
  sent: ['Sent', 'Nothing was sent.'],
  archived: ['Archived', 'Nothing is archived.'],
  trash: ['Trash', 'The trash is empty.'],
  all: ['All', 'There is no conversation.'],
};

let pages = 1;
let hasMore = false;
let isReadingMore = false;
let error = '';
let isLoaded = false;
let openUid = (/** @type {string} */ _uid) => {};

/** @type {Map<string, {seen: string, item: HTMLLIElement}>} */
const items = new Map();

/**
 * Show the folders and the list.
 * @param {(uid: string) => void} open opens a conversation
 */
export function startInbox(open) {
  openUid = open;
  when('sandbox', () => { showFolders(); showList(); });
  when('list', showList);
  when('open', showOpen);
  when('moved', () => { state.conversations = []; pages = 1; isLoaded = false; items.clear(); showList(); });
  new IntersectionObserver(([end]) => { if (end.isIntersecting) readMore(); }, { root: find('#list-pane') }).observe(find('#list-note'));
  setInterval(showList, 30_000); // "3 min" becomes "4 min"
  showFolders();
  showList();
}

/** @param {number} page */
const readPage = (page) => read(`v2/conversations?folder=${state.folder}&per_page=${PER_PAGE}&page=${page}`);

/** Read the list again, as far as it was read. */
export async function readList() {
  const { folder } = state;
  const read = await Promise.all(Array.from({ length: pages }, (_, index) => readPage(index + 1)));
  if (folder !== state.folder) return;
  const failed = read.find(({ ok }) => !ok);
  error = failed?.error ?? '';
  isLoaded = true;
  if (!failed) {
    /** @type {Map<string, Conversation>} */
    const byUid = new Map(); // a conversation may move from one page to the next meanwhile
    for (const { body } of read) for (const each of body.data) byUid.set(each.uid, each);
    state.conversations = [...byUid.values()];
    hasMore = hasNext(read[read.length - 1]);
  }
  tell('list');
}

/** @param {import('./api.js').Exchange} exchange */
const hasNext = ({ headers }) => /rel="next"/.test(headers.get('Link') ?? '');

async function readMore() {
  if (!hasMore || isReadingMore) return;
  isReadingMore = true;
  const { folder } = state;
  const next = await readPage(pages + 1);
  isReadingMore = false;
  if (folder !== state.folder) return;
  if (!next.ok) {
    complain(next.error, readMore);
    return;
  }
  pages += 1;
  const known = new Set(state.conversations.map(({ uid }) => uid));
  state.conversations = [...state.conversations, ...next.body.data.filter((/** @type {Conversation} */ { uid }) => !known.has(uid))];
  hasMore = hasNext(next);
  tell('list');
}

/** @param {string} folder */
export async function chooseFolder(folder) {
  state.folder = folder;
  state.conversations = [];
  pages = 1;
  isLoaded = false;
  showFolders();
  showList();
  find('#list-pane').scrollTop = 0;
  document.body.dataset.view = 'list';
  await waitFor(readList());
}

function showFolders() {
  const list = find('#folders');
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.folder;
  fill(list, ...Object.entries(FOLDERS).map(([folder, [name]]) => {
    const count = state.sandbox?.folders?.[folder];
    return make('li', {}, make('button', {
      'data-folder': folder,
      'aria-current': folder === state.folder && 'true',
      onclick: () => chooseFolder(folder),
    }, make('span', {}, name), count !== undefined && make('span', { class: 'count' }, String(count))));
  }));
  if (focused) find(`[data-folder=${focused}]`)?.focus();
  const [name] = FOLDERS[/** @type {keyof typeof FOLDERS} */ (state.folder)];
  find('#folder-name').textContent = name;
  const count = state.sandbox?.folders?.[state.folder];
  find('#folder-count').textContent = count === undefined ? '' : String(count);
  document.title = `${name} · mock server of vcita's conversations`;
}

function showList() {
  const list = find('#list');
  const focused = list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const position = focused ? [...list.querySelectorAll('button')].indexOf(/** @type {HTMLButtonElement} */ (focused)) : -1;
  fill(list, ...state.conversations.map(itemOf));
  if (focused) {
    const buttons = list.querySelectorAll('button');
    const same = find(`#list [data-uid="${focused.dataset.uid}"]`);
    (same ?? buttons[Math.min(position, buttons.length - 1)] ?? list).focus({ preventScroll: Boolean(same) });
  }
  showOpen();
  const note = find('#list-note');
  const [, empty] = FOLDERS[/** @type {keyof typeof FOLDERS} */ (state.folder)];
  note.className = state.conversations.length ? 'end' : `empty ${isLoaded ? '' : 'loading'}`;
  if (error) fill(note, make('b', {}, 'The list can’t be read'), make('span', {}, error), make('button', { onclick: () => waitFor(readList()) }, 'Try again'));
  else if (!isLoaded) fill(note, ...Array.from({ length: 7 }, () => make('i', {})));
  else if (state.conversations.length) fill(note, hasMore ? 'Loading more…' : '');
  else fill(note, make('b', {}, empty));
}

/** @param {Conversation} conversation */
function itemOf(conversation) {
  const time = Math.max(Date.parse(conversation.last_user_action_at ?? '') || 0, Date.parse(conversation.last_client_action_at ?? '') || 0);
  const ago = time ? agoText(time, now(), state.zone) : '';
  const badge = badgeOf(conversation);
  const seen = JSON.stringify([conversation, ago, badge?.textContent, badge?.className]);
  const known = items.get(conversation.uid);
  if (known?.seen === seen) return known.item; // so that a reload leaves it, and the focus, alone
  const name = nameOf(conversation);
  const from = { client: '', staff: 'You: ', system: 'Note: ' }[conversation.last_message?.message_of ?? 'client'];
  const item = make('li', {}, make('button', {
    class: conversation.business_unread ? 'conversation unread' : 'conversation',
    'data-uid': conversation.uid,
    onclick: () => openUid(conversation.uid),
  },
  make('span', { class: 'name' }, conversation.business_unread && make('span', { class: 'hidden' }, 'Unread: '), name),
  make('span', { class: 'ago' }, ago),
  conversation.title !== name && make('span', { class: 'title' }, conversation.title),
  make('span', { class: 'preview' }, conversation.last_message ? from + conversation.last_message.text : 'No message yet'),
  badge));
  items.set(conversation.uid, { seen, item });
  return item;
}

/**
 * Make the badge of a conversation's follow-up, if there is one.
 * @param {Conversation} conversation
 */
export function badgeOf({ follow_up: isActive, follow_up_date: date }) {
  if (!isActive) return null;
  if (!date) return make('span', { class: 'badge' }, 'Follow-up');
  const isLate = Date.parse(date) <= now();
  const due = dueText(Date.parse(date), now(), state.zone);
  return make('span', { class: isLate ? 'badge late' : 'badge' }, isLate ? `Overdue · ${due}` : due);
}

function showOpen() {
  for (const button of find('#list').querySelectorAll('button')) {
    if (button.dataset.uid === state.open?.uid) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}
