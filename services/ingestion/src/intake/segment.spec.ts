import { readSegment, readSegmentBatch } from './segment.js';
import { NOON, aCall, aTrack, anIdentify, browser, faultsOf, inTopic, observed, server, theOne, wrongWith } from './segment.fixture.js';

describe('a call tells who it was', () => {
  it('an account, with the anonymous id as evidence of it', () => {
    expect(theOne(aTrack('Products Searched', { query: 'tea' }, { anonymousId: '5f1c' }))).toMatchObject({
      type: 'BehaviourObserved', kind: 'track', name: 'Products Searched', properties: { query: 'tea' },
      source: 'shop', subject: 'shop:account:88123', identifiers: [{ type: 'anonymous', value: '5f1c' }], messageId: 'm-1', occurredAt: '2026-05-20T11:59:00.000Z', verified: true, history: false,
    });
  });

  it('a visitor, when the page knows no account and says null', () => {
    expect(theOne(aTrack('Products Searched', {}, { userId: null, anonymousId: '5f1c' }), browser)).toMatchObject({ subject: 'web:anonymous:5f1c', identifiers: [], verified: false });
  });

  it('with e-mail, phone, external ids and devices as evidence, each once', () => {
    const context = {
      traits: { email: 'ada@example.com', phone: '+8613800138000' },
      externalIds: [{ id: 'o6_bm', type: 'unionid', collection: 'users', encoding: 'none' }, { id: 'acme', type: 'company', collection: 'accounts', encoding: 'none' }],
      device: { id: 'D-1', advertisingId: 'AD-1', type: 'ios' },
    };

    expect(theOne(aTrack('Invoice Viewed', { email: 'ada@example.com' }, { context }))['identifiers']).toEqual([
      { type: 'email', value: 'ada@example.com' }, { type: 'phone', value: '+8613800138000' }, { type: 'external:unionid', value: 'o6_bm' }, { type: 'device', value: 'D-1' }, { type: 'idfa', value: 'AD-1' },
    ]);
  });

  it('but not by an advertising id that the person has switched off', () => {
    const device = { advertisingId: 'AD-1', type: 'android', adTrackingEnabled: false };

    expect(theOne(aTrack('Invoice Viewed', {}, { context: { device } }))['identifiers']).toEqual([]);
  });

  it('and a group names a company: its e-mail address is nobody\'s', () => {
    expect(theOne(aCall({ type: 'group', groupId: 'acme', traits: { email: 'office@acme.example', plan: 'gold' } }))).toMatchObject({
      type: 'BehaviourObserved', kind: 'group', name: 'acme', properties: { plan: 'gold' }, identifiers: [],
    });
  });

  it('and an alias makes the id from before evidence of the account', () => {
    expect(theOne(aCall({ type: 'alias', previousId: '5f1c' }))).toMatchObject({ type: 'CustomerObserved', subject: 'shop:account:88123', identifiers: [{ type: 'anonymous', value: '5f1c' }] });
  });

  it('and takes a property called email for a contact only when it is a text', () => {
    expect(theOne(aTrack('Preferences Saved', { email: true }))).toMatchObject({ identifiers: [], properties: { email: true } });
  });
});

