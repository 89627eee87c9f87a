/** Times in the business's time zone: read, written, and in words. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {number} time
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(time, zone, options) {
  const key = zone + JSON.stringify(options);
  const made = formats.get(key) ?? new Intl.DateTimeFormat('en-US', { timeZone: zone, ...options });
  formats.set(key, made);
  return made.format(time).replaceAll('\u202f', ' ');
}

/**
 * Return how far a zone is ahead of UTC at a time, in milliseconds.
 * @param {number} time
 * @param {string} zone
 */
function offsetAt(time, zone) {
  const { date, clock } = partsOf(time, zone);
  return Date.parse(`${date}T${clock}:00Z`) - Math.floor(time / MINUTE) * MINUTE;
}

/**
 * Return a time as the fields of a form show it.
 * @param {number} time
 * @param {string} zone
 */
export function partsOf(time, zone) {
  const [month, day, year] = format(time, zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).split('/');
  const clock = format(time, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return { date: `${year.padStart(4, '0')}-${month}-${day}`, clock };
}

/**
 * Return the time that the fields of a form mean. One that the clocks skip is read as an hour later.
 * @param {string} date
 * @param {string} clock
 * @param {string} zone
 */
export function timeOf(date, clock, zone) {
  const asIfUtc = Date.parse(`${date}T${clock}Z`);
  const near = asIfUtc - offsetAt(asIfUtc, zone);
  return asIfUtc - offsetAt(near, zone);
}

/**
 * Return the quick choices of a reminder.
 * @param {number} now
 * @param {string} zone
 */
export function quickTimes(now, zone) {
  const today = Date.parse(partsOf(now, zone).date);
  const at = (/** @type {number} */ days) => timeOf(new Date(today + days * DAY).toISOString().slice(0, 10), '09:00', zone);
  const toMonday = 7 - ((new Date(today).getUTCDay() + 6) % 7);
  return {
    hours: Math.ceil((now + 120 * MINUTE) / MINUTE) * MINUTE,
    tomorrow: at(1),
    week: at(toMonday),
  };
}

/** @param {number} time */
export const toIso = (time) => new Date(time).toISOString().replace('.000Z', 'Z');

/**
 * @param {number} time
 * @param {string} zone
 */
export const clockText = (time, zone) => format(time, zone, { hour: 'numeric', minute: '2-digit' });

/**
 * @param {number} time
 * @param {string} zone
 */
export const dayAndClock = (time, zone) => `${format(time, zone, { weekday: 'short', month: 'short', day: 'numeric' })}, ${clockText(time, zone)}`;

/**
 * Return how many days of the calendar a time is after now.
 * @param {number} time
 * @param {number} now
 * @param {string} zone
 */
export const daysAhead = (time, now, zone) => Math.round((Date.parse(partsOf(time, zone).date) - Date.parse(partsOf(now, zone).date)) / DAY);

/**
 * Return a time that has passed in few words.
 * @param {number} time
 * @param {number} now
 * @param {string} zone
 */
export function agoText(time, now, zone) {
  const minutes = Math.floor((now - time) / MINUTE);
  if (minutes >= -1 && minutes < 1) return 'now';
  if (minutes > 0 && minutes < 60) return `${minutes} min`;
  const days = -daysAhead(time, now, zone);
  if (days === 0) return minutes < 0 ? clockText(time, zone) : `${Math.floor(minutes / 60)} h`;
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return format(time, zone, { weekday: 'long' });
  const isThisYear = partsOf(time, zone).date.slice(0, 4) === partsOf(now, zone).date.slice(0, 4);
  return format(time, zone, { month: 'short', day: 'numeric', ...(isThisYear ? {} : { year: 'numeric' }) });
}

/**
 * Return when a reminder is due in few words.
 * @param {number} time
 * @param {number} now
 * @param {string} zone
 */
export function dueText(time, now, zone) {
  const days = daysAhead(time, now, zone);
  const clock = clockText(time, zone);
  if (days === 0) return `Today ${clock}`;
  if (days === 1) return `Tomorrow ${clock}`;
  if (days === -1) return 'Yesterday';
  return format(time, zone, { month: 'short', day: 'numeric' });
}
