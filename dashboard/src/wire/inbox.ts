import { fromBinary } from '@bufbuild/protobuf';
import { LiveMessageSchema, type LiveMessage } from '../gen/telemetry/v1/live_pb';

const bytesAtMost = 4 * 1024 * 1024; // undecoded; past it decoding does not wait for the frame
const unfinishedAtMost = 10_000; // messages; a hub does not come near it

/**
 * What has arrived and is not handed on yet: once a frame all of it, in order. The hub may write several messages in one go,
 * with its time and the position on the last: those before it wait for that one, so that nobody resumes from before what he
 * has. Holds at most 4 MB that is undecoded, and of decoded messages what the hub writes in one go (it stops at 256 KB).
 */
export class Inbox {
  private waiting: { bytes: Uint8Array; atMs: number }[] = [];
  private bytes = 0;
  private isFrameAsked = false;
  private unfinished: { message: LiveMessage; atMs: number }[] = [];

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
    this.waiting = [];
    this.bytes = 0;
    for (const { bytes, atMs } of waiting) {
      let message: LiveMessage;
      try {
        message = fromBinary(LiveMessageSchema, bytes);
      } catch {
        return this.unreadable();
      }
      this.unfinished.push({ message, atMs });
      if (message.sentUs === 0 && this.unfinished.length <= unfinishedAtMost) continue;
      const whole = this.unfinished;
      this.unfinished = [];
      for (const one of whole) if (!this.handle(one.message, one.atMs)) return;
    }
    this.drained();
  }

  /** The connection is over: what the hub did not finish comes again. */
  clear(): void {
    this.waiting = [];
    this.unfinished = [];
    this.bytes = 0;
  }
}
