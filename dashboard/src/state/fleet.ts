import type { PresenceChange } from '../wire/happenings';
import type { Device, Micros, PresenceWord } from '../wire/objects';

/**
 * All devices the viewer may see, by id, merged from the REST list and live presence. Presence that arrived after the
 * list was asked for wins over the list. Holds what the hub has: one small object a device.
 */
export class Fleet {
  private readonly devices = new Map<string, Device>();
  private readonly said = new Map<string, { presence: PresenceWord; lastSeen: Micros; name: string }>();
  private isLoaded_ = false;
  revision = 0;

  get isLoaded(): boolean {
    return this.isLoaded_;
  }
  list(): Device[] {
    return [...this.devices.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  }
  find(idOrName: string): Device | undefined {
    return this.devices.get(idOrName) ?? [...this.devices.values()].find((device) => device.name === idOrName);
  }
  name(id: string): string {
    return this.devices.get(id)?.name ?? this.said.get(id)?.name ?? id;
  }

  load(devices: readonly Device[]): void {
    this.devices.clear();
    for (const device of devices) this.put(device);
    this.isLoaded_ = true;
    ++this.revision;
  }
  put(device: Device): void {
    const said = this.said.get(device.id);
    const presence = said ? said.presence : device.presence;
    const lastSeen = Math.max(device.last_seen ?? 0, said?.lastSeen ?? 0) || null;
    this.devices.set(device.id, { ...device, presence, last_seen: lastSeen });
    ++this.revision;
  }
  clear(): void {
    this.devices.clear();
    this.said.clear();
    this.isLoaded_ = false;
    ++this.revision;
  }

  /** Answers true where the device was not known: the caller then asks REST for the rest of it. */
  apply(state: PresenceChange): boolean {
    ++this.revision;
    if (state.removed) {
      this.devices.delete(state.device);
      this.said.delete(state.device);
      return false;
    }
    const { presence, name } = state;
    this.said.set(state.device, { presence, lastSeen: state.lastSeenUs, name });
    const known = this.devices.get(state.device);
    if (!known) return true;
    this.devices.set(state.device, {
      ...known,
      name: name || known.name,
      presence,
      last_seen: Math.max(known.last_seen ?? 0, state.lastSeenUs) || null,
    });
    return false;
  }
}

export interface FleetFilter {
  text: string;
  presence: PresenceWord | '';
}

/** Every word of the text must occur in the name, a tag ("site:north") or an attribute. */
export function filterDevices(devices: readonly Device[], filter: FleetFilter): Device[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return devices.filter((device) => {
    if (filter.presence && device.presence !== filter.presence) return false;
    if (words.length === 0) return true;
    const pairs = [...Object.entries(device.tags ?? {}), ...Object.entries(device.attributes ?? {})];
    const haystack = [device.name, ...pairs.map(([key, value]) => `${key}:${value}`)].join('\n').toLowerCase();
    return words.every((word) => haystack.includes(word));
  });
}
