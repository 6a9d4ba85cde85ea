import type { HistoryPart, LiveMessage, SeriesUpdate, Subscribed } from '../gen/telemetry/v1/live_pb';
import { HappeningQueue } from './happening_queue';
import {
  bucketsOf,
  conflatedOf,
  gapOf,
  phaseOf,
  readingsOf,
  seriesOf,
  type Happening,
  type Phase,
  type SeriesInfo,
} from './happenings';
import { checkOptions, resolve, showsAs, tierHz, type SentRequest, type SubscribeOptions } from './subscribe_options';

/** What a subscription asks of its session. */
export interface SessionSide {
  readonly isOpen: boolean;
  nowUs(): number;
  send(id: number, request: SentRequest): void;
  ended(id: number): void;
  /** Calls `again` after a while, longer with each attempt. */
  later(attempt: number, again: () => void): void;
  /** A listener threw: it is told where nobody swallows it, and the others go on. */
  failed(error: unknown): void;
}

interface Asked {
  request: SentRequest;
  wish: SubscribeOptions;
}

const gapsAtMost = 2_000; // told and remembered, to tell each once; past it the oldest are forgotten
const requestCodes = ['invalid_argument', 'forbidden', 'too_large']; // any other: the store failed, the subscription is over
const livePhases: Phase[] = ['live', 'conflated', 'latest_only'];

/**
 * One subscription: keeps what was asked for and what the hub answers, over reconnects, and tells it in order, either to
 * the listener or to a `for await` loop over it.
 *
 * At most one request is on its way at a time: what comes before its answer belongs to the request before, and the newest
 * wish waits for that answer. Changes of rate and pause alone have no answer that can be counted, so they are sent only when
 * none is awaited. Memory: the series' names, 2,000 gaps, and what HappeningQueue says.
 */
export class LiveSubscription implements AsyncIterable<Happening> {
  private wish: SubscribeOptions;
  private readonly series_ = new Map<number, SeriesInfo>();
  private phase_: Phase = 'idle';
  private asked: Asked | null = null; // last, with an answer to come
  private isAwaited = false; // that answer
  private served: Asked | null = null; // by the hub, on this connection
  private answeredWish: SubscribeOptions | null = null; // on this connection or the one before: what may be resumed
  private isDue = false; // the wish is to be sent when the answer is there
  private isForced = false; // anew, even where the wish is the same
  private isComplete = false; // of a closed range all has come
  private isSkipping = false; // nothing is told before the next answer
  private hasEnded = false;
  private failures = 0;
  private readonly gaps = new Set<string>();
  private readonly queue: HappeningQueue | null;
  private readonly tell: (happening: Happening) => boolean;

  /** @internal */
  constructor(
    readonly id: number,
    options: SubscribeOptions,
    private readonly session: SessionSide,
    listener?: (happening: Happening) => void,
  ) {
    checkOptions(options);
    this.wish = { ...options };
    const queue = listener ? null : new HappeningQueue(() => this.again());
    this.queue = queue;
    this.tell = (happening) => {
      if (queue) return queue.push(happening);
      try {
        listener?.(happening);
      } catch (error) {
        session.failed(error);
      }
      return true;
    };
  }

  get phase(): Phase {
    return this.phase_;
  }
  get options(): SubscribeOptions {
    return this.wish;
  }
  /** The series it holds now. */
  get series(): SeriesInfo[] {
    return [...this.series_.values()];
  }

  /** Changes what is shown, in place. Give `undefined` to take an option back. Throws a RangeError that names the option. */
  update(change: SubscribeOptions): void {
    const wish = { ...this.wish, ...change };
    checkOptions(wish);
    this.wish = wish;
    this.isDue = true;
    this.sendDue();
  }

