/** As much of WebSocket as is used here: the browser's, and that of the npm package ws, fit. */
export interface Socket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** Thrown by `open` where trying again is of no use: the client stops with this reason. */
export class Refused extends Error {
  constructor(readonly reason: string) {
    super(reason);
    this.name = 'Refused';
  }
}

/** The outside world, which tests replace. */
export interface LiveParts {
  /** A connection to the live link. A promise that is rejected counts as a connection lost, or ends the client (Refused). */
  open(): Socket | Promise<Socket>;
  /** The same over another transport, for where a proxy lets no WebSocket through. */
  openFallback?(): Socket;
  nowMs(): number; // monotonic
  wallMs(): number;
  random(): number;
  setTimer(action: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** Runs once, soon: messages that came until then are handed on together. A page takes its animation frame. */
  nextFrame(action: () => void): void;
  /** A browser hides why an upgrade was refused; false: because nobody is signed in. */
  isSignedIn(): Promise<boolean>;
}
