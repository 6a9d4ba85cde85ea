import { useEffect } from 'preact/hooks';
import { text } from '../text/text';

/** Names the page in the window's title. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${text.peek().product}`;
  }, [title]);
}
