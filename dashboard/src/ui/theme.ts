import { effect, signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const storageKey = 'telemetry.theme';
const stored = localStorage.getItem(storageKey);

export const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : 'auto');
/** Grows when colours change, whoever changed them: charts read theirs anew. */
export const paletteRevision = signal(0);

export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(storageKey, chosen);
  theme.value = chosen;
}

export function applyTheme(): void {
  effect(() => {
    if (theme.value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
    paletteRevision.value = paletteRevision.peek() + 1;
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    paletteRevision.value = paletteRevision.peek() + 1;
  });
}
