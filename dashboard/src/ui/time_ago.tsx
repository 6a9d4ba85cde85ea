import { text } from '../text/text';
import { ago, fullTime } from '../text/times';
import { useEvery } from './ticker';

export function TimeAgo({ at, nowUs }: { at: number | null | undefined; nowUs: () => number }) {
  useEvery(1000);
  if (!at) return <span class="muted">{text.value.common.never}</span>;
  const { locale } = text.value;
  return (
    <time dateTime={new Date(at / 1000).toISOString()} title={fullTime(at, locale)}>
      {ago(at, nowUs(), locale)}
    </time>
  );
}
