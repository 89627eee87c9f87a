/** What the page says: what was done, what went wrong, and that it waits. */

import { fill, find, make } from './dom.js';

let hiding = 0;
let waiting = 0;

/**
 * Say what was done.
 * @param {string} text
 * @param {(() => void) | null} [undo]
 */
export function say(text, undo = null) {
  find('#status').textContent = text;
  find('#said').textContent = text;
  find('#undo').hidden = !undo;
  find('#undo').onclick = () => { find('#toast').hidden = true; undo?.(); };
  find('#toast').hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { find('#toast').hidden = true; }, 5000);
}

/**
 * Say what went wrong, where the user is, and offer to try again.
 * @param {string} text
 * @param {(() => void) | null} [again]
 */
export function complain(text, again = null) {
  const box = find('dialog[open] .problem') ?? find('#problem');
  const close = () => { box.hidden = true; };
  fill(
    box,
    make('span', {}, text),
    make('span', { class: 'group' },
      again && make('button', { type: 'button', onclick: () => { close(); again(); } }, 'Try again'),
      make('button', { type: 'button', onclick: close }, 'Close')),
  );
  box.hidden = false;
  find('#toast').hidden = true;
}

/** Take back what went wrong before. */
export function calmDown() {
  for (const box of document.querySelectorAll('.problem')) /** @type {HTMLElement} */ (box).hidden = true;
}

/**
 * Show that the page waits, until a promise is settled.
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function waitFor(promise) {
  waiting += 1;
  find('#progress').hidden = false;
  try {
    return await promise;
  } finally {
    waiting -= 1;
    find('#progress').hidden = waiting === 0;
  }
}
