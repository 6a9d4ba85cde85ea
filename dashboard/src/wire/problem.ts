/** The hub answered with an error (RFC 9457 problem+json). */
export class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly detail: string;
  readonly field: string | null;
  readonly requestId: string | null;

  constructor(status: number, body: Record<string, unknown>) {
    const text = (key: string): string | null => (typeof body[key] === 'string' ? (body[key] as string) : null);
    super(text('detail') ?? text('title') ?? `HTTP ${status}`);
    this.name = 'Problem';
    this.status = status;
    this.type = text('type') ?? 'about:blank';
    this.detail = text('detail') ?? '';
    this.field = text('field');
    this.requestId = text('request_id');
  }
}

/** No answer: the hub is away, the network is, or the deadline passed. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.name = 'Unreachable';
  }
}
