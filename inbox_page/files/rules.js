/** The six rules: a table whose row lights up, and switches to try one. */

import { change } from './actions.js';
import { pathOf } from './api.js';
import { create, fill, highlight, inLine, onClick, query, queryAll, setText } from './dom.js';
import { findRule, findSteps, readBody, RULES, writeBody } from './rule-table.js';
import { followUpOf, nameOf, on, readConversation, state } from './store.js';

const JANE = '89m2pnabgozdvd9f'; // of the demo data
const BOOLEAN = ['absent', 'true', 'false'];
const SWITCHES = { follow_up: BOOLEAN, archived: BOOLEAN, now: ['none', 'active', 'removed', 'completed'], complete_follow_up: BOOLEAN };

let sample = null; // what rules are tried on while nothing is open
let wanted = JANE;
let mayLook = false; // for it, once the details are known
let switches = { follow_up: 'true', archived: 'absent', now: 'none', complete_follow_up: 'absent' };
let isNowChosen = false; // else it is the real one
let extra = {}; // date and message
let hovered = null; // the body of the action under the pointer

const SILENTLY = { success: '', retry: () => sendRule() }; // the panel says how it went

export function startRules() {
	const code = (values) => (values.length > 2 ? 'any' : create('code', values.join('/')));
	fill(query('#rule-table tbody'), RULES.rows.map((row, index) => create('tr', { 'data-rule': index + 1, onclick: () => choose(row) },
		[code(row.follow_up), code(row.archived), row.now.length === 3 ? 'not active' : code(row.now),
			create('button.link', create('b', row.name), ` ${row.detail}`)].map((cell) => create('td', cell)))));
	fill(query('#switches'), Object.entries(SWITCHES).map(([name, values]) => create('fieldset',
		create('legend', name === 'now' ? 'The follow-up now' : create('code', name)),
		create('span.segments', values.map((value) => create('label',
			create('input', { type: 'radio', name, value, onchange: () => showRule({ ...switches, [name]: value }, extra, isNowChosen || name === 'now') }),
			create('span', value)))))));
	onClick('#send-rule', sendRule);
	const forget = () => { sample = null; wanted = JANE; extra = {}; mayLook = isNowChosen = false; };
	on('changed', () => { findSample(); show(); });
	on('conversation', (conversation) => { if (conversation.uid === wanted) sample = conversation; });
	on('details', () => { mayLook = true; });
	on('stale', forget);
	on('switched', forget);
	for (const event of ['pointerover', 'focusin', 'pointerout', 'focusout']) document.addEventListener(event, hover);
	show();
}

/** Find Jane, or else the first conversation of the list. */
function findSample() {
	const { conversations, details } = state;
	const listed = conversations.find(({ uid }) => uid === wanted);
	if (!listed && sample?.uid !== wanted && mayLook && details.has(wanted)) {
		mayLook = false;
		readConversation(wanted);
	}
	sample = listed ?? sample ?? conversations[0];
}

const target = () => state.open ?? sample;
const realState = () => (target() ? followUpOf(target()) : 'none');

function choose(row) {
	const { follow_up: [followUp], archived: [archived], now: states } = row;
	const real = realState();
	const wanted = states.includes(real) ? real : states.find((value) => value !== 'none');
	showRule({ ...switches, follow_up: followUp, archived, now: wanted });
}

export function showRule(chosen, more = {}, isChosen = true, conversation = null) {
	switches = chosen;
	extra = more;
	isNowChosen = isChosen;
	if (conversation) {
		sample = conversation;
		wanted = sample.uid;
	}
	setText('#rule-result', '');
	show();
}

export function describe({ action, after, archives, unarchives }, { follow_up: followUp, now: before, complete_follow_up: complete }, conversation) {
	const effect = {
		nothing: followUp === 'absent' ? 'Without follow_up, the follow-up stays as it is.' : 'No follow-up is active: there is nothing to remove.',
		create: 'A follow-up is created. Without a date it is only a flag.',
		update: 'Only the date and message that you send change.',
		remove: before === after ? `No follow-up is active: it stays ${after}.` : `The follow-up is ${after}, its date and message cleared.`,
	}[action];
	const archive = archives ? 'The conversation is archived: it leaves the inbox.'
		: archives === false && (conversation?.archived || !unarchives) && 'The conversation is unarchived.';
	const isIgnored = complete !== 'absent' && (unarchives || followUp === 'absent');
	return [effect, archive, isIgnored && 'complete_follow_up is ignored.'].filter(Boolean).join(' ');
}

/** Light the row of the hovered or focused action. */
function hover({ type, target: element }) {
	const action = element.closest?.('[data-body]');
	if (!action || action.closest('dialog')) return;
	hovered = /over|in$/.test(type) ? JSON.parse(action.dataset.body) : null;
	show();
}

function show() {
	const conversation = target();
	const real = realState();
	if (!isNowChosen) switches = { ...switches, now: real };
	const lit = findRule(hovered ? readBody(hovered, real) : switches);
	for (const row of queryAll('[data-rule]')) row.classList.toggle('lit', Number(row.dataset.rule) === lit.number);
	const strip = query('#strip');
	strip.classList.toggle('lit', hovered);
	fill(strip, hovered
		? [create('b', `Rule ${lit.number}: ${lit.name}`), create('code', inLine(hovered))]
		: [create('b', `Follow-up now: ${real}`), create('span', 'Rules')]);
	for (const input of queryAll('#switches input')) {
		input.checked = switches[input.name] === input.value;
		input.disabled = input.value === 'none' && real !== 'none';
	}
	const rule = findRule(switches);
	const steps = findSteps(real, switches.now);
	const name = conversation?.client.first_name ?? 'Jane';
	const chip = (text) => create(`span.chip.${text}`, text);
	fill(query('#outcome-title'), create('b', `Rule ${rule.number}: ${rule.name}`), create('span', chip(switches.now), ' → ', chip(rule.after)));
	setText('#outcome-text', describe(rule, switches, conversation));
	setText('#outcome-path', `PUT /${pathOf(conversation?.uid ?? JANE)}`);
	fill(query('#outcome-json'), highlight(inLine({ ...writeBody(switches), ...extra })));
	setText('#send-rule', `Send to ${name}`);
	query('#send-rule').disabled = !conversation || !steps;
	setText('#rule-steps', steps?.length ? `Sends ${steps.map(inLine).join(', then ')} first, since ${name}’s follow-up is ${real}.` : '');
}

/** Send the request, after those that lead to its state; return true if all went well. */
export async function sendRule() {
	let conversation = target();
	const chosen = switches;
	const rule = findRule(chosen);
	const body = { ...writeBody(chosen), ...extra };
	for (const step of findSteps(realState(), chosen.now)) {
		const { ok, answer } = await change(conversation, step, 'Prepare', SILENTLY);
		if (!ok) return false;
		conversation = answer;
	}
	const { ok, status, answer } = await change(conversation, body, `Rule ${rule.number}: ${rule.name}`, SILENTLY);
	if (!ok) return false;
	showRule(chosen, {}, false);
	setText('#rule-result', `${status}. ${nameOf(answer)}’s follow-up is now ${followUpOf(answer)}${answer.archived ? ', the conversation archived' : ''}: rule ${rule.number}.`);
	return true;
}
