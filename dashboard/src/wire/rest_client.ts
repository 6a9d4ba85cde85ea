import type {
  Alert,
  ApiToken,
  AuditEntry,
  Command,
  Device,
  Enrolment,
  Execution,
  Gap,
  Group,
  HubReport,
  Invitation,
  JoinRequest,
  Person,
  Role,
  Rule,
  RuleBody,
  Series,
  User,
} from './objects';
import { Problem, Unreachable } from './problem';

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

interface CallOptions {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** 401 means "wrong password" here, not "your sign-in ended". */
  signingIn?: boolean;
}

const pageSize = 500;
const pagesAtMost = 100; // 50,000 devices: more than one hub is built for; ends a server that never stops paging

/**
 * Every REST call the dashboard makes. Stateless but for the sign-in cookie, which the browser keeps. Each call answers
 * within `deadlineMs` or throws Unreachable; an error answer throws Problem; a 401 on anything but signing in also calls
 * `signedOut`.
 */
export class RestClient {
  constructor(
    private readonly fetch: Fetch,
    private readonly signedOut: () => void = () => {},
    private readonly deadlineMs = 15_000,
    private readonly base = '/api/v1',
  ) {}

  setupNeeded = () => this.json<{ needed: boolean }>('/setup').then((answer) => answer.needed);
  setUp = (code: string, username: string, password: string) =>
    this.json<{ user: User }>('/setup', { method: 'POST', body: { code, username, password }, signingIn: true }).then(
      (answer) => answer.user,
    );
  signIn = (username: string, password: string) =>
    this.json<{ user: User }>('/session', { method: 'POST', body: { username, password }, signingIn: true }).then(
      (answer) => answer.user,
    );
  session = () => this.json<{ user: User }>('/session', { signingIn: true }).then((answer) => answer.user);
  signOut = () => this.call('/session', { method: 'DELETE', signingIn: true }).then(() => undefined);

  hub = () => this.json<HubReport>('/hub');

  async devices(): Promise<Device[]> {
    const all: Device[] = [];
    let after = '';
    for (let page = 0; page < pagesAtMost; ++page) {
      const query = `?limit=${pageSize}${after ? `&after=${encodeURIComponent(after)}` : ''}`;
      const answer = await this.json<{ devices: Device[]; next: string | null }>(`/devices${query}`);
      all.push(...answer.devices);
      if (!answer.next) break;
      after = answer.next;
    }
    return all;
  }
  device = (id: string) => this.json<Device>(`/devices/${encodeURIComponent(id)}`);
  series = (id: string) =>
    this.json<{ series: Series[] }>(`/devices/${encodeURIComponent(id)}/series`).then((answer) => answer.series);
  gaps = (id: string, fromUs: number, toUs: number) =>
    this.json<{ gaps: Gap[] }>(
      `/devices/${encodeURIComponent(id)}/gaps?from=${Math.floor(fromUs)}&to=${Math.ceil(toUs)}`,
    ).then((answer) => answer.gaps);

  commands = (id: string) =>
    this.json<{ commands: Command[] }>(`/devices/${encodeURIComponent(id)}/commands`).then((answer) => answer.commands);
  executions = (id: string, limit = 50) =>
    this.json<{ executions: Execution[] }>(`/devices/${encodeURIComponent(id)}/executions?limit=${limit}`).then(
      (answer) => answer.executions,
    );
  /** The key makes a repeated click or a retry after a lost answer the same execution. */
  run = (id: string, command: string, args: unknown, key: string) =>
    this.json<Execution>(`/devices/${encodeURIComponent(id)}/executions`, {
      method: 'POST',
      body: args === undefined ? { command } : { command, arguments: args },
      headers: { 'Idempotency-Key': key },
    });
  cancel = (execution: string) => this.json<Execution>(`/executions/${execution}/cancel`, { method: 'POST', body: {} });

  rules = () => this.json<{ rules: Rule[] }>('/alert-rules').then((answer) => answer.rules);
  createRule = (body: RuleBody) => this.json<Rule>('/alert-rules', { method: 'POST', body });
  async rule(id: string): Promise<{ rule: Rule; etag: string | null }> {
    const response = await this.call(`/alert-rules/${id}`);
    return { rule: (await response.json()) as Rule, etag: response.headers.get('ETag') };
  }
  updateRule = (id: string, body: RuleBody, etag: string | null) =>
    this.json<Rule>(`/alert-rules/${id}`, { method: 'PUT', body, headers: etag ? { 'If-Match': etag } : {} });
  removeRule = (id: string, etag: string | null) =>
    this.call(`/alert-rules/${id}`, { method: 'DELETE', headers: etag ? { 'If-Match': etag } : {} }).then(() => undefined);

