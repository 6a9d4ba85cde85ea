import { text } from '../text/text';
import type { ExecutionWord, PresenceWord, Severity } from '../wire/objects';
import { Icon, type IconName } from './icons';

// A state is always an icon, a word and a colour: never a colour alone.

export function PresenceBadge({ presence }: { presence: PresenceWord }) {
  return (
    <span class={`state presence-${presence}`} data-presence={presence}>
      <Icon name={presence} />
      {text.value.presence[presence] ?? presence}
    </span>
  );
}

export function SeverityBadge({ severity }: { severity: Severity }) {
  return (
    <span class={`state severity-${severity}`}>
      <Icon name={severity} />
      {text.value.severity[severity] ?? severity}
    </span>
  );
}

const executionIcons: Record<ExecutionWord, [IconName, string]> = {
  QUEUED: ['clock', 'waiting'],
  SENT: ['arrow', 'waiting'],
  ACCEPTED: ['check', 'waiting'],
  RUNNING: ['play', 'active'],
  SUCCEEDED: ['check', 'good'],
  FAILED: ['cross', 'bad'],
  REJECTED: ['cross', 'bad'],
  EXPIRED: ['clock', 'muted'],
  CANCELLED: ['cross', 'muted'],
  UNCONFIRMED: ['unknown', 'doubt'],
};

export function ExecutionBadge({ state }: { state: ExecutionWord }) {
  const [icon, tone] = executionIcons[state] ?? ['unknown', 'muted'];
  return (
    <span class={`state tone-${tone}`}>
      <Icon name={icon} />
      {text.value.executionState[state] ?? state}
    </span>
  );
}
