// The time range as the address bar holds it: ?range=1h, or ?from=MS&to=MS (milliseconds since the epoch).

export const presets = ['5m', '1h', '24h', '7d'] as const;
export type Preset = (typeof presets)[number];
export const defaultPreset: Preset = '5m';

export type UrlRange = { kind: 'live'; preset: Preset } | { kind: 'fixed'; fromMs: number; toMs: number; back: Preset };

const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function spanUs(preset: Preset): number {
  return Number(preset.slice(0, -1)) * seconds[preset.slice(-1)] * 1e6;
}

export function parseRange(search: string): UrlRange {
  const query = new URLSearchParams(search);
  const said = query.get('range');
  const preset = presets.find((one) => one === said) ?? defaultPreset;
  const fromMs = Number(query.get('from') ?? NaN);
  const toMs = Number(query.get('to') ?? NaN);
  if (Number.isSafeInteger(fromMs) && Number.isSafeInteger(toMs) && fromMs > 0 && toMs > fromMs) {
    return { kind: 'fixed', fromMs, toMs, back: preset };
  }
  return { kind: 'live', preset };
}

/** Keeps what else the query holds. */
export function withRange(search: string, range: UrlRange): string {
  const query = new URLSearchParams(search);
  query.delete('from');
  query.delete('to');
  query.set('range', range.kind === 'live' ? range.preset : range.back);
  if (range.kind === 'fixed') {
    query.set('from', String(Math.floor(range.fromMs)));
    query.set('to', String(Math.ceil(range.toMs)));
  }
  return query.toString();
}
