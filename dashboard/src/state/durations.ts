// "30s", "5m", "1h", "7d": durations as REST bodies write them.

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function parseDuration(text: string): number | null {
  const match = /^\s*(\d{1,9})\s*([smhd])\s*$/.exec(text);
  return match ? Number(match[1]) * unitSeconds[match[2]] : null;
}

export function writeDuration(secondsTotal: number): string {
  for (const unit of ['d', 'h', 'm']) {
    if (secondsTotal > 0 && secondsTotal % unitSeconds[unit] === 0) return `${secondsTotal / unitSeconds[unit]}${unit}`;
  }
  return `${secondsTotal}s`;
}
