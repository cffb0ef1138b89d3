import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Stream, streamOf, streams, validate } from './index.js';
import { proto, root } from './repository.fixture.js';

const readme = readFileSync(join(proto, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/```json\n([^`]*)```/g)].map(([, json]) => JSON.parse(json!));
const headersSchema = () => JSON.parse(readFileSync(join(root, 'libs/contracts/src/gen/asyncapi.json'), 'utf8')).components.schemas.Headers;

describe('the README of the contracts', () => {
  it('lists every topic as it is', () => {
    const rows = readme.split('\n').filter((row) => row.startsWith('| `yunke.'));
    const expected = Object.values<Stream>(streams).map(({ topic, key, partitions, compacted, retentionHours, types }) =>
      `| \`${topic}\` | \`${key}\` | ${partitions} | ${compacted ? 'compacted' : `${retentionHours / 24} days`} | ${types.join(', ')} |`,
    );
    expect(rows).toEqual(expected);
  });

  it('shows a publisher a body that would be accepted', () => {
    const [{ observations }] = examples;

    expect(observations).toHaveLength(1);
    for (const observation of observations) expect(validate(observation.type, observation)).toEqual([]);
  });

  it('shows a reader a record as it stands on the topic', () => {
    const [, { key, headers, value }] = examples;

    expect(streamOf(headers.ce_type).topic).toBe('yunke.segmentation.changes.v1');
    expect(value[streamOf(headers.ce_type).key]).toBe(key);
    expect(validate(headers.ce_type, value)).toEqual([]);
    for (const number of [value.seq, value.ruleVersion]) expect(number).toEqual(expect.any(String));
  });

  it('explains every header', () => {
    const explained = [...readme.matchAll(/^\| `([a-z_-]+)` \| /gm)].map(([, name]) => name);
    const [, { headers }] = examples;

    expect(explained).toEqual(Object.keys(headersSchema().properties));
    expect(Object.keys(headers)).toEqual(explained);
  });
});
