import { useEffect } from 'preact/hooks';
import { useLocation } from 'wouter-preact';
import { text } from '../text/text';
import { Dialog } from '../ui/dialog';

const goes: Record<string, string> = { f: '/', a: '/alerts', e: '/enrol' };
const sequenceMs = 1500;

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** `?` help, `/` search, `g` then a letter: pages. Never while somebody types, never with a modifier, never over a dialog. */
export function useShortcuts(help: () => void): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let gPressedAt = -Infinity;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      if (event.key === '?') {
        help();
      } else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type=search]');
        if (!search) return;
        event.preventDefault();
        search.focus();
        search.select();
      } else if (event.key === 'g') {
        gPressedAt = event.timeStamp;
      } else if (event.key in goes && event.timeStamp - gPressedAt < sequenceMs) {
        gPressedAt = -Infinity;
        navigate(goes[event.key]);
      }
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}

export function KeysDialog({ onClose }: { onClose: () => void }) {
  const words = text.value.keys;
  const rows: [string[], string][] = [
    [['/'], words.search],
    [['g', 'f'], words.fleet],
    [['g', 'a'], words.alerts],
    [['g', 'e'], words.enrol],
    [['l'], words.live],
    [['t'], words.table],
    [['←', '→'], words.cursor],
    [['?'], words.help],
  ];
  return (
    <Dialog title={words.title} onClose={onClose}>
      <dl class="keys">
        {rows.map(([keys, label]) => (
          <div key={label}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{label}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
