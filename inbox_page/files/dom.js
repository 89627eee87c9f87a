/** Finding, making and filling elements. All text goes in as text, never as HTML. */

/** @param {string} selector @returns {any} */
export const find = (selector) => document.querySelector(selector);

/** @param {string} selector @returns {any[]} */
export const findAll = (selector) => [...document.querySelectorAll(selector)];

/** @param {string} selector @param {string} text */
export const setText = (selector, text) => { find(selector).textContent = text; };

/** @param {string} tag @param {Fields} [attributes] `on…` are listeners @param {...any} children */
export function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
		else if (value !== false) element.setAttribute(name, value);
	}
	fill(element, ...children);
	return element;
}

/** @param {string} label @param {Action} onclick @param {Fields} [attributes] */
export const makeButton = (label, onclick, attributes = {}) => make('button', { type: 'button', ...attributes, onclick }, label);

/** @param {Element} element @param {...any} children but for false, null and '' */
export const fill = (element, ...children) => element.replaceChildren(...children.filter(Boolean));

/** @param {string} name of the one pane that narrow windows show */
export function showView(name) {
	for (const button of findAll('#views button')) {
		const { to } = button.dataset;
		button.setAttribute('aria-current', to === name);
		find(`#${to}`).classList.toggle('away', to !== name);
	}
}
