/** Finding, creating and filling elements. All text goes in as text, never as HTML. */

export const query = (selector) => document.querySelector(selector);
export const queryAll = (selector) => [...document.querySelectorAll(selector)];
export const setText = (selector, text) => { query(selector).textContent = text; };

/** Act on a click on each element; the action gets the element's data. */
export function onClick(selector, action) {
	for (const element of queryAll(selector)) element.onclick = () => { action(element.dataset); };
}

/** Set the children; false, null and '' are none. */
export const fill = (element, ...children) => element.replaceChildren(...children.flat().filter(Boolean));

/** Create an element, as in `create('p.soft', { dir: 'auto', onclick: open }, 'text')`. */
export function create(name, ...children) {
	const [tag, ...classes] = name.split('.');
	const element = document.createElement(tag);
	if (name !== tag) element.className = classes.join(' ');
	const attributes = children[0]?.constructor === Object ? children.shift() : {};
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith('on')) element[key] = value;
		else if (value !== false) element.setAttribute(key, value);
	}
	fill(element, ...children);
	return element;
}

export const createButton = (label, onclick, kind = 'button') => create(kind, { type: 'button', onclick }, label);

/** Set the children without touching those in place, so that focus and scrolling stay. */
export function updateChildren(element, children) {
	const kept = new Set(children);
	for (const child of [...element.children]) if (!kept.has(child)) child.remove();
	let place = element.firstElementChild;
	for (const child of children) {
		if (child === place) place = place.nextElementSibling;
		else element.insertBefore(child, place);
	}
}

/** Choose the pane that narrow windows show. */
export function showView(name) {
	document.body.dataset.view = name;
	for (const button of queryAll('#views button')) button.ariaCurrent = button.dataset.to === name;
}

const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|true|false|null|-?\d[\d.eE+-]*/g;

/** Return JSON as nodes with colours. */
export function highlight(text) {
	const parts = [];
	let end = 0;
	for (const { 0: token, 1: string, 2: colon, index } of text.matchAll(TOKENS)) {
		const kind = colon ? 'key' : string ? (/^"\d{4}-\d\d-\d\dT/.test(string) ? 'string.date' : 'string') : 'literal';
		parts.push(text.slice(end, index), create(`span.${kind}`, string ?? token), colon);
		end = index + token.length;
	}
	return [...parts, text.slice(end)];
}

/** Act on Ctrl+Enter. */
export const onSubmit = (element, action) => { element.onkeydown = ({ key, ctrlKey, metaKey }) => { if (key === 'Enter' && (ctrlKey || metaKey)) action(); }; };

export const pretty = (value) => JSON.stringify(value, null, 2);

/** Return JSON in one line. */
export const inLine = (value) => JSON.stringify(value, null, 1).replace(/\n */g, ' ').replace(/^{ | }$/g, (brace) => brace.trim());