  alerts = (state: 'firing' | 'resolved', limit: number) =>
    this.json<{ alerts: Alert[] }>(`/alerts?state=${state}&limit=${limit}`).then((answer) => answer.alerts);
  acknowledge = (id: string, note: string) =>
    this.json<Alert>(`/alerts/${id}/acknowledge`, { method: 'POST', body: note ? { note } : {} });

  users = () => this.json<{ users: Person[] }>('/users').then((answer) => answer.users);
  changeRights = (name: string, role: Role, groups: string[]) =>
    this.json<Person>(`/users/${encodeURIComponent(name)}`, { method: 'PATCH', body: { role, groups } });
  givePassword = (name: string, password: string) =>
    this.done(`/users/${encodeURIComponent(name)}/password`, { method: 'PUT', body: { password } });
  removeUser = (name: string) => this.done(`/users/${encodeURIComponent(name)}`, { method: 'DELETE' });
  changePassword = (old_password: string, new_password: string) =>
    this.done('/session/password', { method: 'PUT', body: { old_password, new_password } });

  invitations = () => this.json<{ invitations: Invitation[] }>('/invitations').then((answer) => answer.invitations);
  invite = (role: Role, groups: string[], ttl: string) =>
    this.json<{ url: string }>('/invitations', { method: 'POST', body: { role, groups, ttl } });
  withdraw = (id: string) => this.done(`/invitations/${id}`, { method: 'DELETE' });
  lookAtInvitation = (token: string) =>
    this.json<{ role: Role; invited_by: string }>('/invitations/look', { method: 'POST', body: { token }, signingIn: true });
  acceptInvitation = (token: string, username: string, password: string) =>
    this.json<{ user: User }>('/invitations/accept', { method: 'POST', body: { token, username, password }, signingIn: true }).then(
      (answer) => answer.user,
    );

  groups = () => this.json<{ groups: Group[] }>('/groups').then((answer) => answer.groups);
  putGroup = (name: string, tags: Record<string, string>) =>
    this.json<Group>(`/groups/${encodeURIComponent(name)}`, { method: 'PUT', body: { tags } });
  removeGroup = (name: string) => this.done(`/groups/${encodeURIComponent(name)}`, { method: 'DELETE' });

  tokens = () => this.json<{ tokens: ApiToken[] }>('/tokens').then((answer) => answer.tokens);
  createToken = (body: { name: string; scopes: string[]; ttl?: string }) =>
    this.json<{ id: string; token: string }>('/tokens', { method: 'POST', body });
  revokeToken = (id: string) => this.done(`/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' });

  audit = (query: string) => this.json<{ entries: AuditEntry[]; next: number | string | null }>(`/audit?${query}`);
  auditCsv = (query: string) => this.call(`/audit?${query}`, { headers: { Accept: 'text/csv' } }).then((answer) => answer.blob());

  joinRequests = () => this.json<{ requests: JoinRequest[] }>('/enrolments/requests').then((answer) => answer.requests);
  approve = (id: string, name: string) =>
    this.json<JoinRequest>(`/enrolments/requests/${id}/approve`, { method: 'POST', body: name ? { name } : {} });
  deny = (id: string) => this.done(`/enrolments/requests/${id}/deny`, { method: 'POST', body: {} });

  enrol = (body: { name?: string; tags?: Record<string, string>; ttl?: string; uses?: number }) =>
    this.json<Enrolment>('/enrolments', { method: 'POST', body });

  private done = (path: string, options: CallOptions) => this.call(path, options).then(() => undefined);

  private async json<T>(path: string, options: CallOptions = {}): Promise<T> {
    const response = await this.call(path, options);
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw new Unreachable(error);
    }
  }

  private async call(path: string, options: CallOptions = {}): Promise<Response> {
    const abort = new AbortController();
    const deadline = setTimeout(() => abort.abort(), this.deadlineMs);
    let response: Response;
    try {
      const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
      if (options.body !== undefined) headers['Content-Type'] = 'application/json';
      response = await this.fetch(this.base + path, {
        method: options.method ?? 'GET',
        headers,
        body: options.body === undefined ? undefined : JSON.stringify(options.body),
        credentials: 'same-origin',
        cache: 'no-store',
        signal: abort.signal,
      });
    } catch (error) {
      throw new Unreachable(error);
    } finally {
      clearTimeout(deadline);
    }
    if (response.ok) return response;
    if (response.status === 401 && !options.signingIn) this.signedOut();
    let body: unknown = null;
    try {
      body = await response.json();
    } catch {
      // Not JSON: something between us and the hub answered; the status says what there is to say.
    }
    throw new Problem(response.status, body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {});
  }
}

const ranks: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };
export function mayAct(user: User, needed: Role): boolean {
  return ranks[user.role] >= ranks[needed];
}
