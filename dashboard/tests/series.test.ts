import { create, type MessageInitShape } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { LiveMessageSchema } from '../src/gen/telemetry/v1/live_pb';
import { breakAfterUs, chartColumns, silences } from '../src/state/chart_columns';
import { SeriesBuffer, slotOf, slotStart } from '../src/state/series_buffer';
import { SeriesStream, type StreamQuery } from '../src/state/series_stream';
import { LiveSubscription } from '../src/wire/live_subscription';
import type { SentRequest } from '../src/wire/subscribe_options';

const times = (buffer: SeriesBuffer) => [...buffer.column('timeUs').slice(0, buffer.length)];
const lasts = (buffer: SeriesBuffer) => [...buffer.column('last').slice(0, buffer.length)];
const second = 1_000_000;

describe('SeriesBuffer', () => {
  it('keeps raw readings in time order whatever order they come in, once each', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 1, width: 0 });
    for (const time of [30, 10, 20, 40, 20, 5]) buffer.addReading(time, time * 2);
    assert.deepEqual(times(buffer), [5, 10, 20, 30, 40]);
    assert.deepEqual(lasts(buffer), [10, 20, 40, 60, 80]);
  });

  it('is the same for any order of the same readings', () => {
    const grid = { fromUs: 0, toUs: 1000, width: 10 };
    const readings = Array.from({ length: 200 }, (_, i) => [i * 7 + 1, (i * 37) % 101] as const);
    const inOrder = new SeriesBuffer(grid);
    for (const [time, value] of readings) inOrder.addReading(time, value);
    let seed = 1;
    const shuffled = [...readings].sort(() => ((seed = (seed * 48271) % 2147483647), (seed % 3) - 1));
    const mixed = new SeriesBuffer(grid);
    for (const [time, value] of shuffled) mixed.addReading(time, value);
    assert.equal(mixed.length, inOrder.length);
    for (let i = 0; i < inOrder.length; ++i) assert.deepEqual(mixed.at(i), inOrder.at(i));
  });

  it('folds readings of one slot and loses neither spike nor count', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 100, width: 10 });
    for (const [time, value] of [
      [12, 1],
      [15, 99],
      [19, 3],
    ]) {
      buffer.addReading(time, value);
    }
    assert.equal(buffer.length, 1);
    assert.deepEqual(buffer.at(0), { timeUs: 12, lastTimeUs: 19, minimum: 1, maximum: 99, first: 1, last: 3, sum: 103, count: 3 });
  });

  it('puts a late reading into its slot without making it the last value', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 100, width: 10 });
    buffer.addReading(18, 5);
    buffer.addReading(45, 6);
    buffer.addReading(11, 50);
    assert.deepEqual(buffer.at(0), { timeUs: 11, lastTimeUs: 18, minimum: 5, maximum: 50, first: 50, last: 5, sum: 55, count: 2 });
    assert.equal(buffer.length, 2);
  });

  it('continues its slots past the end of history', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 100, width: 10 });
    buffer.addReading(105, 1);
    buffer.addReading(109, 2);
    buffer.addReading(110, 3);
    assert.deepEqual(lasts(buffer), [2, 3]);
  });

  it('replaces a slot of history that is sent again', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 100, width: 10 });
    const slot = { minimum: 1, maximum: 4, first: 1, last: 4, sum: 5, count: 2 };
    buffer.setSlot(3, slot);
    buffer.setSlot(3, slot);
    buffer.setSlot(1, slot);
    assert.deepEqual(times(buffer), [10, 30]);
    assert.equal(buffer.at(1).count, 2);
  });

  it('holds at most its capacity and drops the oldest', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 1, width: 0 }, 1000);
    for (let i = 0; i < 5000; ++i) buffer.addReading(i, i);
    assert.ok(buffer.length <= 1001);
    assert.equal(buffer.at(buffer.length - 1).timeUs, 4999);
    const held = times(buffer);
    assert.ok(held.every((time, i) => i === 0 || time > held[i - 1]));
  });

  it('forgets what left the window', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 100, width: 100 });
    for (let i = 0; i < 100; ++i) buffer.addReading(i, i);
    buffer.trim(90);
    assert.equal(times(buffer)[0], 90);
  });

  it('cuts slots as the hub cuts buckets', () => {
    const grid = { fromUs: 1_700_000_000_000_123, toUs: 1_700_000_300_000_456, width: 777 };
    for (let slot = 0; slot < 777; ++slot) {
      assert.equal(slotOf(grid, slotStart(grid, slot)), slot);
      assert.equal(slotOf(grid, slotStart(grid, slot + 1) - 1), slot);
    }
  });
});

