/** What a close code asks of us: 40xx stop, 41xx back off, 42xx reconnect now; everything else is an ordinary loss. */
export type AfterClose = 'stop' | 'back_off' | 'now';

export function afterClose(code: number): AfterClose {
  if (code >= 4000 && code < 4100) return 'stop';
  if (code >= 4200 && code < 4300) return 'now';
  return 'back_off';
}
