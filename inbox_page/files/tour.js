/** The tour: the six rules on their panel, in a sandbox of its own. */

import { copy, showError } from './actions.js';
import { asCurl, pathOf, send, session, tokenOf } from './api.js';
import { createName, switchTo } from './bar.js';
import { create, createButton, fill, highlight, inLine, onClick, query, showView } from './dom.js';
import { readBody } from './rule-table.js';
import { sendRule, showRule } from './rules.js';
import { followUpOf, readConversation } from './store.js';

const NOW = '2026-05-05T07:30:00Z';
const [JANE, OMER] = ['89m2pnabgozdvd9f', 'followup00000001'];
const FIRST = { follow_up: true, follow_up_date: '2030-05-06T10:31:21Z', follow_up_message: 'call back' };

const STEPS = [ // conversation, follow-up, body, what is said before and after
	[JANE, 'none', FIRST,
		'Jane has no active follow-up, so `follow_up: true` creates one.',
		'Set, for you alone: your colleagues see no reminder.'],
	[JANE, 'active', { follow_up: true, follow_up_date: '2030-05-07T06:00:00Z' },
		'Now one is active: the same updates it.',
		'Date changed; message kept because you didn’t send it.'],
	[JANE, 'active', { follow_up: true, archived: true },
		'`follow_up` + `archived`: remove it and archive.',
		'Removed, although it says true, and Jane has left the inbox.'],
	[OMER, 'active', { follow_up_message: 'later' },
		'Without `follow_up`, the message is ignored.',
		'No change: it is still active. The header X-Ignored names the ignored field.'],
	[OMER, 'active', { follow_up: false, complete_follow_up: true },
		'`follow_up: false` removes it; `complete_follow_up` marks it complete.',
		'Marked complete; the conversation stays in the inbox.'],
	[OMER, 'completed', { follow_up: false },
		'None is active any more, so there is nothing to remove.',
		'No change. That’s all six rules.'],
];

let home = null; // where the tour began

export function startTour() {
	onClick('#learn', begin);
	addEventListener('pagehide', () => home && deleteSandbox(tokenOf(session)));
}

const deleteSandbox = (token) => send('DELETE', '__admin/sandbox', undefined, '', token);

function setHome(place) {
	home = place;
	document.body.classList.toggle('touring', place);
	for (const part of ['#staff', '#sandbox-button', '#learn', '#switches']) query(part).disabled = place;
}

async function begin() {
	document.body.classList.remove('menu-open');
	setHome({ ...session });
	switchTo(createName('tour'), 'demo-owner', false);
	const { ok, error } = await send('POST', '__admin/reset', { now: NOW });
	await (ok ? show(0) : end());
	if (!ok) showError(error, begin);
}

function end() {
	const { sandbox, as } = home;
	setHome(null);
	query('#tour').hidden = true;
	setTimeout(deleteSandbox, 500, tokenOf(session)); // after requests under way
	switchTo(sandbox, as);
	query('#learn').focus();
}

const withCode = (text) => text.split('`').map((part, index) => (index % 2 ? create('code', part) : part));

async function show(index) {
	const [uid, wanted, body, before, after] = STEPS[index];
	const { ok, answer, error } = await readConversation(uid);
	if (!ok) {
		showError(error, () => show(index));
		return;
	}
	const extra = Object.fromEntries(Object.entries(body).filter(([name]) => /date|message/.test(name)));
	const isAgain = index === 0 && followUpOf(answer) !== 'none'; // no request leads there
	const present = () => showRule(readBody(body, isAgain ? 'removed' : wanted), extra, true, answer);
	present();
	const text = create('p', { role: 'status' }, withCode(before));
	const next = STEPS[index + 1] ? createButton('Next rule', () => show(index + 1), 'button.primary') : createButton('Finish', finish, 'button.primary');
	const go = createButton('Send it', async () => {
		if (!await sendRule()) return;
		present();
		fill(text, withCode(after));
		go.replaceWith(next);
		next.focus();
	}, 'button.primary');
	showSheet(`Follow-up rules, ${index + 1} of 6`, [text, create('pre', highlight(inLine(body)))],
		index > 0 && createButton('Back', () => show(index - 1)), go);
	query('tr.lit').scrollIntoView({ block: 'nearest' });
	go.focus();
}

function finish() {
	const headers = { Authorization: `Bearer ${tokenOf(home)}`, 'Content-Type': 'application/json' };
	const curl = asCurl({ method: 'PUT', path: pathOf(JANE), headers, body: FIRST });
	showSheet('You know all six rules', [create('p', 'Call the server yourself; History shows your request.'), create('pre', curl)],
		createButton('Back', () => show(5)),
		createButton('Copy your first curl', () => copy(curl), 'button.primary'),
		createButton('Embed', () => { end(); query('#embed').click(); }),
		create('a.button', { href: 'docs/' }, 'Open the docs'));
}

function showSheet(title, content, ...buttons) {
	showView('conversation');
	fill(query('#tour'), create('p.line', create('b', title), createButton('End tour', end, 'button.link')), content, create('p.group', buttons));
	query('#tour').hidden = false;
}
