import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AlertBook } from '../src/state/alert_book';
import { formFields, initialEntries, readEntries } from '../src/state/command_form';
import { parseDuration, writeDuration } from '../src/state/durations';
import { ExecutionLog, isFinal } from '../src/state/execution_log';
import { filterDevices, Fleet } from '../src/state/fleet';
import { bodyOf, draftOf, emptyDraft } from '../src/state/rule_draft';
import { formatQuantity, formatSteps, scaleFor } from '../src/state/units';
import { parseRange, spanUs, withRange } from '../src/state/url_range';
import { en } from '../src/text/en';
import { zhCn } from '../src/text/zh_cn';
import type { PresenceChange } from '../src/wire/happenings';
import type { Alert, Device, Execution, ExecutionWord } from '../src/wire/objects';
import { compareSeriesNames } from '../src/state/series_order';

const device = (id: string, over: Partial<Device> = {}): Device => ({
  id,
  name: id,
  presence: 'offline',
  last_seen: 5,
  created_at: 1,
  tags: {},
  attributes: {},
  groups: [],
  ...over,
});
const presence = (over: Partial<PresenceChange>): PresenceChange => ({
  device: 'a',
  name: 'a',
  presence: 'online',
  lastSeenUs: 9,
  removed: false,
  ...over,
});

describe('Fleet', () => {
  it('lets presence that came while the list was on its way win over the list', () => {
    const fleet = new Fleet();
    assert.equal(fleet.apply(presence({})), true, 'an unknown device is to be asked for');
    fleet.load([device('a')]);
    assert.equal(fleet.find('a')?.presence, 'online');
    assert.equal(fleet.find('a')?.last_seen, 9);
  });
  it('orders names as people count and forgets removed devices', () => {
    const fleet = new Fleet();
    fleet.load([device('pi-10'), device('pi-9'), device('pi-1')]);
    assert.deepEqual(
      fleet.list().map((one) => one.name),
      ['pi-1', 'pi-9', 'pi-10'],
    );
    fleet.apply(presence({ device: 'pi-9', removed: true }));
    assert.equal(fleet.find('pi-9'), undefined);
  });
  it('filters by every word in names, tags and attributes, and by presence', () => {
    const all = [
      device('greenhouse', { tags: { site: 'north' }, presence: 'online' }),
      device('pump', { tags: { site: 'south' }, attributes: { model: 'Pi 4' } }),
    ];
    const names = (text: string, word: '' | 'online' = '') => filterDevices(all, { text, presence: word }).map((one) => one.name);
    assert.deepEqual(names('site:north green'), ['greenhouse']);
    assert.deepEqual(names('PI'), ['pump']);
    assert.deepEqual(names('', 'online'), ['greenhouse']);
    assert.deepEqual(names('north south'), []);
  });
});

describe('AlertBook', () => {
  const alert = (over: Partial<Alert> = {}): Alert => ({
    id: 'a1',
    rule: 'r',
    rule_name: 'Hot',
    severity: 'warning',
    device: 'd',
    series: 's',
    state: 'firing',
    started_at: 1,
    fired_at: 2,
    resolved_at: null,
    value: 3,
    acknowledged: null,
    ...over,
  });
  it('does not fire again because an older list arrives after the resolution', () => {
    const book = new AlertBook();
    book.put(alert({ state: 'resolved', resolved_at: 9 }));
    book.load([alert()], []);
    assert.equal(book.firingCount, 0);
    assert.equal(book.resolved().length, 1);
  });
  it('keeps an acknowledgement that a later telling lacks', () => {
    const book = new AlertBook();
    book.put(alert({ acknowledged: { by: 'x', at: 1, note: 'seen' } }));
    book.put(alert());
    assert.equal(book.firing()[0].acknowledged?.note, 'seen');
  });
  it('drops firing ones that the full list does not know', () => {
    const book = new AlertBook();
    book.put(alert({ id: 'gone' }));
    book.load([alert()], []);
    assert.deepEqual(
      book.firing().map((one) => one.id),
      ['a1'],
    );
  });
  it('holds a bounded number of resolved ones, the newest', () => {
    const book = new AlertBook();
    for (let i = 0; i < 1200; ++i) book.put(alert({ id: `a${i}`, state: 'resolved', resolved_at: i }));
    assert.ok(book.resolved().length <= 500);
    assert.equal(book.resolved()[0].id, 'a1199');
  });
});

