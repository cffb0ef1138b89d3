import { normalise, ownIdentifier, parseIdentifier, parseSubject, slotOf, subjectKind } from './identifier.js';

const of = (type: string, value: string, source = 'web') => normalise({ type, value }, source);

describe('cleaning a phone', () => {
  it.each([
    '13800138000', '138 0013 8000', '138-0013-8000', '+86 138-0013-8000', '0086 13800138000', '86 138 0013 8000', '013800138000',
    '１３８００１３８０００', '＋８６ １３８００１３８０００', ' (138) 0013–8000 ',
  ])('reads %p as the one mobile it is', (value) => {
    expect(of('phone', value)).toEqual({ type: 'phone', value: '+8613800138000' });
  });

  it('keeps the country that a foreign phone names', () => {
    expect(of('phone', '+44 20 7946 0958')).toEqual({ type: 'phone', value: '+442079460958' });
    expect(of('phone', '0044 20 7946 0958')).toEqual({ type: 'phone', value: '+442079460958' });
  });

  it.each(['18877771111-123', '188 7777 1111-123', '+8618877771111-0042', '188-7777-1111-12', '18877771111转123', '18877771111，6', '18877771111 ext. 7'])(
    'never links by the privacy number %p', (value) => {
      expect(of('phone', value)).toEqual({ refused: 'privacy-number' });
    });

  it.each(['400-820-8820', '+86 400 820 8820', '95188', '+8695188', '800-820-8820', '021-52066273', '+86 10 5206 6273'])(
    'never links by %p, which an office answers', (value) => {
      expect(of('phone', value)).toEqual({ refused: 'shared-number' });
    });

  it.each(['12012345678', '18877771111 123', '12345', 'call me', '+', '+1234567890123456'])('refuses %p, which is no phone', (value) => {
    expect(of('phone', value)).toEqual({ refused: 'malformed' });
  });
});

describe('cleaning an e-mail', () => {
  it('sees one address however it is typed', () => {
    expect(of('email', ' Ada.Lovelace@Example.COM ')).toEqual(of('email', 'ada.lovelace@example.com'));
    expect(of('email', 'ada＠example.com')).toEqual({ type: 'email', value: 'ada@example.com' });
  });

  it.each(['ada', 'ada@', '@example.com', 'ada@example', 'a b@example.com', 'ada@@example.com', 'ada@example..com'])('refuses %p', (value) => {
    expect(of('email', value)).toEqual({ refused: 'malformed' });
  });
});

describe('a value that says nothing', () => {
  const types = ['account', 'unionid', 'phone', 'email', 'wechat-openid', 'ouid', 'device', 'anonymous', 'external:crm'];
  const nothing = [
    '', '  ', 'null', 'NULL', 'undefined', 'None', 'anonymous', 'unknown', 'N/A', 'test', '0',
    '000000', '00000000-0000-0000-0000-000000000000', '-1', '11111111111', '999-9999', '０００',
  ];
  it.each(types)('never links, as %s', (type) => {
    for (const value of nothing) expect([value, of(type, value)]).toEqual([value, { refused: 'placeholder' }]);
  });

  it.each(['138****8000', 'a***@example.com', '张＊＊'])('never links when it is half hidden: %p', (value) => {
    for (const type of types) expect(of(type, value)).toEqual({ refused: 'masked' });
  });

  it('never links all visitors without an openid', () => {
    expect(of('wechat-openid', 'wx12:null')).toEqual({ refused: 'placeholder' });
  });

  it('is not the number of an early customer', () => {
    expect(of('account', '7')).toEqual({ type: 'account', value: 'web:7' });
    expect(of('account', '22')).toEqual({ type: 'account', value: 'web:22' });
  });
});

