import { fromBinary } from '@bufbuild/protobuf';
import { LiveMessageSchema, type LiveMessage } from '../gen/telemetry/v1/live_pb';

const bytesAtMost = 4 * 1024 * 1024; // undecoded; past it decoding does not wait for the frame

/** What has arrived and is not handed on yet: once a frame all of it, in order. Holds at most 4 MB. */
export class Inbox {
  private waiting: { bytes: Uint8Array; atMs: number }[] = [];
  private bytes = 0;
  private isFrameAsked = false;

  constructor(
    private readonly nextFrame: (action: () => void) => void,
    /** False: the connection that it came by is over, the rest is not wanted. */
    private readonly handle: (message: LiveMessage, atMs: number) => boolean,
    private readonly drained: () => void,
    /** Not our protocol: what follows cannot be trusted either. */
    private readonly unreadable: () => void,
  ) {}

  add(bytes: Uint8Array, atMs: number): void {
    this.waiting.push({ bytes, atMs });
    this.bytes += bytes.length;
    if (this.bytes > bytesAtMost) {
      this.drain();
    } else if (!this.isFrameAsked) {
      this.isFrameAsked = true;
      this.nextFrame(() => {
        this.isFrameAsked = false;
        this.drain();
      });
    }
  }

  drain(): void {
    if (this.waiting.length === 0) return;
    const { waiting } = this;
    this.clear();
    for (const { bytes, atMs } of waiting) {
      let message: LiveMessage;
      try {
        message = fromBinary(LiveMessageSchema, bytes);
      } catch {
        return this.unreadable();
      }
      if (!this.handle(message, atMs)) return;
    }
    this.drained();
  }

  clear(): void {
    this.waiting = [];
    this.bytes = 0;
  }
}
