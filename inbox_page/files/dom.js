/** Finding, making and filling elements. All text goes in as text, never as HTML. */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} selector
 * @returns {T}
 */
export const find = (selector) => /** @type {T} */ (document.querySelector(selector));

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes] `on…` is a listener; false, null and undefined set nothing
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  }
  fill(element, ...children);
  return element;
}

/**
 * Replace what an element holds.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child != null && child !== false));
}

/**
 * Copy a text, and say so on the button that was clicked.
 * @param {string} text
 * @param {HTMLElement} button
 */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only pages under https or on this machine have a clipboard, and a frame needs permission.
    const area = make('textarea', { class: 'hidden' });
    (button.closest('dialog') ?? document.body).append(area);
    area.value = text;
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  const label = button.textContent;
  if (label === 'Copied') return;
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = label; }, 1200);
}
