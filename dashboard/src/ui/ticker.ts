import { useEffect, useRef, useState } from 'preact/hooks';

const periodMs = 100; // ≤ 10 Hz

type Tick = () => void;
const ticks = new Set<Tick>();
let isRunning = false;

function turn(): void {
  if (ticks.size === 0) {
    isRunning = false;
    return;
  }
  setTimeout(() => {
    // Hidden pages have no frames: drawing stops by itself.
    requestAnimationFrame(() => {
      for (const tick of [...ticks]) tick();
      turn();
    });
  }, periodMs);
}

/** Calls back at most ten times a second, aligned to frames, while the page is visible. */
export function onTick(tick: Tick): () => void {
  ticks.add(tick);
  if (!isRunning) {
    isRunning = true;
    turn();
  }
  return () => ticks.delete(tick);
}

/** Draws the component anew each `ms`: for "3 seconds ago". */
export function useEvery(ms: number): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((n) => n + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/** The newest function given, under one identity. */
export function useLatest<T extends (...args: never[]) => unknown>(fn: T): T {
  const ref = useRef(fn);
  ref.current = fn;
  return useRef(((...args: never[]) => ref.current(...args)) as T).current;
}
