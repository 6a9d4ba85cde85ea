/** "site=north, room=2" as an object; nothing where it is not of that form. */
export function readTags(typed: string): Record<string, string> | null {
  const tags: Record<string, string> = {};
  for (const part of typed.split(',').map((one) => one.trim())) {
    if (!part) continue;
    const at = part.indexOf('=');
    if (at < 1) return null;
    tags[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  }
  return tags;
}
