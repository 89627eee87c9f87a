/** Times in the business's time zone. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export function partsOf(time, zone) {
	const text = new Date(time).toLocaleString('sv', { timeZone: zone }); // as in 2026-05-05 10:30:00
	return { date: text.slice(0, 10), clock: text.slice(11, 16), seconds: text.slice(11, 19) };
}

/** Return a local time; one that the clocks skip is an hour later, and of two the first counts. */
export function timeOf(date, clock, zone) {
	const asUtc = (parts) => Date.parse(`${parts.date}T${parts.clock}Z`);
	const wanted = asUtc({ date, clock });
	const [before, after] = [-DAY, DAY].map((distance) => { // with the day's offset
		const other = wanted + distance;
		return wanted + other - asUtc(partsOf(other, zone));
	});
	const isRight = (time) => asUtc(partsOf(time, zone)) === wanted;
	return isRight(after) && !isRight(before) ? after : before;
}

export function quickTimes(now, zone) {
	const today = Date.parse(partsOf(now, zone).date);
	const at9 = (days) => timeOf(new Date(today + days * DAY).toISOString().slice(0, 10), '09:00', zone);
	return {
		hours: Math.ceil(now / MINUTE + 120) * MINUTE,
		tomorrow: at9(1),
		week: at9(7 - ((new Date(today).getUTCDay() + 6) % 7)), // on Monday
	};
}

export const asJson = (time) => new Date(time).toISOString().replace('.000', '');

export const formatShort = (time, timeZone) => new Date(time).toLocaleString('en-US', { timeZone, weekday: 'short', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });
