// The rule editor's fields as typed, and the body they make.
import type { Rule, RuleBody, Severity } from '../wire/objects';
import { parseDuration } from './durations';

export interface RuleDraft {
  name: string;
  severity: Severity;
  series: string;
  comparison: 'above' | 'below';
  threshold: string;
  clear: string; // empty: the threshold
  hold: string; // `for`
  devices: string[];
}

export type RuleField = 'name' | 'series' | 'threshold' | 'clear' | 'hold';
export type RuleFault = 'required' | 'number' | 'duration' | 'clear_above' | 'clear_below' | 'pattern';
export type RuleFaults = Partial<Record<RuleField, RuleFault>>;

export const emptyDraft: RuleDraft = {
  name: '',
  severity: 'warning',
  series: '',
  comparison: 'above',
  threshold: '',
  clear: '',
  hold: '30s',
  devices: [],
};

export function draftOf(rule: Rule): RuleDraft {
  const isAbove = rule.condition.above !== undefined;
  const threshold = isAbove ? rule.condition.above : rule.condition.below;
  return {
    name: rule.name,
    severity: rule.severity,
    series: rule.condition.series,
    comparison: isAbove ? 'above' : 'below',
    threshold: String(threshold ?? ''),
    clear: rule.clear === threshold || rule.clear === undefined ? '' : String(rule.clear),
    hold: rule.for,
    devices: rule.scope?.devices ?? [],
  };
}

export function number(text: string): number | null {
  const trimmed = text.trim().replace(',', '.');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : null;
}

export function bodyOf(draft: RuleDraft): { body: RuleBody } | { faults: RuleFaults } {
  const faults: RuleFaults = {};
  if (!draft.name.trim()) faults.name = 'required';
  if (!draft.series.trim()) faults.series = 'required';
  else if (!/^[A-Za-z0-9_.:*-]{1,128}$/.test(draft.series.trim())) faults.series = 'pattern';
  const threshold = number(draft.threshold);
  if (threshold === null) faults.threshold = draft.threshold.trim() ? 'number' : 'required';
  const clear = draft.clear.trim() ? number(draft.clear) : threshold;
  if (clear === null && draft.clear.trim()) faults.clear = 'number';
  if (clear !== null && threshold !== null) {
    if (draft.comparison === 'above' && clear > threshold) faults.clear = 'clear_above';
    if (draft.comparison === 'below' && clear < threshold) faults.clear = 'clear_below';
  }
  if (parseDuration(draft.hold) === null) faults.hold = 'duration';
  if (Object.keys(faults).length > 0 || threshold === null || clear === null) return { faults };
  return {
    body: {
      name: draft.name.trim(),
      severity: draft.severity,
      condition:
        draft.comparison === 'above'
          ? { series: draft.series.trim(), above: threshold }
          : { series: draft.series.trim(), below: threshold },
      for: draft.hold.replace(/\s/g, ''),
      clear,
      scope: { devices: draft.devices },
    },
  };
}
