// The order in which a device's series are shown.

/** What the device measures before what its agent says of itself; a whole ("cpu.usage") before its parts ("cpu.0.usage"). */
export function compareSeriesNames(a: string, b: string): number {
  const own = Number(a.startsWith('agent.')) - Number(b.startsWith('agent.'));
  if (own !== 0) return own;
  const [partsA, partsB] = [a.split('.'), b.split('.')];
  const kind = partsA[0].localeCompare(partsB[0], undefined, { numeric: true });
  if (kind !== 0) return kind;
  return partsA.length - partsB.length || a.localeCompare(b, undefined, { numeric: true });
}
