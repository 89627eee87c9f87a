/** The follow-up rules as data, which a test compares with `followups.py`. */

export const RULES = {
	"rows": [
		{"follow_up": ["absent"], "archived": ["absent", "false", "true"], "now": ["none", "active", "removed", "completed"], "action": "nothing", "unarchives": false, "name": "Nothing", "detail": ""},
		{"follow_up": ["true"], "archived": ["absent", "false"], "now": ["none", "removed", "completed"], "action": "create", "unarchives": true, "name": "Create", "detail": "and unarchive"},
		{"follow_up": ["true"], "archived": ["absent", "false"], "now": ["active"], "action": "update", "unarchives": true, "name": "Update", "detail": "and unarchive"},
		{"follow_up": ["true"], "archived": ["true"], "now": ["none", "active", "removed", "completed"], "action": "remove", "unarchives": false, "name": "Remove and archive", "detail": ""},
		{"follow_up": ["false"], "archived": ["absent", "false", "true"], "now": ["active"], "action": "remove", "unarchives": false, "name": "Remove", "detail": "or complete"},
		{"follow_up": ["false"], "archived": ["absent", "false", "true"], "now": ["none", "removed", "completed"], "action": "nothing", "unarchives": false, "name": "Nothing", "detail": "to remove"}
	],
	"after": {
		"nothing": {"none": "none", "active": "active", "removed": "removed", "completed": "completed"},
		"create": {"none": "active", "removed": "active", "completed": "active"},
		"update": {"active": "active"},
		"remove": {"none": "none", "active": "removed", "removed": "removed", "completed": "completed"},
		"complete": {"none": "none", "active": "completed", "removed": "completed", "completed": "completed"}
	}
};

/** The server takes strings and numbers, too. */
const readSwitch = (value) => (value === undefined ? 'absent' : String(/^(true|1)$/i.test(value)));

/** Return the switches for a body and a state. */
export const readBody = (body, now) => ({
	follow_up: readSwitch(body.follow_up),
	archived: readSwitch(body.archived),
	now,
	complete_follow_up: readSwitch(body.complete_follow_up),
});

export const writeBody = ({ now: _, ...fields }) => Object.fromEntries(
	Object.entries(fields).filter(([, value]) => value !== 'absent').map(([name, value]) => [name, value === 'true']));

/** Return the rule that applies, the state after it, and whether it archives. */
export function findRule({ follow_up: followUp, archived, now, complete_follow_up: complete }) {
	const index = RULES.rows.findIndex((row) => (
		row.follow_up.includes(followUp) && row.archived.includes(archived) && row.now.includes(now)));
	const row = RULES.rows[index];
	const effect = row.action === 'remove' && complete === 'true' ? 'complete' : row.action;
	const archives = archived === 'absent' ? null : archived === 'true';
	return { ...row, number: index + 1, after: RULES.after[effect][now], archives: row.unarchives ? false : archives };
}

/** Return the bodies that lead from one state to another, or null. */
export function findSteps(from, to) {
	if (from === to) return [];
	if (to === 'none') return null;
	const end = { active: [], removed: [{ follow_up: false }], completed: [{ follow_up: false, complete_follow_up: true }] }[to];
	return from === 'active' ? end : [{ follow_up: true }, ...end];
}
