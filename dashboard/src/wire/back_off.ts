/** Full jitter: anywhere between nothing and the doubled, capped step, so a thousand viewers do not come back together. */
export function backOffMs(attempt: number, random: () => number, baseMs = 500, capMs = 15_000): number {
  const step = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 20));
  return Math.round(random() * step);
}
