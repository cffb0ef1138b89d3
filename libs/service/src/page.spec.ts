import { cursorOf, placeOf } from './page.js';

const ID = '0191d2c4-1c5c-7a55-8c0f-4f6d2f0f1a11';

describe('the cursor of a list', () => {
  const shape = { at: 'whole', id: 'uuid', name: 'text', seenAt: 'instant', n: 'digits', version: 'int' } as const;
  const place = { at: -5, id: ID, name: '茶', seenAt: '2026-11-23T17:16:43.123Z', n: '12345678901', version: 7 };
  const madeFor = { sort: 'at' };

  it('is taken back by the list that gave it', () => {
    expect(placeOf(cursorOf({ ...place, ...madeFor }), shape, madeFor)).toMatchObject(place);
    expect(placeOf(cursorOf({ ...place, seenAt: '-infinity' }), shape)).toMatchObject({ seenAt: '-infinity' });
  });

  it('is refused where a field is missing or holds what its list never gives', () => {
    const wrong: [string, unknown][] = [
      ['at', '5'], ['at', 0.5], ['at', 2 ** 60], ['at', null], ['id', ID.slice(1)], ['id', `${ID}\n`], ['name', 7], ['name', 'a\0b'], ['name', ['a']],
      ['seenAt', 'now'], ['seenAt', '2026-02-30T00:00:00.000Z'], ['seenAt', '0000-01-01T00:00:00.000Z'], ['seenAt', '2026-13-01T00:00:00.000Z'],
      ['n', 12], ['n', '-1'], ['n', '1'.repeat(19)], ['n', ''], ['version', 2 ** 31], ['version', '7'],
    ];
    for (const [field, value] of wrong) expect(() => placeOf(cursorOf({ ...place, [field]: value }), shape)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'cursor.invalid' }));
    for (const field of Object.keys(place)) expect(() => placeOf(cursorOf({ ...place, [field]: undefined }), shape)).toThrow(expect.objectContaining({ code: 'cursor.invalid' }));
  });

  it('is refused by a list that is sorted another way, and when it is no cursor at all', () => {
    expect(() => placeOf(cursorOf({ ...place, sort: 'name' }), shape, madeFor)).toThrow(expect.objectContaining({ code: 'cursor.invalid' }));
    for (const text of ['nonsense', cursorOf([]), Buffer.from('null').toString('base64url'), Buffer.from('{').toString('base64url')]) expect(() => placeOf(text, shape)).toThrow(expect.objectContaining({ code: 'cursor.invalid' }));
  });
});