describe('chart columns', () => {
  it('break the line after three missed samples and at recorded gaps', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 1, width: 0 });
    for (const time of [1, 2, 3, 10, 11, 12]) buffer.addReading(time * second, time);
    const columns = chartColumns(
      buffer,
      { fromUs: 0, toUs: 20 * second },
      breakAfterUs(buffer, 1000),
      [{ fromUs: 11.2 * second, toUs: 11.8 * second }],
      false,
    );
    assert.deepEqual(columns.line, [1, 2, 3, null, 10, 11, null, 12]);
    assert.deepEqual(columns.source, [0, 1, 2, -1, 3, 4, -1, 5]);
  });

  it('never break a series without an interval', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 1, width: 0 });
    for (const time of [1, 1000]) buffer.addReading(time * second, time);
    assert.deepEqual(chartColumns(buffer, { fromUs: 0, toUs: 2000 * second }, breakAfterUs(buffer, 0), [], false).line, [1, 1000]);
  });

  it('take one point beyond each edge of the window', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 1, width: 0 });
    for (let i = 0; i < 10; ++i) buffer.addReading(i * second, i);
    assert.deepEqual(chartColumns(buffer, { fromUs: 3.5 * second, toUs: 5.5 * second }, Infinity, [], false).line, [3, 4, 5, 6]);
  });

  it('find silences within the window, the open one too', () => {
    const buffer = new SeriesBuffer({ fromUs: 0, toUs: 1, width: 0 });
    for (const time of [5, 6, 7, 20]) buffer.addReading(time * second, 1);
    assert.deepEqual(silences(buffer, { fromUs: 4 * second, toUs: 30 * second }, 3 * second), [
      { fromUs: 7 * second, toUs: 20 * second },
      { fromUs: 20 * second, toUs: 30 * second },
    ]);
  });
});