describe('the types of identifiers', () => {
  it.each(['account', 'ouid', 'device', 'anonymous', 'external:loyalty-card'])('keeps equal values of %s at two sources apart', (type) => {
    expect(of(type, '88123', 'web')).toEqual({ type, value: 'web:88123' });
    expect(of(type, '88123', 'pos')).toEqual({ type, value: 'pos:88123' });
  });

  it.each(['unionid', 'omid', 'idfa'])('knows %s at every source', (type) => {
    expect(of(type, 'oqx-77', 'web')).toEqual(of(type, 'oqx-77', 'pos'));
  });

  it('needs the app of an openid', () => {
    expect(of('wechat-openid', 'oqx77')).toEqual({ refused: 'malformed' });
    expect(of('wechat-openid', 'wx12:oqx77')).toEqual({ type: 'wechat-openid', value: 'wx12:oqx77' });
  });

  it('never links by an OAID, which names a parcel and lasts a week', () => {
    expect(of('oaid', 'x1y2z3')).toEqual({ refused: 'short-lived' });
  });

  it.each(['shoe-size', 'external:', 'external:a b', 'Phone', 'constructor', ''])('refuses the unknown type %p', (type) => {
    expect(of(type, 'x1')).toEqual({ refused: 'unknown-type' });
  });

  it('refuses a value that is a document', () => {
    expect(of('external:crm', 'x'.repeat(501))).toEqual({ refused: 'too-long' });
    expect(of('external:crm', '云'.repeat(167))).toEqual({ refused: 'too-long' });
  });

  it('refuses a value that no database can hold', () => {
    expect(of('external:crm', 'a\0b')).toEqual({ refused: 'malformed' });
  });

  it('reads what a person types as evidence keeps it', () => {
    expect(parseIdentifier({ type: 'phone', value: '138 0013 8000' })).toEqual({ type: 'phone', value: '+8613800138000' });
    expect(parseIdentifier({ type: 'device', value: 'web:D:1' })).toEqual({ type: 'device', value: 'web:D:1' });
    expect(parseIdentifier({ type: 'wechat-openid', value: 'wx12:oqx77' })).toEqual({ type: 'wechat-openid', value: 'wx12:oqx77' });
    expect(() => parseIdentifier({ type: 'device', value: 'D1' })).toThrow(expect.objectContaining({ code: 'identifier.source_missing' }));
    expect(() => parseIdentifier({ type: 'email', value: 'null' })).toThrow(expect.objectContaining({ code: 'identifier.refused' }));
  });

  it('gives a person one account at each source, one unionid, and any number of phones', () => {
    expect(slotOf({ type: 'account', value: 'web:1' })).toBe(slotOf({ type: 'account', value: 'web:2' }));
    expect(slotOf({ type: 'account', value: 'web:1' })).not.toBe(slotOf({ type: 'account', value: 'pos:1' }));
    expect(slotOf({ type: 'unionid', value: 'a' })).toBe(slotOf({ type: 'unionid', value: 'b' }));
    expect(slotOf({ type: 'phone', value: '+8613800138000' })).toBeUndefined();
  });
});

describe('a subject', () => {
  it('is a source, a kind and an id, which may contain colons', () => {
    expect(parseSubject('taobao-main:account:88:12:3')).toEqual({ source: 'taobao-main', kind: 'account', id: '88:12:3' });
    expect(subjectKind('pos-3:order-contact:A1009')).toBe('order-contact');
  });

  it('carries its own key, unless it is the contact of an order', () => {
    expect(ownIdentifier('web:account:7')).toEqual(of('account', '7'));
    expect(ownIdentifier('web:anonymous:5f1c')).toEqual(of('anonymous', '5f1c'));
    expect(ownIdentifier('pos-3:order-contact:A1009')).toBeUndefined();
  });

  it.each(['', 'web', 'web:account', 'web:account:', ':account:7', 'web:customer:7', 'we b:account:7', 'web:account:a\0', 'web:account:a\tb'])('is not %p', (subject) => {
    expect(() => parseSubject(subject)).toThrow(expect.objectContaining({ code: 'subject.malformed' }));
  });
});