describe('identify', () => {
  it('tells the fields of a customer, and keeps the traits of the source\'s own', () => {
    const traits = {
      name: 'Ada King', firstName: 'Ada', lastName: 'King', email: 'ada@example.com', phone: '+447700900123', gender: 'female', birthday: '1815-12-10', language: 'en', timezone: 'Europe/London',
      address: { street: '12 St James Square', city: 'London', state: 'England', postalCode: 'SW1Y 4JH', country: 'GB', floor: 2 }, marketingConsent: true, plan: 'gold', shoeSize: 37,
    };

    expect(theOne(anIdentify(traits))).toMatchObject({
      type: 'CustomerObserved', name: 'Ada King', firstName: 'Ada', lastName: 'King', email: 'ada@example.com', phone: '+447700900123', gender: 'female', birthday: '1815-12-10',
      address: '12 St James Square', city: 'London', region: 'England', postalCode: 'SW1Y 4JH', country: 'GB', language: 'en', timezone: 'Europe/London', marketingConsent: true,
      attributes: { plan: 'gold', shoeSize: 37, address: { floor: 2 } },
      identifiers: [{ type: 'email', value: 'ada@example.com' }, { type: 'phone', value: '+447700900123' }],
    });
  });

  it('takes the language and the time zone from the browser when no trait says them', () => {
    expect(theOne(anIdentify({ address: '12 St James Square' }, { context: { locale: 'en-GB', timezone: 'Europe/London' } }))).toMatchObject({ language: 'en-GB', timezone: 'Europe/London', address: '12 St James Square' });
  });

  it('keeps a trait that is called like a trap as a trait', () => {
    const call = JSON.parse(JSON.stringify(anIdentify({ plan: 'gold' })).replace('"plan"', '"__proto__":{"admin":true},"plan"')) as unknown;

    const { attributes } = theOne(call) as { attributes?: Record<string, unknown> };

    expect(Object.keys(attributes!)).toEqual(['__proto__', 'plan']);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each([
    ['the trait says yes', { trait: true }, true],
    ['the trait says no', { trait: false }, false],
    ['the category says yes', { categories: { Marketing: true, Analytics: false } }, true],
    ['either refuses', { trait: true, categories: { marketing: false } }, false],
    ['the wrapper has no such category', { categories: { analytics: true } }, false],
    ['the wrapper has no such category and the trait says yes', { trait: true, categories: { analytics: true } }, true],
    ['nobody says anything', {}, undefined],
  ])('hears a consent to marketing when %s', (_, { trait, categories }: { trait?: boolean; categories?: object }, consent) => {
    const context = categories ? { consent: { categoryPreferences: categories } } : {};

    expect(theOne(anIdentify(trait === undefined ? {} : { marketingConsent: trait }, { context }))['marketingConsent']).toBe(consent);
  });

  it('is not needed for a change of consent', () => {
    const context = { consent: { categoryPreferences: { marketing: false } } };

    expect(theOne(aTrack('Segment Consent Preference Updated', {}, { context }), browser)).toMatchObject({ type: 'CustomerObserved', marketingConsent: false, verified: false });
  });
});

describe('page and screen', () => {
  it('are behaviour, with a name where they have one', () => {
    expect(theOne(aCall({ type: 'page', properties: { path: '/tea' } }))).toMatchObject({ type: 'BehaviourObserved', kind: 'page', name: '', properties: { path: '/tea' } });
    expect(theOne(aCall({ type: 'screen', name: 'Basket' }))).toMatchObject({ kind: 'screen', name: 'Basket' });
  });
});

describe('the time of a call', () => {
  it.each([
    ['is as said, without a sending time', { timestamp: '2026-05-20T11:00:00.000Z' }, '2026-05-20T11:00:00.000Z'],
    ['is said in any zone', { timestamp: '2026-05-20T13:00:00+02:00' }, '2026-05-20T11:00:00.000Z'],
    ['is corrected for a clock that is an hour slow', { timestamp: '2026-05-20T10:59:00.000Z', sentAt: '2026-05-20T11:00:00.000Z' }, '2026-05-20T11:59:00.000Z'],
    ['is corrected for a clock that is a year fast', { timestamp: '2027-05-20T11:58:00.000Z', sentAt: '2027-05-20T12:00:00.000Z' }, '2026-05-20T11:58:00.000Z'],
    ['goes by the original time where there are two', { originalTimestamp: '2026-05-20T10:00:00.000Z', timestamp: '2026-05-20T11:00:00.000Z' }, '2026-05-20T10:00:00.000Z'],
    ['is now, when the call says none', { timestamp: undefined }, '2026-05-20T12:00:00.000Z'],
  ])('%s', (_, said, occurredAt) => {
    expect(theOne(aTrack('Tea Drunk', {}, said))).toMatchObject({ occurredAt });
  });

  it('may not be more than a year ago, unless the source sends its history', () => {
    const old = aTrack('Tea Drunk', {}, { timestamp: '2019-01-01T00:00:00.000Z' });

    expect(faultsOf(old)).toEqual(['timestamp_out_of_range /timestamp']);
    expect(theOne(old, { ...server, history: true })).toMatchObject({ occurredAt: '2019-01-01T00:00:00.000Z', history: true });
  });

  it('becomes now when a page says an impossible one: nobody can ask it again', () => {
    expect(theOne(aTrack('Tea Drunk', {}, { timestamp: '2019-01-01T00:00:00.000Z' }), browser)).toMatchObject({ occurredAt: '2026-05-20T12:00:00.000Z' });
  });

  it('may not be led out of the calendar by a wrong clock', () => {
    const call = aTrack('Tea Drunk', {}, { timestamp: '1900-01-01T00:00:00.000Z', sentAt: '9999-12-31T00:00:00.000Z' });

    expect(faultsOf(call, { ...server, history: true })).toEqual(['timestamp_out_of_range /timestamp']);
  });
});

describe('a message id', () => {
  it('is required of a server, which must be able to repeat itself', () => {
    expect(faultsOf(aTrack('Tea Drunk', {}, { messageId: undefined }))).toEqual(['validation_failed /messageId']);
  });

  it('is made for a page that sends none', () => {
    const item = readSegment(aTrack('Tea Drunk', {}, { messageId: undefined }), browser);

    expect(item.messageId).toMatch(/^[0-9a-f-]{36}$/);
    expect(wrongWith(item)).toEqual([]);
  });
});

describe('what is kept of a call', () => {
  it.each([
    ['with another sending time', { sentAt: '2026-05-20T11:59:30.000Z' }],
    ['with another number of attempts', { _metadata: { retryCount: 2 } }],
    ['with the key in the body', { writeKey: 'a secret' }],
  ])('is the same when a library sends it again, %s', (_, more) => {
    expect(readSegment({ ...aTrack('Tea Drunk', { cups: 2 }), ...more }, server).raw()).toEqual(aTrack('Tea Drunk', { cups: 2 }));
  });

  it('is read as the same type and time whenever a person replays it', () => {
    const { type: _, ...call } = aTrack(undefined, {}, { sentAt: '2026-05-20T11:00:00.000Z', timestamp: '2026-05-20T10:00:00.000Z' });
    const refused = readSegment(call, server, 'track');
    const mended = { ...(refused.raw() as object), event: 'Tea Drunk' };

    expect(wrongWith(refused)).toEqual(['validation_failed /event']);
    expect(theOne(mended, { ...server, receivedAt: NOON + 86_400_000 })).toMatchObject({ kind: 'track', name: 'Tea Drunk', occurredAt: '2026-05-20T11:00:00.000Z' });
  });

  it('does not include an id that is none, which nobody could mend', () => {
    expect(readSegment(aTrack('Tea Drunk', {}, { messageId: '../m' }), server).messageId).toBeUndefined();
    expect(readSegment(aTrack(undefined, {}), server).messageId).toBe('m-1');
  });
});

describe('a batch', () => {
  const calls = [anIdentify({ plan: 'gold' }), aTrack('Tea Drunk', {}, { messageId: 'm-2' })];

  it('is judged call by call: a bad one never sinks the others', () => {
    const items = readSegmentBatch({ batch: [calls[0], 'nonsense', { ...calls[1], type: 'drink' }, calls[1]] }, server, 'batch');

    expect(items.map(wrongWith)).toEqual([[], ['validation_failed '], ['validation_failed /type'], []]);
  });

  it('lends its calls its context, where they have none of their own, and its sending time', () => {
    const context = { traits: { email: 'ada@example.com' }, device: { id: 'D-1' } };
    const own = { ...calls[1], context: { traits: { email: 'eve@example.com' } } };
    const items = readSegmentBatch({ batch: [calls[0], own], context, sentAt: '2026-05-20T11:00:00.000Z' }, server, 'batch');

    expect(items.map((item) => 'observations' in item && inTopic(item.observations, server)[0])).toMatchObject([
      { body: { identifiers: [{ value: 'ada@example.com' }, { value: 'D-1' }], occurredAt: '2026-05-20T12:59:00.000Z' } },
      { body: { identifiers: [{ value: 'eve@example.com' }, { value: 'D-1' }] } },
    ]);
    expect(items[0]!.raw()).toEqual({ ...calls[0], context, integrations: {} });
  });

  it.each([[{}], [{ batch: {} }], [[]], [null], ['']])('must have a list of calls: %j', (body) => {
    expect(readSegmentBatch(body, server, 'batch').map(wrongWith)).toEqual([['validation_failed /batch']]);
  });

  it('has nothing in it when it is empty', () => {
    expect(readSegmentBatch({ batch: [] }, server, 'batch')).toEqual([]);
  });

  it('whose own context or sending time is wrong says so for each call', () => {
    expect(readSegmentBatch({ batch: calls, context: [], sentAt: 'yesterday' }, server, 'batch').map(wrongWith)).toEqual([
      ['validation_failed /context', 'timestamp_out_of_range /sentAt'], ['validation_failed /context', 'timestamp_out_of_range /sentAt'],
    ]);
  });

  it('does not hold what it shares once for each call that this makes too large', () => {
    const [item] = readSegmentBatch({ batch: calls, context: { screen: 'x'.repeat(40_000) } }, server, 'batch');

    expect(wrongWith(item!)).toEqual(['event_too_large ']);
    expect(JSON.stringify(item!.raw()).length).toBeLessThan(1_000);
  });

  it('is not asked for by a path that names a call: the path says the type', () => {
    const [item, ...others] = readSegmentBatch(aCall({ event: 'Tea Drunk' }), server, 'track');

    expect(others).toEqual([]);
    expect(item!.raw()).toMatchObject({ messageId: 'm-1', type: 'track' });
    expect('observations' in item! && inTopic(item.observations, server)).toMatchObject([{ type: 'BehaviourObserved', body: { kind: 'track', name: 'Tea Drunk' } }]);
    expect(observed(aTrack('Tea Drunk'), server, 'page')).toMatchObject([{ body: { kind: 'page' } }]);
  });
});