describe('ExecutionLog', () => {
  const execution = (state: ExecutionWord, updated: number, over: Partial<Execution> = {}): Execution => ({
    id: 'e1',
    device: 'd',
    command: 'ping',
    arguments: {},
    state,
    progress: null,
    output: null,
    exit_code: null,
    error: null,
    result: null,
    created_at: 1,
    updated_at: updated,
    not_after: 9,
    requested_by: 'x',
    ...over,
  });
  it('never goes back: not by an older answer, not from a final state', () => {
    const log = new ExecutionLog('d');
    log.put(execution('RUNNING', 5));
    log.put(execution('QUEUED', 2));
    assert.equal(log.list()[0].state, 'RUNNING');
    log.put(execution('SUCCEEDED', 6));
    log.put(execution('RUNNING', 7));
    assert.equal(log.list()[0].state, 'SUCCEEDED');
  });
  it('lets a later truth settle UNCONFIRMED', () => {
    const log = new ExecutionLog('d');
    log.put(execution('UNCONFIRMED', 5));
    assert.equal(isFinal('UNCONFIRMED'), false);
    log.put(execution('SUCCEEDED', 8));
    assert.equal(log.list()[0].state, 'SUCCEEDED');
  });
  it('takes only its own device, newest first', () => {
    const log = new ExecutionLog('d');
    log.put(execution('QUEUED', 1, { id: 'x', device: 'other' }));
    log.put(execution('QUEUED', 1, { id: 'old', created_at: 1 }));
    log.put(execution('QUEUED', 2, { id: 'new', created_at: 2 }));
    assert.deepEqual(
      log.list().map((one) => one.id),
      ['new', 'old'],
    );
  });
});

describe('URL range', () => {
  it('reads presets and fixed ranges, and falls back on nonsense', () => {
    assert.deepEqual(parseRange('range=24h'), { kind: 'live', preset: '24h' });
    assert.deepEqual(parseRange('range=banana'), { kind: 'live', preset: '5m' });
    assert.deepEqual(parseRange('range=1h&from=1000&to=2000'), { kind: 'fixed', fromMs: 1000, toMs: 2000, back: '1h' });
    assert.deepEqual(parseRange('from=2000&to=1000'), { kind: 'live', preset: '5m' });
    assert.deepEqual(parseRange('from=x&to=1e99'), { kind: 'live', preset: '5m' });
  });
  it('writes what it reads and keeps the rest of the query', () => {
    const range = { kind: 'fixed' as const, fromMs: 1000, toMs: 2000, back: '1h' as const };
    const written = withRange('q=x', range);
    assert.deepEqual(parseRange(written), range);
    assert.ok(written.includes('q=x'));
    assert.equal(withRange(written, { kind: 'live', preset: '7d' }), 'q=x&range=7d');
    assert.equal(spanUs('7d'), 7 * 86_400e6);
  });
});

describe('rule drafts', () => {
  const draft = { ...emptyDraft, name: 'Hot', series: 'cpu.*', threshold: '80' };
  it('make a body, with the threshold as the clear level where none is given', () => {
    assert.deepEqual(bodyOf(draft), {
      body: {
        name: 'Hot',
        severity: 'warning',
        condition: { series: 'cpu.*', above: 80 },
        for: '30s',
        clear: 80,
        scope: { devices: [] },
      },
    });
  });
  it('name each fault beside its field', () => {
    assert.deepEqual(bodyOf({ ...draft, name: ' ', series: 'ä', threshold: 'hot', hold: 'soon' }), {
      faults: { name: 'required', series: 'pattern', threshold: 'number', hold: 'duration' },
    });
    assert.deepEqual(bodyOf({ ...draft, clear: '90' }), { faults: { clear: 'clear_above' } });
    assert.deepEqual(bodyOf({ ...draft, comparison: 'below', clear: '70' }), { faults: { clear: 'clear_below' } });
  });
  it('survive being read back', () => {
    const made = bodyOf({ ...draft, clear: '75', comparison: 'above', devices: ['d'] });
    assert.ok('body' in made);
    const rule = { ...made.body, id: 'r', version: 1, created_at: 1, updated_at: 1 };
    assert.deepEqual(bodyOf(draftOf(rule)), made);
  });
});

