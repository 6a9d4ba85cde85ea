// The readings of one series in one window, as a chart needs them: at most one slot a pixel.

/** Slot i covers [fromUs + floor(i·span/width), fromUs + floor((i+1)·span/width)), as the hub's buckets do, and goes on past
 *  toUs for what comes live. Width 0: no slots, every reading for itself. */
export interface Grid {
  fromUs: number;
  toUs: number;
  width: number;
}

export function slotOf(grid: Grid, timeUs: number): number {
  const span = grid.toUs - grid.fromUs;
  const offset = timeUs - grid.fromUs;
  let slot = Math.floor((offset * grid.width) / span);
  while (Math.floor(((slot + 1) * span) / grid.width) <= offset) ++slot;
  while (Math.floor((slot * span) / grid.width) > offset) --slot;
  return slot;
}
export function slotStart(grid: Grid, slot: number): number {
  return grid.fromUs + Math.floor((slot * (grid.toUs - grid.fromUs)) / grid.width);
}

export interface Bucket {
  timeUs: number; // first reading's, or the slot's start where only the slot is known
  lastTimeUs: number;
  minimum: number;
  maximum: number;
  first: number;
  last: number;
  sum: number;
  count: number;
}

const columnNames = ['key', 'timeUs', 'lastTimeUs', 'minimum', 'maximum', 'first', 'last', 'sum', 'count'] as const;
type ColumnName = (typeof columnNames)[number];

/**
 * Columns in time order. Readings of one slot fold into its minimum, maximum, first, last, sum and count, so no spike is
 * averaged away and size follows the window's pixels, not the rate; late readings go where they belong. Raw grids replace
 * a reading of the same time. Holds at most `capacity` slots: past it the oldest quarter goes.
 */
export class SeriesBuffer {
  private columns: Record<ColumnName, Float64Array>;
  private size = 0;
  /** Grows with every change: views compare it instead of the data. */
  revision = 0;

  constructor(
    private grid_: Grid,
    private readonly capacity = 20_000,
  ) {
    this.columns = make(256);
  }

  get length(): number {
    return this.size;
  }
  get grid(): Grid {
    return this.grid_;
  }
  column(name: ColumnName): Float64Array {
    return this.columns[name];
  }
  at(index: number): Bucket {
    const c = this.columns;
    return {
      timeUs: c.timeUs[index],
      lastTimeUs: c.lastTimeUs[index],
      minimum: c.minimum[index],
      maximum: c.maximum[index],
      first: c.first[index],
      last: c.last[index],
      sum: c.sum[index],
      count: c.count[index],
    };
  }

  reset(grid: Grid): void {
    this.grid_ = grid;
    this.size = 0;
    ++this.revision;
  }

  addReading(timeUs: number, value: number): void {
    this.add({
      timeUs,
      lastTimeUs: timeUs,
      minimum: value,
      maximum: value,
      first: value,
      last: value,
      sum: value,
      count: 1,
    });
  }

  add(bucket: Bucket): void {
    if (bucket.timeUs < this.grid_.fromUs && this.grid_.width > 0) return; // late beyond the window
    const key = this.grid_.width > 0 ? slotOf(this.grid_, bucket.timeUs) : bucket.timeUs;
    const keys = this.columns.key;
    let index = this.size;
    if (this.size > 0 && keys[this.size - 1] >= key) index = lowerBound(keys, this.size, key);
    ++this.revision;
    if (index < this.size && keys[index] === key) {
      if (this.grid_.width > 0) this.fold(index, bucket);
      else this.write(index, key, bucket);
      return;
    }
    this.open(index);
    this.write(this.size > this.capacity ? this.dropOldest(index) : index, key, bucket);
  }

  /** The hub sends each slot of history once; a resent part replaces, it does not double. */
  setSlot(slot: number, bucket: Omit<Bucket, 'timeUs' | 'lastTimeUs'>): void {
    const timeUs = slotStart(this.grid_, slot);
    const keys = this.columns.key;
    let index = this.size;
    if (this.size > 0 && keys[this.size - 1] >= slot) index = lowerBound(keys, this.size, slot);
    ++this.revision;
    if (index === this.size || keys[index] !== slot) this.open(index);
    this.write(index, slot, { ...bucket, timeUs, lastTimeUs: timeUs });
  }

  /** Forgets what ended before `timeUs`. */
  trim(timeUs: number): void {
    let first = 0;
    while (first < this.size && this.columns.lastTimeUs[first] < timeUs) ++first;
    // Moving memory for each slot would cost more than keeping a few.
    if (first * 8 >= this.size || first > 64) this.shift(first);
  }

  private fold(index: number, bucket: Bucket): void {
    const c = this.columns;
    if (bucket.timeUs < c.timeUs[index] && c.timeUs[index] !== slotStart(this.grid_, c.key[index])) {
      c.timeUs[index] = bucket.timeUs;
      c.first[index] = bucket.first;
    }
    if (bucket.lastTimeUs >= c.lastTimeUs[index]) {
      c.lastTimeUs[index] = bucket.lastTimeUs;
      c.last[index] = bucket.last;
    }
    c.minimum[index] = Math.min(c.minimum[index], bucket.minimum);
    c.maximum[index] = Math.max(c.maximum[index], bucket.maximum);
    c.sum[index] += bucket.sum;
    c.count[index] += bucket.count;
  }

  private write(index: number, key: number, bucket: Bucket): void {
    const c = this.columns;
    c.key[index] = key;
    c.timeUs[index] = bucket.timeUs;
    c.lastTimeUs[index] = bucket.lastTimeUs;
    c.minimum[index] = bucket.minimum;
    c.maximum[index] = bucket.maximum;
    c.first[index] = bucket.first;
    c.last[index] = bucket.last;
    c.sum[index] = bucket.sum;
    c.count[index] = bucket.count;
  }

  /** Makes room for one slot at `index`. */
  private open(index: number): void {
    if (this.size === this.columns.key.length) {
      const larger = make(this.size * 2);
      for (const name of columnNames) larger[name].set(this.columns[name]);
      this.columns = larger;
    }
    if (index < this.size) {
      for (const name of columnNames) this.columns[name].copyWithin(index + 1, index, this.size);
    }
    ++this.size;
  }

  private dropOldest(index: number): number {
    const gone = Math.min(Math.floor(this.size / 4), index);
    this.shift(gone);
    return index - gone;
  }
  private shift(gone: number): void {
    if (gone <= 0) return;
    for (const name of columnNames) this.columns[name].copyWithin(0, gone, this.size);
    this.size -= gone;
    ++this.revision;
  }
}

function make(capacity: number): Record<ColumnName, Float64Array> {
  return Object.fromEntries(columnNames.map((name) => [name, new Float64Array(capacity)])) as Record<
    ColumnName,
    Float64Array
  >;
}

export function lowerBound(sorted: Float64Array, size: number, wanted: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