describe('SeriesStream', () => {
  const now = 1_000 * second;
  let clock = now;
  let stream: SeriesStream;
  const query: StreamQuery = { devices: ['d'], series: ['*'], range: { kind: 'live', spanUs: 100 * second }, width: 100, maximumRateHz: 10 };
  const info = { series: 1, deviceId: 'd', name: 'cpu', unit: '%', type: 1, intervalMs: 1000, revision: 1 };
  let subscription: LiveSubscription;
  let sent: SentRequest[];
  const tell = (message: MessageInitShape<typeof LiveMessageSchema>) => subscription.receive(create(LiveMessageSchema, message));
  const ask = (over: Partial<StreamQuery>) => {
    stream.change({ ...query, ...over });
    subscription.update(stream.options());
  };
  const comeBack = () => {
    subscription.disconnected(true);
    clock += 10 * second;
    subscription.connected(true);
  };
  const part = (over: object) => ({
    subscription: 9,
    series: 1,
    fromUs: clock - 100 * second,
    toUs: clock,
    width: 100,
    ...over,
  });
  const buckets = { bucket: [10, 11], minimum: [1, 2], maximum: [3, 4], first: [1, 2], last: [3, 4], sum: [4, 6], count: [2, 2] };
  const one = () => stream.get(1)!;

  beforeEach(() => {
    clock = now;
    stream = new SeriesStream(query, () => clock);
    sent = [];
    const session = {
      isOpen: true,
      nowUs: () => clock,
      send: (_id: number, request: SentRequest) => sent.push(request),
      ended: () => {},
      later: () => {},
      failed: (error: unknown) => assert.fail(String(error)),
    };
    subscription = new LiveSubscription(9, stream.options(), session, (happening) => stream.receive(happening));
    subscription.connected(false);
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 1 }] });
  });

  it('merges history, catch-up and live updates into one line', () => {
    tell({ history: [part(buckets)] });
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    assert.equal(stream.isComplete, true);
    tell({ updates: [{ series: 1, timeUs: now + second, timeDeltaUs: [second], numbers: [7, 8] }] });
    assert.deepEqual(lasts(one().buffer), [3, 4, 7, 8]);
    assert.deepEqual(one().latest, { time: now + 2 * second, value: 8 });
  });

  it('takes the fields of one message in their order: answer, history, updates', () => {
    ask({ range: { kind: 'live', spanUs: 50 * second } });
    tell({
      updates: [{ series: 1, timeUs: now + second, numbers: [9] }],
      history: [part({ ...buckets, fromUs: now - 50 * second })],
      subscribed: [{ id: 9, series: [info] }],
      phases: [
        { subscription: 9, phase: 1 },
        { subscription: 9, phase: 3 },
      ],
    });
    assert.deepEqual(lasts(one().buffer), [3, 4, 9]);
    assert.equal(stream.isComplete, true);
  });

  it('gives what still arrives to the older range, until the answer', () => {
    tell({ history: [part(buckets)], phases: [{ subscription: 9, phase: 3 }] });
    ask({ range: { kind: 'fixed', fromUs: now - 60 * second, toUs: now - 30 * second } });
    tell({ updates: [{ series: 1, timeUs: now, numbers: [5] }] });
    assert.deepEqual(lasts(one().buffer), [3, 4, 5]);
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 1 }] });
    assert.equal(one().buffer.length, 0);
    tell({ history: [part({ ...buckets, fromUs: now - 60 * second, toUs: now - 30 * second })] });
    assert.equal(one().buffer.length, 2);
    assert.equal(one().latest?.value, 5, 'the newest value is known all the same');
  });

  it('keeps the picture while the hub answers a request that a newer one will replace', () => {
    tell({ history: [part(buckets)], phases: [{ subscription: 9, phase: 3 }] });
    ask({ range: { kind: 'live', spanUs: 50 * second } });
    ask({ range: { kind: 'live', spanUs: 55 * second } });
    ask({ range: { kind: 'live', spanUs: 60 * second } });
    assert.equal(sent.length, 2, 'one request on its way at a time');
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 1 }] }); // of the first of them
    assert.deepEqual(lasts(one().buffer), [3, 4], 'the chart would be empty for a moment');
    assert.deepEqual(sent.map((request) => request.fromUs).slice(1), [now - 50 * second, now - 60 * second]);
    tell({ history: [part({ ...buckets, fromUs: now - 50 * second })] });
    assert.deepEqual(lasts(one().buffer), [3, 4]);
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 1 }] });
    assert.equal(one().buffer.length, 0);
    tell({ history: [part({ ...buckets, fromUs: now - 60 * second })] });
    assert.equal(one().buffer.length, 2);
  });

  it('does not fold live readings into a fixed range', () => {
    ask({ range: { kind: 'fixed', fromUs: now - 60 * second, toUs: now + 30 * second } });
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 1 }] });
    tell({ phases: [{ subscription: 9, phase: 7 }] });
    tell({ updates: [{ series: 1, timeUs: now, numbers: [5] }] });
    assert.equal(one().buffer.length, 0);
  });

  it('continues after a resume without losing what it has', () => {
    tell({ history: [part(buckets)], phases: [{ subscription: 9, phase: 3 }] });
    comeBack();
    assert.equal(sent.at(-1)?.resuming, true);
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 2 }] });
    tell({ updates: [{ series: 1, subscription: 9, timeUs: now + second, numbers: [7] }] });
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    tell({ updates: [{ series: 1, timeUs: now + 2 * second, numbers: [8] }] });
    assert.deepEqual(lasts(one().buffer), [3, 4, 7, 8]);
  });

  it('takes its own catch-up and no other, and what is for all only when live', () => {
    tell({ updates: [{ series: 1, subscription: 8, timeUs: now + second, numbers: [1] }] });
    tell({ updates: [{ series: 1, subscription: 9, timeUs: now + 2 * second, numbers: [2] }] });
    tell({ updates: [{ series: 1, timeUs: now + 3 * second, numbers: [3] }] });
    assert.deepEqual(lasts(one().buffer), [2]);
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    tell({ updates: [{ series: 1, timeUs: now + 3 * second, numbers: [3] }] });
    assert.deepEqual(lasts(one().buffer), [2, 3]);
  });

  it('keeps a long list of series that comes in parts over a resume', () => {
    tell({ subscribed: [{ id: 9, added: true, series: [{ ...info, series: 2, name: 'second' }] }] });
    tell({ history: [part(buckets), part({ ...buckets, series: 2 })], phases: [{ subscription: 9, phase: 3 }] });
    comeBack();
    tell({ subscribed: [{ id: 9, series: [info] }] });
    tell({ subscribed: [{ id: 9, added: true, series: [{ ...info, series: 2, name: 'second' }] }] });
    assert.deepEqual(lasts(stream.get(2)!.buffer), [3, 4]);
    comeBack();
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 2 }] });
    assert.equal(stream.get(2), undefined, 'gone, or not to be seen any more');
  });

  it('says that a fixed range is complete, and does not ask for it again after a reconnect', () => {
    ask({ range: { kind: 'fixed', fromUs: now - 60 * second, toUs: now - 30 * second } });
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 1 }] });
    assert.equal(stream.isComplete, false);
    tell({ phases: [{ subscription: 9, phase: 7 }] });
    assert.equal(stream.isComplete, true);
    const asked = sent.length;
    comeBack();
    assert.deepEqual([sent.length, stream.isComplete], [asked, true]);
  });

  it('starts anew when the hub could not resume', () => {
    tell({ history: [part(buckets)], phases: [{ subscription: 9, phase: 3 }] });
    comeBack();
    assert.equal(sent.at(-1)?.resuming, true);
    tell({ subscribed: [{ id: 9, series: [info] }], phases: [{ subscription: 9, phase: 6 }, { subscription: 9, phase: 1 }] });
    assert.equal(one().buffer.length, 0);
    assert.equal(stream.isComplete, false);
    tell({ history: [part({ ...buckets, fromUs: clock - 100 * second })] });
    assert.equal(one().buffer.length, 2);
  });

  it('inserts late data in order', () => {
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    tell({ updates: [{ series: 1, timeUs: now + 5 * second, numbers: [5] }] });
    tell({ updates: [{ series: 1, timeUs: now + 2 * second, numbers: [2], late: true }] });
    assert.deepEqual(lasts(one().buffer), [2, 5]);
    assert.equal(one().latest?.value, 5);
  });

  it('keeps the extremes of conflated updates', () => {
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    tell({
      updates: [
        {
          series: 1,
          timeUs: now,
          conflated: { minimum: -4, maximum: 90, first: 1, last: 2, sum: 100, count: 8, lastTimeUs: now + 100 },
        },
      ],
    });
    const bucket = one().buffer.at(0);
    assert.deepEqual([bucket.minimum, bucket.maximum, bucket.count], [-4, 90, 8]);
    assert.deepEqual(one().latest, { time: now + 100, value: 2 });
  });

  it('says how readings come to a viewer that is too slow', () => {
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    const pace = (...phases: number[]) => {
      for (const phase of phases) tell({ phases: [{ subscription: 9, phase }] });
      return stream.pace;
    };
    assert.equal(stream.pace, 'full');
    assert.equal(pace(5), 'latest_only');
    assert.equal(pace(2), 'latest_only', 'it lags until it has caught up');
    assert.equal(pace(4), 'conflated');
    assert.equal(pace(3), 'full');
  });

  it('stays bounded however long it runs', () => {
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    for (let i = 0; i < 20_000; ++i) {
      clock += second / 10;
      tell({ updates: [{ series: 1, timeUs: clock, numbers: [i] }] });
    }
    assert.ok(one().buffer.length < 250, `${one().buffer.length} slots for 100 pixels`);
  });

  it('reads booleans from pairs, strings as changes, locations as triples', () => {
    tell({
      subscribed: [
        {
          id: 9,
          added: true,
          series: [
            { ...info, series: 2, name: 'pump', type: 2 },
            { ...info, series: 3, name: 'state', type: 3 },
            { ...info, series: 4, name: 'place', type: 4 },
          ],
        },
      ],
    });
    tell({ history: [part({ series: 2, bucket: [0, 1], booleans: [true, false, false, false], count: [2, 1] })] });
    assert.deepEqual([stream.get(2)!.buffer.at(0).maximum, stream.get(2)!.buffer.at(0).last], [1, 0]);
    tell({ phases: [{ subscription: 9, phase: 3 }] });
    tell({
      updates: [
        { series: 3, timeUs: now, timeDeltaUs: [1, 1], strings: ['idle', 'idle', 'busy'] },
        { series: 4, timeUs: now, coordinates: [1, 2, 3] },
      ],
    });
    assert.deepEqual(
      stream.get(3)!.changes.map((change) => change.value),
      ['idle', 'busy'],
    );
    assert.deepEqual(stream.get(4)!.latest?.value, [1, 2, 3]);
    assert.equal(stream.list().length, 4, 'added series join, the others stay');
  });

  it('gives a series its own gaps and its device’s, each once', () => {
    tell({ gaps: [{ series: 0, deviceId: 'd', fromUs: 10, toUs: 20, count: 3, reason: 1 }] });
    stream.addGaps([
      { device: 'd', series: null, from: 10, to: 20, count: 3, at_most: false, reason: 'spool_full' },
      { device: 'd', series: 'cpu', from: 1, to: 2, count: 1, at_most: true, reason: 'quota' },
      { device: 'other', series: null, from: 1, to: 2, count: 1, at_most: true, reason: 'quota' },
    ]);
    assert.deepEqual(
      stream.gapsOf(one()).map((gap) => [gap.fromUs, gap.reason]),
      [
        [1, 'quota'],
        [10, 'spool_full'],
      ],
    );
  });
});
