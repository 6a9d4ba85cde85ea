import { LiveClient } from './live_client';
import { SseSocket } from './sse_socket';
import { Refused, type LiveParts, type Socket } from './socket';

export interface ConnectOptions {
  /** The hub's, as https://HOST:PORT or wss://HOST:PORT. In a page of the hub's own: left out. */
  url?: string;
  /** An API token with the scope `read`: a ticket is fetched with it before each connection. Without: the page's cookie. */
  token?: string;
  /** Sent with each request and, where `socket` can, with the upgrade: `{ Authorization: 'Bearer …' }` or `{ Cookie: … }`. */
  headers?: Record<string, string>;
  /** Makes the WebSocket. For Node: `(url, protocols, headers) => new WebSocket(url, protocols, { headers })` of the package
   *  ws. Without: the runtime's own, which sends no headers. */
  socket?: (url: string, protocols: string[], headers: Record<string, string>) => unknown;
  /** Server-sent events where WebSockets are blocked on the way (by default), never (false), or from the beginning ('only').
   *  They are signed in by cookie, token or headers. */
  fallback?: boolean | 'only';
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Replaces parts of the outside world: timers, clocks, dice. */
  parts?: Partial<LiveParts>;
}

const subprotocol = 'telemetry.live.v1';
const hiddenDrainMs = 250;
const deadlineMs = 15_000; // of a REST call

/** A client of a hub's live link, started. `stop()` ends it. */
export function connect(options: ConnectOptions = {}): LiveClient {
  const client = new LiveClient(partsOf(options));
  client.start();
  return client;
}

export function partsOf(options: ConnectOptions): LiveParts {
  const base = new URL(options.url ?? globalThis.location.origin);
  const isSecure = base.protocol === 'https:' || base.protocol === 'wss:';
  const rest = `${isSecure ? 'https' : 'http'}://${base.host}/api/v1`;
  const live = `${isSecure ? 'wss' : 'ws'}://${base.host}/api/v1/live`;
  const headers = options.headers ?? {};
  const makeSocket = options.socket ?? ((url: string, protocols: string[]) => new WebSocket(url, protocols));
  const open = (url: string) => makeSocket(url, [subprotocol], headers) as Socket;
  const bearer: Record<string, string> = options.token ? { Authorization: `Bearer ${options.token}` } : {};
  const ask = (method: string, path: string, signal: AbortSignal) =>
    (options.fetch ?? fetch)(rest + path, {
      method,
      headers: { ...headers, ...bearer },
      credentials: 'same-origin',
      cache: 'no-store',
      signal,
    });
  const call = async (method: string, path: string) => {
    const abort = new AbortController();
    const deadline = setTimeout(() => abort.abort(), deadlineMs);
    try {
      return await ask(method, path, abort.signal);
    } finally {
      clearTimeout(deadline);
    }
  };
  const withTicket = async () => {
    const answer = await call('POST', '/tickets');
    if (answer.status === 401) throw new Refused('signed out');
    if (answer.status === 403) throw new Refused('forbidden');
    if (!answer.ok) throw new Error(`POST /api/v1/tickets: ${answer.status}`);
    const { ticket } = (await answer.json()) as { ticket: string };
    return open(`${live}?ticket=${encodeURIComponent(ticket)}`);
  };
  const openEvents = () => new SseSocket((path, signal) => ask('GET', path, signal), () => performance.now());
  return {
    open: options.fallback === 'only' ? openEvents : options.token ? withTicket : () => open(live),
    openFallback: (options.fallback ?? true) === true ? openEvents : undefined,
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    random: () => Math.random(),
    setTimer: (action, ms) => setTimeout(action, ms),
    clearTimer: (timer) => clearTimeout(timer as number),
    nextFrame,
    isSignedIn: async () => (await call('GET', '/session')).status !== 401,
    ...options.parts,
  };
}

/** A hidden page has no animation frames, but its buffers must still be drained; a program outside a page has none at all. */
function nextFrame(action: () => void): void {
  if (typeof requestAnimationFrame !== 'function') {
    setTimeout(action, 0);
    return;
  }
  let isDone = false;
  const once = () => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    action();
  };
  const timer = setTimeout(once, hiddenDrainMs);
  const frame = requestAnimationFrame(once);
}
