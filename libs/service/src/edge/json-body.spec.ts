import fc from 'fast-check';
import { JSON_LIMITS, parseJsonBody } from './json-body.js';

const text = (value: string) => Buffer.from(value, 'utf8');
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const objectOf = (keys: number) => `{${Array.from({ length: keys }, (_, i) => `"k${i}":0`).join()}}`;
const arrayOf = (elements: number) => `[${Array.from({ length: elements }, () => '0').join()}]`;

const accepted: [what: string, body: string][] = [
  ['depth at the limit', nested(JSON_LIMITS.depth)],
  ['keys at the limit', objectOf(JSON_LIMITS.keys)],
  ['elements at the limit', arrayOf(JSON_LIMITS.elements)],
  ['commas, colons and brackets in strings', `{"a":"${',:[{}]"'.replaceAll('"', '\\"').repeat(300)}"}`],
  ['escaped quotes and backslashes of every alignment', '["\\"","a\\\\","ab\\"","abc\\\\\\"","abcd\\\\\\\\"]'],
  ['strings that end where the bytes end', '"abcdefg"'],
  ['white space everywhere', ' { "a" : [ 1 , "b" ] , "c" : { } } \r\n\t'],
  ['the same key in different objects', '[{"a":1},{"a":{"a":2}}]'],
  ['a whole surrogate pair, escaped', '"\\ud83d\\ude00"'],
  ['the text of an escape, escaped', '"\\\\u0000"'],
  ['an empty key', '{"":1}'],
  ['a constructor that holds no prototype', '{"constructor":{"name":"x"},"prototype":1}'],
  ['scalars', 'null'],
];

