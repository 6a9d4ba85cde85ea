// Numbers with UCUM units as people read them: "Cel" as °C, bytes scaled by 1024, 21.5 with as many digits as tell something.

const symbols: Record<string, string> = {
  Cel: '°C',
  '[degF]': '°F',
  K: 'K',
  '1': '',
  '{count}': '',
  By: 'B',
  'By/s': 'B/s',
  'bit/s': 'bit/s',
  deg: '°',
  Ohm: 'Ω',
  'm/s2': 'm/s²',
  um: 'µm',
  us: 'µs',
};
const byteSteps = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
const bitSteps = ['', 'k', 'M', 'G', 'T', 'P'];

export interface Scale {
  divisor: number;
  unit: string;
}

/** One scale for a whole axis, chosen by its largest magnitude. */
export function scaleFor(unit: string, magnitude: number): Scale {
  const symbol = unit in symbols ? symbols[unit] : unit.replace(/[{}]/g, '');
  const isBytes = unit === 'By' || unit === 'By/s';
  if (!isBytes && unit !== 'bit/s') return { divisor: 1, unit: symbol };
  const base = isBytes ? 1024 : 1000;
  let step = 0;
  let rest = Math.abs(magnitude);
  while (rest >= base && step < byteSteps.length - 1) {
    rest /= base;
    ++step;
  }
  return { divisor: base ** step, unit: (isBytes ? byteSteps : bitSteps)[step] + symbol };
}

/** At most four telling digits before it goes to exponents or thousands separators. */
export function formatNumber(value: number, locale: string): string {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 0.001 || magnitude >= 1e9)) return value.toExponential(2);
  const digits = magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 1 ? 2 : 3;
  return formatter(locale, digits).format(value);
}

/** The numbers along an axis: as many digits as it takes to tell neighbours apart. */
export function formatSteps(values: readonly number[], divisor: number, locale: string): string[] {
  if (values.length < 2) return values.map((value) => formatNumber(value / divisor, locale));
  const step = Math.abs(values[1] - values[0]) / divisor;
  const largest = values.reduce((most, one) => Math.max(most, Math.abs(one)), 0) / divisor;
  if (step === 0 || step < 1e-9 || largest >= 1e9) return values.map((value) => formatNumber(value / divisor, locale));
  const digits = Math.min(12, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  const needed = Number((step * 10 ** digits).toFixed(6)) % 1 === 0 ? digits : digits + 1; // steps of 2.5
  return values.map((value) => formatter(locale, needed).format(value / divisor));
}

export function formatQuantity(value: number, unit: string, locale: string): { number: string; unit: string } {
  const scale = scaleFor(unit, value);
  return { number: formatNumber(value / scale.divisor, locale), unit: scale.unit };
}

const formatters = new Map<string, Intl.NumberFormat>();
function formatter(locale: string, digits: number): Intl.NumberFormat {
  const key = `${locale}/${digits}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
    formatters.set(key, found);
  }
  return found;
}
