/** Sending requests as a staff member in a sandbox. */

/**
 * @typedef {{uid: string, title: string, follow_up: boolean, follow_up_date: string | null,
 *   follow_up_message: string, follow_up_text: string, business_unread: boolean, spam: boolean,
 *   archived: boolean, deleted: boolean, last_user_action_at: string | null,
 *   last_client_action_at: string | null, message_count: number,
 *   last_message: {text: string, message_of: string} | null,
 *   client: {uid: string, first_name: string, last_name: string},
 *   staff: {uid: string, display_name: string}}} Conversation
 * @typedef {{uid: string, text: string, direction: string, created_at: string,
 *   created_at_h: string, staff: {display_name: string} | null}} Message
 * @typedef {{uid: string, display_name: string, access: string, business_uid: string,
 *   token: string | null}} StaffMember
 * @typedef {{name: string, now: string, frozen: boolean, you: StaffMember | null,
 *   business: {uid: string, name: string, time_zone: string} | null, staff: StaffMember[],
 *   folders: Record<string, number> | null}} Sandbox
 * @typedef {{id: number, time: string, status: number, user_agent: string, method: string,
 *   path: string, query: string, milliseconds: number, staff_uid: string | null,
 *   ignored: string[], changed: string[], error: string | null, body: string | null}} Entry
 */

/**
 * A request and its response; the status is 0 where there was none.
 * @typedef {{method: string, path: string, sent: any, prefer: string, token: string,
 *   status: number, ok: boolean, body: any, headers: Headers, error: string,
 *   milliseconds: number}} Exchange
 */

export const where = { sandbox: 'default', as: 'demo-owner', moves: 0 };

/** Return the token of the staff member in the sandbox. */
export const token = () => (where.sandbox === 'default' ? where.as : `${where.as}@${where.sandbox}`);

/** @param {string} path relative to the page, which may lie under a prefix */
export const address = (path) => new URL(path, document.baseURI).href;

/**
 * Send a request; an error is a result like any other.
 * @param {string} method
 * @param {string} path
 * @param {any} [sent]
 * @param {string} [prefer]
 * @param {boolean} [keepalive] let it arrive though the page goes away
 * @returns {Promise<Exchange>}
 */
export async function send(method, path, sent, prefer = '', keepalive = false) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token()}` };
  if (sent !== undefined) headers['Content-Type'] = 'application/json';
  if (prefer) headers.Prefer = prefer;
  const exchange = {
    method, path, sent, prefer, token: token(),
    status: 0, ok: false, body: /** @type {any} */ (null), headers: new Headers(),
    error: 'The server can’t be reached.', milliseconds: 0,
  };
  const begun = performance.now();
  try {
    const body = sent === undefined ? undefined : JSON.stringify(sent);
    const response = await fetch(address(path), { method, headers, body, keepalive });
    const text = await response.text();
    exchange.milliseconds = Math.round(performance.now() - begun);
    exchange.status = response.status;
    exchange.ok = response.ok;
    exchange.headers = response.headers;
    exchange.body = text;
    exchange.error = response.ok ? '' : `The server responded with ${response.status}.`;
    if (text) exchange.body = JSON.parse(text);
  } catch {
    exchange.ok = false; // no response, or one from something else than this server
  }
  const [first] = exchange.body?.errors ?? [];
  if (!exchange.ok) exchange.error = first?.message ?? exchange.error;
  return exchange;
}

/**
 * Read something. Where the page has moved on to another sandbox or staff member meanwhile, the
 * response is nobody's any more, and the promise stays open.
 * @param {string} path
 * @returns {Promise<Exchange>}
 */
export async function read(path) {
  const { moves } = where;
  const exchange = await send('GET', path);
  return moves === where.moves ? exchange : new Promise(() => {});
}

/**
 * Write a request as a line for a shell.
 * @param {Exchange} exchange
 */
export function asCurl({ method, path, sent, prefer, token: bearer }) {
  const quote = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -X ${method} ${quote(address(path))}`, `-H ${quote(`Authorization: Bearer ${bearer}`)}`];
  if (prefer) lines.push(`-H ${quote(`Prefer: ${prefer}`)}`);
  if (sent !== undefined) lines.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(sent))}`);
  return lines.join(' \\\n  ');
}

/**
 * Write a request as JavaScript.
 * @param {Exchange} exchange
 */
export function asFetch({ method, path, sent, prefer, token: bearer }) {
  const headers = { Authorization: `Bearer ${bearer}` };
  if (prefer) Object.assign(headers, { Prefer: prefer });
  if (sent !== undefined) Object.assign(headers, { 'Content-Type': 'application/json' });
  const body = sent === undefined ? '' : `\n  body: JSON.stringify(${JSON.stringify(sent)}),`;
  return `await fetch(${JSON.stringify(address(path))}, {
  method: '${method}',
  headers: ${JSON.stringify(headers)},${body}
});`;
}
