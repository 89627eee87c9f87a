/** Times in the business's time zone: as the fields of a form, and in short. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** @param {number} time @param {string} zone */
export function partsOf(time, zone) {
	const text = new Date(time).toLocaleString('sv', { timeZone: zone }); // as in 2026-05-05 10:30:00
	return { date: text.slice(0, 10), clock: text.slice(11, 16) };
}

/** @param {string} date @param {string} clock one that the clocks skip is an hour later @param {string} zone */
export function timeOf(date, clock, zone) {
	const asIfUtc = Date.parse(`${date}T${clock}Z`);
	const asUtc = (/** @type {number} */ time) => {
		const parts = partsOf(time, zone);
		return asIfUtc + time - Date.parse(`${parts.date}T${parts.clock}Z`);
	};
	return asUtc(asUtc(asIfUtc)); // the first is right unless the clocks change in between
}

/** @param {number} now @param {string} zone @returns {Record<string, number>} */
export function quickTimes(now, zone) {
	const today = Date.parse(partsOf(now, zone).date);
	const at9 = (/** @type {number} */ days) => timeOf(new Date(today + days * DAY).toISOString().slice(0, 10), '09:00', zone);
	return {
		hours: Math.ceil(now / MINUTE + 120) * MINUTE,
		tomorrow: at9(1),
		week: at9(7 - ((new Date(today).getUTCDay() + 6) % 7)), // on Monday
	};
}

/** @param {number} time @param {string} zone */
export const inShort = (time, zone) => new Date(time).toLocaleString('en-US', { timeZone: zone, weekday: 'short', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });
