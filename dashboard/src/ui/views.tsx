import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { text } from '../text/text';
import { Problem, Unreachable } from '../wire/problem';
import { Icon, type IconName } from './icons';

const skeletonAfterMs = 150;

/** Nothing for 150 ms, then a skeleton: a fast answer does not flash. */
export function Loading({ rows = 4 }: { rows?: number }) {
  const [isShown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), skeletonAfterMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton" role="status" data-view="loading">
      <span class="hidden">{text.value.common.loading}</span>
      {isShown && Array.from({ length: rows }, (_, i) => <div key={i} class="skeleton-row" />)}
    </div>
  );
}

export function Empty({ icon, title, children }: { icon?: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty" data-view="empty">
      {icon && <Icon name={icon} />}
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** What went wrong in words, what to do, and the request's id for whoever reads the hub's log. */
export function explain(error: unknown): { said: string; request: string | null } {
  const words = text.value.error;
  if (error instanceof Unreachable) return { said: words.unreachable, request: null };
  if (error instanceof Problem) {
    const known: Record<number, string> = {
      401: words.signedOut,
      403: words.forbidden,
      404: words.notFound,
      409: words.conflict,
      412: words.conflict,
      429: words.tooMany,
    };
    const said = [known[error.status], error.detail].filter(Boolean).join(' ');
    return { said: said || error.message, request: error.requestId };
  }
  return { said: error instanceof Error ? error.message : String(error), request: null };
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { said, request } = explain(error);
  return (
    <div class="failure" role="alert" data-view="error">
      <Icon name="critical" />
      <div>
        <p>{said}</p>
        {request && <p class="muted small">{text.value.error.request(request)}</p>}
      </div>
      {retry && (
        <button type="button" onClick={retry}>
          {text.value.common.retry}
        </button>
      )}
    </div>
  );
}
