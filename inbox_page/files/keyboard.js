/** Keys that do what buttons do, while nobody is typing. */

import { toggle } from './actions.js';
import { find } from './dom.js';
import { editFollowUp } from './follow-up.js';
import { state } from './state.js';
import { close, startReply } from './thread.js';

/** @type {Record<string, () => void>} */
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  e: () => { if (state.open) toggle(state.open, 'archived'); },
  u: () => { if (state.open) toggle(state.open, 'business_unread'); },
  f: editFollowUp,
  r: () => { if (state.open) startReply(); },
  '?': showKeys,
  Escape: close,
};

/** Listen. */
export function startKeyboard() {
  find('#help').onclick = showKeys;
  for (const button of document.querySelectorAll('[data-close]')) {
    button.addEventListener('click', () => button.closest('dialog')?.close());
  }
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches('textarea, select, input:not([type=radio])')) {
      if (event.key === 'Escape') (find('#thread').hidden ? find('#list') : find('#thread-title')).focus();
      return;
    }
    const action = KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function showKeys() {
  /** @type {HTMLDialogElement} */ (find('#keys')).showModal();
}

/** @param {number} by */
function step(by) {
  document.body.dataset.view = 'list';
  const buttons = [...find('#list').querySelectorAll('button')];
  const focused = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const open = buttons.findIndex(({ dataset }) => dataset.uid === state.open?.uid);
  const from = focused >= 0 ? focused : open;
  buttons[from < 0 ? 0 : Math.min(Math.max(from + by, 0), buttons.length - 1)]?.focus();
}