  /** Nothing is told any more; a loop over it ends. */
  close(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.session.ended(this.id);
    this.queue?.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<Happening> {
    const { queue } = this;
    if (!queue) throw new Error('this subscription has a listener: it cannot be looped over');
    return {
      next: () => queue.take(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  // --- the session's side

  /** @internal */
  connected(canResume: boolean): void {
    this.served = null;
    this.isAwaited = false;
    this.phase_ = 'idle';
    if (this.isComplete && !this.isDue && !this.isForced) return;
    const resuming =
      canResume && !this.isForced && !this.wish.toUs && this.answeredWish !== null && showsAs(this.wish, this.answeredWish);
    this.ask(resuming);
  }

  /** `hasMoved`: the session's position, on the connection that is lost. @internal */
  disconnected(hasMoved: boolean): void {
    // A position told before the answer may know nothing of what was asked; the one before still does.
    if (this.isAwaited && (hasMoved || !this.asked?.request.resuming)) this.answeredWish = null;
    this.isAwaited = false;
    this.served = null;
    if (this.phase_ !== 'idle' && !this.isComplete) this.tellPhase('idle', 0);
  }

  /** @internal */
  receive(message: LiveMessage): void {
    for (const subscribed of message.subscribed) if (subscribed.id === this.id) this.subscribed(subscribed);
    for (const said of message.phases) if (said.subscription === this.id) this.enter(phaseOf(said.phase), said.tierHz);
    for (const part of message.history) if (part.subscription === this.id) this.history(part);
    for (const update of message.updates) this.updated(update);
    for (const span of message.gaps) this.gap(span.series, gapOf(span));
    for (const { series, stale, sinceUs } of message.freshness) {
      const known = this.series_.get(series);
      if (known) this.emit({ kind: 'freshness', series: known, stale, sinceUs });
    }
    if (message.error && message.error.subscription === this.id) this.failed(message.error.code, message.error.message);
    if (this.isDue) this.sendDue();
  }

  // --- requests

  private again(): void {
    this.isDue = this.isForced = true;
    this.sendDue();
  }

  private sendDue(): void {
    if (!this.session.isOpen || this.isAwaited || this.hasEnded) return;
    const { served, wish } = this;
    const isSame = served !== null && !this.isForced && showsAs(served.wish, wish);
    if (!isSame) return this.ask(false);
    this.isDue = false;
    const request = { ...served.request, rateHz: wish.rateHz ?? 0, paused: wish.paused ?? false };
    const changes = tierHz(request.rateHz) !== tierHz(served.request.rateHz) || request.paused !== served.request.paused;
    if (!changes || request.toUs !== 0) return;
    this.served = { request, wish };
    this.answeredWish = wish;
    this.session.send(this.id, request);
  }

  private ask(resuming: boolean): void {
    this.isDue = this.isForced = this.isComplete = false;
    this.asked = { request: resolve(this.wish, this.session.nowUs(), resuming), wish: this.wish };
    this.isAwaited = true;
    this.session.send(this.id, this.asked.request);
  }

  private subscribed(said: Subscribed): void {
    if (!said.added) {
      // Also where nothing is awaited: an error that was not the answer was taken for it.
      this.served = this.asked;
      this.answeredWish = this.asked?.wish ?? null;
      if (!this.isAwaited && !this.isDue && this.asked) this.wish = this.asked.wish;
      this.isAwaited = false;
      // Where a newer wish waits, this answer is over before it began: what is shown stays until the next.
      this.isSkipping = this.isDue && (this.isForced || !this.served || !showsAs(this.served.wish, this.wish));
      this.phase_ = 'idle';
      this.series_.clear();
    }
    const series = said.series.map(seriesOf);
    for (const one of series) this.series_.set(one.id, one);
    this.emit({ kind: 'series', series, added: said.added });
  }

  private failed(code: string, message: string): void {
    const refused = this.isAwaited;
    this.isAwaited = false;
    if (!requestCodes.includes(code)) {
      this.served = this.answeredWish = null;
      this.session.later(this.failures++, () => {
        if (!this.served) this.again();
      });
    } else if (refused && this.served && !this.isDue) {
      this.wish = this.served.wish;
      if (this.isSkipping) this.isDue = this.isForced = true; // of what stays, too, not everything was told
    }
    this.emit({ kind: 'error', code, message, refused });
  }

  // --- what comes

  private enter(phase: Phase, tier: number): void {
    if (phase === 'history') {
      const request = this.served?.request ?? resolve(this.wish, this.session.nowUs(), false);
      this.gaps.clear();
      this.emit({
        kind: 'begin',
        fromUs: request.fromUs,
        toUs: request.toUs || Math.max(request.fromUs + 1, Math.floor(this.session.nowUs())),
        width: request.width,
        restarted: this.phase_ === 'restarted',
      });
    }
    if (livePhases.includes(phase)) this.failures = 0;
    if (phase === 'paused' && this.served?.request.toUs) this.isComplete = true;
    this.tellPhase(phase, tier);
  }

  private tellPhase(phase: Phase, tier: number): void {
    this.phase_ = phase;
    this.emit({ kind: 'phase', phase, tierHz: tier });
  }

  private history(part: HistoryPart): void {
    const series = this.series_.get(part.series);
    if (!series) return;
    if (part.width > 0) {
      const buckets = bucketsOf(part, series.type);
      const { fromUs, toUs, width } = part;
      if (buckets.length > 0) this.emit({ kind: 'buckets', series, fromUs, toUs, width, buckets });
    } else {
      const readings = readingsOf(part, series.type);
      if (readings.values.length > 0) this.emit({ kind: 'readings', series, source: 'history', late: false, ...readings });
    }
    if (part.done) this.emit({ kind: 'history_done', series });
  }

  /** Updates of subscription 0 are for every live subscription that holds the series. */
  private updated(update: SeriesUpdate): void {
    const isForAll = update.subscription === 0;
    if (isForAll ? !livePhases.includes(this.phase_) : update.subscription !== this.id) return;
    const series = this.series_.get(update.series);
    if (!series) return;
    const source = isForAll ? 'live' : 'catch_up';
    const { late } = update;
    const readings = readingsOf(update, series.type);
    if (readings.values.length > 0) this.emit({ kind: 'readings', series, source, late, ...readings });
    if (update.conflated && update.conflated.count > 0) {
      this.emit({ kind: 'conflated', series, source, late, ...conflatedOf(update.timeUs, update.conflated) });
    }
  }

  private gap(id: number, gap: ReturnType<typeof gapOf>): void {
    const series = this.series_.get(id) ?? null;
    if (id !== 0 ? !series : !this.holdsDevice(gap.device)) return;
    const key = `${id}/${gap.device}/${gap.fromUs}/${gap.toUs}/${gap.reason}`;
    if (this.gaps.has(key)) return;
    this.gaps.add(key);
    if (this.gaps.size > gapsAtMost) this.gaps.delete(this.gaps.values().next().value as string);
    this.emit({ kind: 'gap', series, gap });
  }

  private holdsDevice(device: string): boolean {
    for (const one of this.series_.values()) if (one.device === device) return true;
    return false;
  }

  private emit(happening: Happening): void {
    if (this.isSkipping || this.hasEnded) return;
    if (!this.tell(happening)) this.isSkipping = true; // the loop over us is too slow: see HappeningQueue
  }
}
