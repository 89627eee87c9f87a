/** Sending requests as a staff member in a sandbox, and showing them as commands. */

export const session = { sandbox: 'default', as: 'demo-owner', generation: 0 };

export const tokenOf = ({ sandbox, as }) => (sandbox === 'default' ? as : `${as}@${sandbox}`);

/** Return the URL of a path below the page's, which may have a prefix. */
export const address = (path) => new URL(path, document.baseURI).href;

export const pathOf = (uid, rest = '') => `v2/conversations/${encodeURIComponent(uid)}${rest}`;

/** Send a request; the status is 0 without a response. */
export async function send(method, path, body, prefer, token = tokenOf(session)) {
	const headers = {
		Authorization: `Bearer ${token}`,
		...(prefer && { Prefer: prefer }),
		...(body && { 'Content-Type': 'application/json' }),
	};
	const exchange = { method, path, body, headers, token, status: 0, ok: false, answer: null, error: '', milliseconds: 0, time: Date.now(), response: null };
	const startedAt = performance.now();
	try {
		const keepalive = method === 'DELETE'; // it outlives the page
		const response = await fetch(address(path), { method, headers, body: body && JSON.stringify(body), keepalive });
		const text = await response.text();
		const milliseconds = Math.round(performance.now() - startedAt);
		Object.assign(exchange, { milliseconds, status: response.status, response });
		exchange.answer = text && JSON.parse(text);
		exchange.ok = response.ok;
	} catch {} // no response, or not one of this server's
	if (!exchange.ok) exchange.error = describeError(exchange);
	return exchange;
}

function describeError({ status, answer, response }) {
	const header = (name) => response?.headers.get(name) ?? '';
	if (!status) return 'Server offline. Is `make run` still running?';
	if (header('X-Fault')) return `Simulated ${status}. Nothing was saved.`;
	if (status === 401) {
		const reason = /error_description="(.*?)\.?"/.exec(header('WWW-Authenticate'))?.[1];
		return `${reason ?? 'Token not accepted'} (401). Choose someone under Acting as.`;
	}
	return `${answer?.errors?.[0].message ?? answer?.error ?? 'Error'} (${status})`;
}

export function asCurl({ method, path, headers, body }) {
	const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
	const lines = [`curl -X ${method} ${quote(address(path))}`, ...Object.entries(headers).map((header) => `-H ${quote(header.join(': '))}`)];
	if (body) lines.push(`-d ${quote(JSON.stringify(body))}`);
	return lines.join(' \\\n  ');
}

export const asFetch = ({ method, path, headers, body }) => `await fetch(${JSON.stringify(address(path))}, {
  method: ${JSON.stringify(method)},
  headers: ${JSON.stringify(headers)},${body ? `\n  body: JSON.stringify(${JSON.stringify(body)}),` : ''}
});`;
