import { useEffect, useState } from 'preact/hooks';
import { useServices } from '../../app/services';
import type { Device } from '../../wire/objects';

const storageKey = 'telemetry.pinned';
// What says most about a machine at a glance, where the viewer has not chosen: the first that exists.
const telling = [/temperature|temp\b/i, /cpu.*(usage|used|percent|busy|utili)/i, /cpu/i, /load/i, /memory|mem/i];

export function likelyPinned(names: readonly string[]): string {
  for (const pattern of telling) {
    const found = names.find((name) => pattern.test(name));
    if (found) return found;
  }
  return names[0] ?? '';
}

/** Which series the fleet list shows: the viewer's choice, kept in this browser. Offers what one device has. */
export function usePinned(devices: readonly Device[]): { pinned: string; pin: (name: string) => void; offered: string[] } {
  const services = useServices();
  const [chosen, choose] = useState<string | null>(() => localStorage.getItem(storageKey));
  const [names, setNames] = useState<string[]>([]);
  const example = (devices.find((device) => device.presence === 'online') ?? devices[0])?.id;
  useEffect(() => {
    if (!example) return undefined;
    let isCurrent = true;
    const load = () =>
      services.rest
        .series(example)
        .then((series) => {
          if (isCurrent) setNames(series.filter((one) => one.type !== 'location').map((one) => one.name));
        })
        .catch(() => {
          // Without names there is nothing to offer; the list stands without a value.
        });
    void load();
    const forget = services.onDescribed((device) => {
      if (device === example) void load();
    });
    return () => {
      isCurrent = false;
      forget();
    };
  }, [example]);
  const pinned = chosen ?? likelyPinned(names);
  const offered = pinned && !names.includes(pinned) ? [pinned, ...names] : names;
  return {
    pinned,
    pin: (name) => {
      localStorage.setItem(storageKey, name);
      choose(name);
    },
    offered,
  };
}
