import { useCallback, useEffect, useState } from 'preact/hooks';

/** What a call answers, its error, and a way to ask again; the newest asking wins. */
export function useLoaded<T>(ask: () => Promise<T>, deps: readonly unknown[] = []) {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let isOld = false;
    ask().then(
      (loaded) => {
        if (isOld) return;
        setValue(loaded);
        setError(null);
      },
      (caught: unknown) => {
        if (!isOld) setError(caught);
      },
    );
    return () => {
      isOld = true;
    };
  }, [asked, ...deps]);
  const reload = useCallback(() => setAsked((before) => before + 1), []);
  return { value, error, reload };
}
