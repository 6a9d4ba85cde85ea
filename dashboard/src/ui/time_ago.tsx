import { text } from '../text/text';
import { ago, fullTime } from '../text/times';
import { useEvery } from './ticker';

/** `isNow`: it is still going on, whatever was told last. */
export function TimeAgo({ at, nowUs, isNow }: { at: number | null | undefined; nowUs: () => number; isNow?: boolean }) {
  useEvery(1000);
  if (!at) return <span class="muted">{text.value.common.never}</span>;
  const { locale } = text.value;
  if (isNow) return <span>{ago(0, 0, locale)}</span>;
  return (
    <time dateTime={new Date(at / 1000).toISOString()} title={fullTime(at, locale)}>
      {ago(at, nowUs(), locale)}
    </time>
  );
}
