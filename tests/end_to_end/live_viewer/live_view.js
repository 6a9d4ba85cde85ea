// What a viewer knows after a stream of LiveMessages: docs/live.md in code. No network in here.
const PHASES = ['UNSPECIFIED', 'HISTORY', 'CATCH_UP', 'LIVE', 'CONFLATED', 'LATEST_ONLY', 'RESTARTED', 'PAUSED'];
const LIVE = new Set(['LIVE', 'CONFLATED', 'LATEST_ONLY']);
const PRESENCE = ['unknown', 'online', 'asleep', 'offline'];

/** Readings of a part or an update: [time in µs, value]. */
export function readings(columns) {
  const values = columns.numbers.length ? columns.numbers
    : columns.booleans.length ? columns.booleans
    : columns.strings.length ? columns.strings
    : triples(columns.coordinates);
  const out = [];
  let time = columns.timeUs;
  values.forEach((value, i) => {
    if (i > 0) time += columns.timeDeltaUs[i - 1];
    out.push([time, value]);
  });
  return out;
}

function triples(flat) {
  const out = [];
  for (let i = 0; i + 2 < flat.length; i += 3) out.push(flat.slice(i, i + 3));
  return out;
}

/** Applies messages in order and tells what each brought: `tell(object)`. */
export class LiveView {
  constructor(tell) {
    this.tell = tell;
    this.subscriptions = new Map();
    this.position = new Uint8Array(0);
    this.eventId = 0;
  }

  /** A new connection: nothing is live before its phase says so. */
  disconnected() {
    for (const subscription of this.subscriptions.values()) subscription.phase = 'UNSPECIFIED';
  }

  subscription(id) {
    if (!this.subscriptions.has(id)) this.subscriptions.set(id, { phase: 'UNSPECIFIED', series: new Map() });
    return this.subscriptions.get(id);
  }

  apply(message) {
    const { tell } = this;
    if (message.hub) tell({ type: 'hub', version: message.hub.version, heartbeat_ms: message.hub.heartbeatMs });
    for (const said of message.subscribed) {
      const subscription = this.subscription(said.id);
      if (!said.added) {
        const stays = new Set(said.series.map((info) => info.series));
        for (const id of subscription.series.keys()) if (!stays.has(id)) subscription.series.delete(id);
      }
      for (const info of said.series) subscription.series.set(info.series, info);
      tell({
        type: 'subscribed', subscription: said.id, added: said.added,
        series: said.series.map(({ series, deviceId, name, unit, type, intervalMs, revision }) =>
          ({ series, device: deviceId, name, unit, value_type: type, interval_ms: intervalMs, revision })),
      });
    }
    for (const said of message.phases) {
      this.subscription(said.subscription).phase = PHASES[said.phase];
      tell({ type: 'phase', subscription: said.subscription, phase: PHASES[said.phase], tier_hz: said.tierHz });
    }
    for (const part of message.history) this.history(part);
    for (const update of message.updates) this.update(update);
    for (const gap of message.gaps) {
      tell({
        type: 'gap', series: gap.series, device: gap.deviceId, from: gap.fromUs, to: gap.toUs, count: gap.count,
        at_most: gap.atMost, reason: gap.reason,
      });
    }
    for (const { series, stale, sinceUs } of message.freshness) tell({ type: 'freshness', series, stale, since: sinceUs });
    for (const state of message.presence) {
      tell({
        type: 'presence', device: state.deviceId, name: state.deviceName, presence: PRESENCE[state.presence],
        last_seen: state.lastSeenUs, removed: state.removed,
      });
    }
    for (const event of message.events) {
      tell({
        type: 'event', id: event.id, time: event.timeUs, kind: event.kind, device: event.deviceId,
        object: event.objectId, body: JSON.parse(event.bodyJson || 'null'),
      });
    }
    if (message.error) {
      tell({ type: 'error', subscription: message.error.subscription, code: message.error.code, message: message.error.message });
    }
    if (message.pong) tell({ type: 'pong', nonce: message.pong.nonce, server_time: message.pong.serverTimeUs });
    if (message.position.length > 0) this.position = message.position;
    if (message.eventId > 0) this.eventId = message.eventId;
    tell({
      type: 'message', sent: message.sentUs, committed: message.commitUs, event_id: this.eventId,
      position: Buffer.from(this.position).toString('base64'),
    });
  }

  history(part) {
    const common = { subscription: part.subscription, series: part.series };
    part.bucket.forEach((bucket, i) => {
      this.tell({
        type: 'bucket', ...common, bucket, count: part.count[i], minimum: part.minimum[i], maximum: part.maximum[i],
        first: part.first[i], last: part.last[i], sum: part.sum[i],
      });
    });
    if (part.width === 0) {
      for (const [time, value] of readings(part)) this.tell({ type: 'reading', ...common, from: 'history', time, value });
    }
    if (part.done) {
      this.tell({ type: 'history_done', ...common, range_from: part.fromUs, range_to: part.toUs, width: part.width });
    }
  }

  /** An update of subscription 0 is for every live subscription that holds the series. */
  update(update) {
    for (const [id, subscription] of this.subscriptions) {
      if (update.subscription !== 0 ? update.subscription !== id : !LIVE.has(subscription.phase)) continue;
      if (!subscription.series.has(update.series)) continue;
      const common = {
        subscription: id, series: update.series, from: update.subscription === 0 ? 'live' : 'catch_up', late: update.late,
      };
      if (update.conflated) {
        const { minimum, maximum, first, last, sum, count, lastTimeUs } = update.conflated;
        this.tell({ type: 'conflated', ...common, time: update.timeUs, minimum, maximum, first, last, sum, count, last_time: lastTimeUs });
      }
      for (const [time, value] of readings(update)) this.tell({ type: 'reading', ...common, time, value });
    }
  }
}
