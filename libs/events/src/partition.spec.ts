import { partitionOf } from './partition.js';

describe('the partition of a key', () => {
  // From Apache Kafka's own UtilsTest (murmur2 of these texts), so that any other producer puts a key where we do.
  it.each([['21', -973932308], ['foobar', -790332482], ['a-little-bit-long-string', -985981536], ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971], ['abc', 479470107]])('of %s agrees with Kafka', (key, hash) => {
    expect(partitionOf(key, 0x7fffffff)).toBe((hash & 0x7fffffff) % 0x7fffffff);
    expect(partitionOf(key, 12)).toBe((hash & 0x7fffffff) % 12);
  });
});