describe('command forms', () => {
  const fields = formFields({
    type: 'object',
    required: ['seconds'],
    properties: {
      seconds: { type: 'integer', minimum: 1, maximum: 60 },
      bed: { enum: ['north', 'south'] },
      dry: { type: 'boolean' },
      note: { type: 'string', maxLength: 3 },
      extra: { type: 'array' },
    },
  });
  it('know the kinds and what is needed', () => {
    assert.deepEqual(
      fields.map((field) => [field.kind, field.isRequired]),
      [
        ['integer', true],
        ['choice', false],
        ['boolean', false],
        ['text', false],
        ['json', false],
      ],
    );
  });
  it('read typed values', () => {
    const entries = { ...initialEntries(fields), seconds: '20', bed: '"south"', dry: true, note: 'abc', extra: '[1]' };
    assert.deepEqual(readEntries(fields, entries), { args: { seconds: 20, bed: 'south', dry: true, note: 'abc', extra: [1] } });
  });
  it('leave out what is empty and optional, and refuse what does not fit', () => {
    assert.deepEqual(readEntries(fields, { ...initialEntries(fields), seconds: '5' }), { args: { seconds: 5, dry: false } });
    const faults = (over: object) => (readEntries(fields, { ...initialEntries(fields), ...over }) as { faults: object }).faults;
    assert.deepEqual(faults({}), { seconds: 'required' });
    assert.deepEqual(faults({ seconds: '61' }), { seconds: 'maximum' });
    assert.deepEqual(faults({ seconds: '1.5', note: 'long', extra: '{' }), { seconds: 'integer', note: 'too_long', extra: 'json' });
  });
  it('have no fields without a schema', () => {
    assert.deepEqual(formFields(null), []);
  });
});

describe('units', () => {
  it('tells neighbours on an axis apart', () => {
    assert.deepEqual(formatSteps([73.7101, 73.7102, 73.7103], 1, 'en'), ['73.7101', '73.7102', '73.7103']);
    assert.deepEqual(formatSteps([0, 2.5, 5], 1, 'en'), ['0', '2.5', '5']);
    assert.deepEqual(formatSteps([1024, 1280, 1536], 1024, 'en'), ['1', '1.25', '1.5']);
    assert.deepEqual(formatSteps([0, 20, 40], 1, 'en'), ['0', '20', '40']);
  });

  it('scale bytes by 1024, write °C, and keep four telling digits', () => {
    assert.deepEqual(formatQuantity(1536, 'By', 'en'), { number: '1.5', unit: 'KiB' });
    assert.deepEqual(formatQuantity(48.256, 'Cel', 'en'), { number: '48.26', unit: '°C' });
    assert.deepEqual(formatQuantity(123456, '', 'en'), { number: '123,456', unit: '' });
    assert.deepEqual(formatQuantity(0, 'By/s', 'en'), { number: '0', unit: 'B/s' });
    assert.equal(scaleFor('By', 5 * 2 ** 30).unit, 'GiB');
  });
});

describe('durations', () => {
  it('are read and written as the API writes them', () => {
    assert.equal(parseDuration('5m'), 300);
    assert.equal(parseDuration('0s'), 0);
    assert.equal(parseDuration('5 parsecs'), null);
    assert.equal(writeDuration(7200), '2h');
    assert.equal(writeDuration(0), '0s');
  });
});

describe('catalogues', () => {
  it('say the same things, in Chinese where it is Chinese', () => {
    const same = new Set(['product', 'locale']);
    const walk = (one: object, other: object, path: string) => {
      assert.deepEqual(Object.keys(other).sort(), Object.keys(one).sort(), path);
      for (const [key, value] of Object.entries(one)) {
        const twin = (other as Record<string, unknown>)[key];
        assert.equal(typeof twin, typeof value, `${path}.${key}`);
        if (typeof value === 'object') walk(value as object, twin as object, `${path}.${key}`);
        if (typeof value === 'string' && !same.has(key)) assert.match(twin as string, /[\u4e00-\u9fff]|=/, `${path}.${key}`);
      }
    };
    walk(en, zhCn, '');
  });
});

it('a_device_s_own_series_come_before_its_agent_s_and_a_whole_before_its_parts', () => {
  const names = ['uptime', 'agent.spool.size', 'cpu.10.usage', 'cpu.2.usage', 'cpu.usage', 'agent.problem', 'disk.root.used', 'cpu.iowait'];
  assert.deepEqual(names.sort(compareSeriesNames), [
    'cpu.iowait',
    'cpu.usage',
    'cpu.2.usage',
    'cpu.10.usage',
    'disk.root.used',
    'uptime',
    'agent.problem',
    'agent.spool.size',
  ]);
});
