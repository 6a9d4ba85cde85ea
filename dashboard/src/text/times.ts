// Times as people read them: the hub's microseconds in the browser's zone, 24 hours.
import type { Micros } from '../wire/objects';

const formatters = new Map<string, Intl.DateTimeFormat>();
function format(locale: string, key: string, options: Intl.DateTimeFormatOptions, timeUs: Micros): string {
  let found = formatters.get(locale + key);
  if (!found) {
    found = new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, { hourCycle: 'h23', ...options });
    formatters.set(locale + key, found);
  }
  return found.format(timeUs / 1000);
}

export const clockTime = (timeUs: Micros, locale: string): string =>
  format(locale, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' }, timeUs);
export const shortTime = (timeUs: Micros, locale: string): string =>
  format(locale, 'short', { hour: '2-digit', minute: '2-digit' }, timeUs);
export const dayMonth = (timeUs: Micros, locale: string): string =>
  format(locale, 'day', { day: 'numeric', month: 'short' }, timeUs);
export const dateTime = (timeUs: Micros, locale: string): string =>
  format(
    locale,
    'date',
    { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' },
    timeUs,
  );
export const fullTime = (timeUs: Micros, locale: string): string =>
  format(
    locale,
    'full',
    { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
    timeUs,
  );

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
const relatives = new Map<string, Intl.RelativeTimeFormat>();

export function ago(timeUs: Micros, nowUs: Micros, locale: string): string {
  let relative = relatives.get(locale);
  if (!relative) {
    relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
    relatives.set(locale, relative);
  }
  const seconds = Math.max(0, (nowUs - timeUs) / 1e6);
  for (const [unit, size] of steps) {
    if (seconds >= size || unit === 'second') return relative.format(-Math.floor(seconds / size), unit);
  }
  return '';
}

/** "2 h 5 min", "43 s": the two largest parts. */
export function duration(us: number, locale: string): string {
  let rest = Math.max(0, Math.floor(us / 1e6));
  const parts: string[] = [];
  for (const [unit, size] of steps) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === 'second' && parts.length === 0)) {
      parts.push(new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(count));
    }
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}
