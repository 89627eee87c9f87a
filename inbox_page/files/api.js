/** Sending requests as a staff member in a sandbox. */

export const where = { sandbox: 'default', as: 'demo-owner', moves: 0 };

export const token = () => (where.sandbox === 'default' ? where.as : `${where.as}@${where.sandbox}`);

/** @param {string} path relative to the page, which may lie under a prefix */
export const address = (path) => new URL(path, document.baseURI).href;

/** Send a request; an error is a result like any other. @type {Send} */
export async function send(method, path, sent, prefer = '', bearer = token()) {
	const headers = {
		Authorization: `Bearer ${bearer}`,
		...(prefer && { Prefer: prefer }),
		...(sent && { 'Content-Type': 'application/json' }),
	};
	/** @type {Exchange} */
	const exchange = { method, path, sent, headers, token: bearer, status: 0, ok: false, body: null, error: 'The server can’t be reached.', milliseconds: 0 };
	const begun = performance.now();
	try {
		const keepalive = method === 'DELETE'; // it arrives though the page goes away
		const response = await fetch(address(path), { method, headers, body: sent && JSON.stringify(sent), keepalive });
		const text = await response.text();
		exchange.milliseconds = Math.round(performance.now() - begun);
		exchange.status = response.status;
		exchange.response = response;
		exchange.error = `The server responded with ${response.status}.`;
		exchange.body = text && JSON.parse(text);
		exchange.ok = response.ok;
	} catch {} // no response, or not one of this server's
	const error = exchange.body?.errors?.[0].message ?? exchange.body?.error;
	return error ? { ...exchange, error } : exchange;
}

/**
 * Read something. If the page moves to another sandbox or staff member meanwhile, nobody waits for
 * the response any more, and the promise stays open.
 * @param {string} path
 * @returns {Promise<Exchange>}
 */
export async function read(path) {
	const { moves } = where;
	const exchange = await send('GET', path);
	return moves === where.moves ? exchange : new Promise(() => {});
}

/** @param {Exchange} exchange */
export function asCurl({ method, path, headers, sent }) {
	const quote = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
	const lines = [`curl -X ${method} ${quote(address(path))}`, ...Object.entries(headers).map((header) => `-H ${quote(header.join(': '))}`)];
	if (sent) lines.push(`-d ${quote(JSON.stringify(sent))}`);
	return lines.join(' \\\n  ');
}

/** @param {Exchange} exchange */
export const asFetch = ({ method, path, headers, sent }) => `await fetch('${address(path)}', {
	method: '${method}',
	headers: ${JSON.stringify(headers)},${sent ? `\n  body: JSON.stringify(${JSON.stringify(sent)}),` : ''}
});`;
