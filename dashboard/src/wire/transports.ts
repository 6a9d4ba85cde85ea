import type { LiveParts, Socket } from './socket';

const blockedAtMost = 3; // connections, one after the other; then the other transport is tried

/** WebSocket, or its fallback once nothing comes through by it although the hub answers otherwise. */
export class Transports {
  private blocked = 0;
  private isOnFallback_ = false;

  constructor(private readonly parts: LiveParts) {}

  get isOnFallback(): boolean {
    return this.isOnFallback_;
  }
  open(): Socket | Promise<Socket> {
    const { parts } = this;
    return this.isOnFallback_ && parts.openFallback ? parts.openFallback() : parts.open();
  }
  /** True where the transport is another now: positions of the one mean nothing to the other. */
  reset(): boolean {
    this.blocked = 0;
    const was = this.isOnFallback_;
    this.isOnFallback_ = false;
    return was;
  }
  worked(): void {
    this.blocked = 0;
  }
  /** A connection was lost before anything came by it, and the hub answers. True as above. */
  wasBlocked(): boolean {
    if (!this.parts.openFallback || ++this.blocked < blockedAtMost) return false;
    this.blocked = 0;
    this.isOnFallback_ = !this.isOnFallback_;
    return true;
  }
}
