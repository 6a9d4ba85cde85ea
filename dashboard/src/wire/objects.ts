// The REST objects, as docs/rest.md writes them. Times are microseconds since the Unix epoch (doubles hold them exactly until 2255).

export type Micros = number;
export type Role = 'viewer' | 'operator' | 'admin';
export type PresenceWord = 'online' | 'asleep' | 'offline' | 'unknown';
export type SeriesType = 'number' | 'boolean' | 'string' | 'location';
export type Location = [number, number, number];
export type Value = number | boolean | string | Location;

export interface User {
  id: string;
  name: string;
  role: Role;
}

/** As the list of people has it, and one's own session. */
export interface Person extends User {
  groups: string[];
  created_at?: Micros;
}

export interface Invitation {
  id: string;
  role: Role;
  groups: string[];
  invited_by: string;
  created_at: Micros;
  expires_at: Micros;
}

export interface Group {
  name: string;
  tags: Record<string, string>;
}

export interface ApiToken {
  id: string;
  name: string;
  user: string;
  scopes: string[];
  created_at: Micros;
  expires_at: Micros | null;
  last_used: Micros | null;
}

export interface AuditEntry {
  sequence: number;
  time: Micros;
  actor: string;
  address: string;
  action: string;
  object: string;
  detail: string;
  status: number;
}

/** A device that asks to join without a token. */
export interface JoinRequest {
  id: string;
  code: string;
  name: string;
  attributes: Record<string, string>;
  address: string;
  state: 'pending' | 'approved';
  created_at: Micros;
  expires_at: Micros;
}

export interface Device {
  id: string;
  name: string;
  presence: PresenceWord;
  last_seen: Micros | null;
  created_at: Micros;
  tags: Record<string, string>;
  attributes: Record<string, string>;
  groups: string[];
}

export interface Series {
  id: number;
  name: string;
  unit: string;
  type: SeriesType;
  interval_ms: number;
  revision: number;
  latest: { time: Micros; value: Value } | null;
}

export interface Gap {
  device: string;
  series: string | null;
  from: Micros;
  to: Micros;
  count: number;
  at_most: boolean;
  reason: string;
  reported_by?: string;
}

/** The part of JSON Schema that command forms understand; the hub validates again. */
export interface ArgumentSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  properties?: Record<string, ArgumentSchema>;
  required?: string[];
}

export interface Command {
  name: string;
  title: string;
  arguments_schema: ArgumentSchema | null;
  confirm: boolean;
  role: Role | '';
}

export type ExecutionWord =
  | 'QUEUED'
  | 'SENT'
  | 'ACCEPTED'
  | 'RUNNING'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'REJECTED'
  | 'EXPIRED'
  | 'CANCELLED'
  | 'UNCONFIRMED';

export interface Execution {
  id: string;
  device: string;
  command: string;
  arguments: unknown;
  state: ExecutionWord;
  progress: number | null;
  output: string | null;
  exit_code: number | null;
  error: string | null;
  result: unknown;
  created_at: Micros;
  updated_at: Micros;
  not_after: Micros;
  requested_by: string;
}

export type Severity = 'info' | 'warning' | 'critical';

export interface RuleCondition {
  series: string;
  above?: number;
  below?: number;
}

export interface RuleBody {
  name: string;
  severity: Severity;
  condition: RuleCondition;
  for: string;
  clear: number;
  scope: { devices: string[] };
}

export interface Rule extends RuleBody {
  id: string;
  version: number;
  created_at: Micros;
  updated_at: Micros;
}

export interface Alert {
  id: string;
  rule: string;
  rule_name: string;
  severity: Severity;
  device: string;
  device_name?: string;
  series: string;
  state: 'firing' | 'resolved';
  started_at: Micros;
  fired_at: Micros;
  resolved_at: Micros | null;
  value: number;
  acknowledged: { by: string; at: Micros; note: string } | null;
  device_action?: unknown;
}

export interface Enrolment {
  id: string;
  token: string;
  command: string;
  expires: Micros;
}

export interface HubReport {
  version: string;
  uptime_s: number;
  server_time: Micros;
  failure: string | null;
}
