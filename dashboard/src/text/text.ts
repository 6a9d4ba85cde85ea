import { computed, signal } from '@preact/signals';
import { en, type Catalogue } from './en';
import { zhCn } from './zh_cn';

export type Language = 'en' | 'zh-CN';
export const catalogues: Record<Language, Catalogue> = { en, 'zh-CN': zhCn };

const storageKey = 'telemetry.language';

function preferred(): Language {
  const stored = localStorage.getItem(storageKey);
  if (stored === 'en' || stored === 'zh-CN') return stored;
  return navigator.languages.find((tag) => /^(zh|en)\b/.test(tag))?.startsWith('zh') ? 'zh-CN' : 'en';
}

export const language = signal<Language>(preferred());
/** The words of the chosen language; reading `.value` in a component follows a change. */
export const text = computed<Catalogue>(() => catalogues[language.value]);

export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(storageKey, chosen);
  language.value = chosen;
}
