import { KeptRows } from './kept-rows.js';
import type { WrittenRow } from './outbox.js';

const event = { key: 'k', id: 'i', type: 'OrderObserved', time: 't', traceparent: '', json: '{}' };
const row = (id: string, characters = 10): WrittenRow => ({ id, topic: 'orders', partition: 3, events: [event], characters });
const claimed = (id: string) => ({ id, topic: 'orders', partition: 3, events: 1 });

describe('rows kept until they are claimed', () => {
  it('are given once', () => {
    const kept = new KeptRows();
    kept.keep([row('1'), row('2')]);

    expect(kept.take(claimed('1'))).toEqual([event]);
    expect(kept.take(claimed('1'))).toBeUndefined();
    expect(kept.count).toBe(1);
  });

  it('are no more than fits; what is taken makes room', () => {
    const kept = new KeptRows(25);
    kept.keep([row('1'), row('2'), row('3')]);
    expect(kept.take(claimed('3'))).toBeUndefined();
    expect(kept.take(claimed('1'))).toEqual([event]);
    kept.keep([row('4')]);

    expect(kept.take(claimed('4'))).toEqual([event]);
  });

  it('are not given for a claim that says something else: the database was set back and gave the id again', () => {
    const kept = new KeptRows();
    for (const other of [{ topic: 'returns' }, { partition: 4 }, { events: 2 }]) {
      kept.keep([row('1')]);
      expect(kept.take({ ...claimed('1'), ...other })).toBeUndefined();
    }
    expect(kept.count).toBe(0);
  });

  it('go when they are too old to be claimed, and make room', () => {
    const kept = new KeptRows(25);
    kept.keep([row('1'), row('2')]);
    kept.dropOldest(1);
    kept.keep([row('3')]);

    expect(['1', '2', '3'].map((id) => kept.take(claimed(id)) !== undefined)).toEqual([false, true, true]);
    kept.clear();
    expect(kept.count).toBe(0);
  });
});
