import { text } from '../text/text';
import type { Role } from '../wire/objects';
import { Empty } from './views';

/** In the place of a page that the role does not reach: calm, and with who can help. */
export function NoPermission({ role }: { role: Role | undefined }) {
  const words = text.value;
  return (
    <div data-view="no-permission">
      <Empty icon="user" title={words.access.noPermission}>
        {role && <p class="muted">{words.access.noPermissionText(words.role[role])}</p>}
      </Empty>
    </div>
  );
}