const refused: [id: string, what: string, body: string | Buffer, code: string][] = [
  ['B03', 'depth 33', nested(33), 'json_too_complex'],
  ['B03', 'depth 100,000', nested(100_000), 'json_too_complex'],
  ['B03', 'depth 100,000, never closed', '{"a":'.repeat(100_000), 'json_too_complex'],
  ['B03', '513 keys', objectOf(513), 'json_too_complex'],
  ['B03', '10,000 keys in an inner object', `[1,${objectOf(10_000)}]`, 'json_too_complex'],
  ['B03', '1,001 elements', arrayOf(1001), 'json_too_complex'],
  ['B03', 'a million elements', arrayOf(1_000_000), 'json_too_complex'],
  ['B04', 'nothing', '', 'malformed_json'],
  ['B04', 'truncated', '{"a":[1,2', 'malformed_json'],
  ['B04', 'truncated in a string', '{"a":"b', 'malformed_json'],
  ['B04', 'truncated in an escape', '{"a":"b\\', 'malformed_json'],
  ['B04', 'trailing comma', '{"a":1,}', 'malformed_json'],
  ['B04', 'NaN', '{"a":NaN}', 'malformed_json'],
  ['B04', 'byte order mark', '\ufeff{"a":1}', 'malformed_json'],
  ['B04', 'two documents', '{"a":1}{"b":2}', 'malformed_json'],
  ['B04', 'a comment', '{"a":1 /* b */}', 'malformed_json'],
  ['B04', 'closed too often', '{"a":1}}', 'malformed_json'],
  ['B05', 'bytes ff fe', Buffer.from([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), 'invalid_encoding'],
  ['B05', 'UTF-16 without a mark', Buffer.from('{"a":1}', 'utf16le'), 'invalid_encoding'],
  ['B05', 'overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'invalid_encoding'],
  ['B05', 'a surrogate in three bytes', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'invalid_encoding'],
  ['B05', 'truncated character', Buffer.from([0x22, 0xe4, 0xba, 0x22]), 'invalid_encoding'],
  ['B05', 'lone surrogate', '{"a":["\\ud800"]}', 'invalid_encoding'],
  ['B05', 'lone surrogate in a key', '{"\\udc00":1}', 'invalid_encoding'],
  ['B05', 'NUL, escaped', '{"a":"\\u0000"}', 'invalid_encoding'],
  ['B05', 'NUL, raw', '{"a":"\0"}', 'invalid_encoding'],
  ['B06', 'amount twice', '{"amount":1,"amount":2}', 'duplicate_key'],
  ['B06', 'twice, one escaped', '{"amount":1,"\\u0061mount":2}', 'duplicate_key'],
  ['B06', 'twice, numbers as names, deep inside', '[{"a":{"1":1,"0":2,"1":3}}]', 'duplicate_key'],
  ['B07', '__proto__', '{"a":{"__proto__":{"admin":true}}}', 'forbidden_key'],
  ['B07', '__proto__, escaped', '{"\\u005f_proto__":1}', 'forbidden_key'],
  ['B07', 'constructor.prototype', '{"constructor":{"prototype":{"admin":true}}}', 'forbidden_key'],
];

describe('the body of a request', () => {
  it.each(accepted)('is taken: %s', (_what, body) => {
    expect(parseJsonBody(text(body))).toEqual(JSON.parse(body));
  });

  it.each(refused)('%s is refused: %s', (_id, _what, body, code) => {
    const raw = typeof body === 'string' ? text(body) : body;
    expect(() => parseJsonBody(raw)).toThrow(expect.objectContaining({ code, details: { status: 400 } }));
  });

  it('leaves a number beyond the doubles to the validators', () => {
    expect(parseJsonBody(text('{"a":1e400}'))).toEqual({ a: Infinity });
  });

  it('obeys the limits of its route', () => {
    const wide = { depth: 2, keys: 3, elements: 5000 };
    expect(parseJsonBody(text(arrayOf(5000)), wide)).toHaveLength(5000);
    expect(() => parseJsonBody(text(arrayOf(5001)), wide)).toThrow(expect.objectContaining({ code: 'json_too_complex' }));
    expect(() => parseJsonBody(text('[[[]]]'), wide)).toThrow(expect.objectContaining({ code: 'json_too_complex' }));
    expect(() => parseJsonBody(text(objectOf(4)), wide)).toThrow(expect.objectContaining({ code: 'json_too_complex' }));
  });

  it('reads a buffer that is part of another one', () => {
    const whole = Buffer.from('xxx{"a":"bcdefgh"}"yyy');
    expect(parseJsonBody(whole.subarray(3, 18))).toEqual({ a: 'bcdefgh' });
  });
});

describe('the law of the body', () => {
  const harmless = fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0') && s !== '__proto__' && s !== 'constructor');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 6 }, fc.double(), fc.boolean(), fc.constant(null), harmless, tie('list'), tie('object')),
    list: fc.array(tie('tree')),
    object: fc.dictionary(harmless, tie('tree')),
  }));
  const written = fc.tuple(tree, fc.constantFrom(0, 1, '\t', '\r\n')).map(([value, space]) => JSON.stringify(value, null, space));

  it('what JSON.parse reads and nothing forbids is read as JSON.parse reads it', () => {
    fc.assert(fc.property(written, (json) => expect(parseJsonBody(text(json))).toEqual(JSON.parse(json))), { numRuns: 300 });
  });

  it('what JSON.parse refuses is refused, whatever was cut or put in', () => {
    const cut = fc.tuple(written, fc.nat(), fc.nat(3), fc.constantFrom('', '"', '\\', '{', '[', ',', ':', '}'));
    fc.assert(
      fc.property(cut, ([json, at, drop, put]) => {
        const broken = json.slice(0, at % (json.length + 1)) + put + json.slice((at % (json.length + 1)) + drop);
        if (readable(broken)) return;
        expect(() => parseJsonBody(text(broken))).toThrow(expect.objectContaining({ name: 'Problem' }));
      }),
      { numRuns: 1000 },
    );
  });

  it('a key that is put in twice is found, wherever it is', () => {
    fc.assert(
      fc.property(fc.dictionary(harmless, tree, { minKeys: 1 }), fc.nat(6), (object, depth) => {
        const [key] = Object.keys(object);
        const twice = `{${JSON.stringify(key)}:0,${JSON.stringify(object).slice(1)}`;
        const json = '[{"x":'.repeat(depth) + twice + '}]'.repeat(depth);
        expect(() => parseJsonBody(text(json))).toThrow(expect.objectContaining({ code: 'duplicate_key' }));
      }),
    );
  });
});

function readable(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
