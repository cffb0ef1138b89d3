import { normalise } from './identifier.js';
import { components, type Decision, type Evidence, type Log, type Seen } from './resolve.component.js';
import { LARGEST_COMPONENT, resolve, type Refused } from './resolve.js';

/** What a source told, in its own words: who, when, and with which identifiers. */
type Heard = { who: string; at?: number; verified?: boolean; carries?: Record<string, string> };

function logOf(heard: Heard[], decisions: Decision[] = []): Log {
  const seen: Seen[] = [];
  const evidence: Evidence[] = [];
  for (const { who, at = 1, verified = true, carries = {} } of heard) {
    seen.push({ subject: who, acceptedAt: at, firstSeenAt: at });
    for (const [type, value] of Object.entries(carries)) {
      const identifier = normalise({ type, value }, who.split(':')[0]!);
      if ('value' in identifier) evidence.push({ subject: who, ...identifier, version: [at, at, `m${at}`], verified });
    }
  }
  return { seen, evidence, decisions };
}

function people(heard: Heard[], decisions: Decision[] = []): { people: string[][]; refused: Refused[]; oldest: string[] } {
  const resolutions = components(logOf(heard, decisions)).map(resolve);
  const all = resolutions.map((each) => (each.stale ? { profiles: [], refused: [] } : each));
  const profiles = all.flatMap((each) => each.profiles);
  return { people: profiles.map((each) => each.subjects), refused: all.flatMap((each) => each.refused), oldest: profiles.map((each) => each.oldest) };
}

const pair = (kind: 'link' | 'cannot-link', a: string, b: string, at = 1): Decision => ({ kind, a, b, version: [at, at, `d${at}`] });
const mobile = '13800138000';

describe('what makes one person', () => {
  it('a customer of two shops with one verified phone is one person, under the id of the older account', () => {
    const found = people([{ who: 'web:account:1', at: 5, carries: { phone: mobile } }, { who: 'pos:account:9', at: 2, carries: { phone: `+86 ${mobile}` } }]);
    expect(found).toEqual({ people: [['pos:account:9', 'web:account:1']], refused: [], oldest: ['pos:account:9'] });
  });

  it('a visitor who logs in is one person with the account, before and after', () => {
    const found = people([{ who: 'web:anonymous:x', at: 1 }, { who: 'web:account:1', at: 2, verified: false, carries: { anonymous: 'x' } }]);
    expect(found).toMatchObject({ people: [['web:account:1', 'web:anonymous:x']], oldest: ['web:anonymous:x'] });
  });

  it('a late unionid brings together what two apps knew by openid', () => {
    const before = [
      { who: 'mini:account:a', at: 1, carries: { 'wechat-openid': 'wx1:o1' } },
      { who: 'shop:account:b', at: 2, carries: { 'wechat-openid': 'wx2:o2' } },
    ];
    const late = [{ who: 'mini:account:a', at: 8, carries: { unionid: 'u' } }, { who: 'shop:account:b', at: 9, carries: { unionid: 'u' } }];
    expect(people(before).people).toHaveLength(2);
    expect(people([...before, ...late])).toMatchObject({ people: [['mini:account:a', 'shop:account:b']], oldest: ['mini:account:a'] });
  });

  it('a guest order belongs to the account that has its e-mail', () => {
    const found = people([{ who: 'web:account:1', carries: { email: 'ada@example.com' } }, { who: 'web:order-contact:A1', carries: { email: 'Ada@Example.com' } }]);
    expect(found.people).toEqual([['web:account:1', 'web:order-contact:A1']]);
  });

  it('says by which identifier groups became one, the strongest first', () => {
    const log = logOf([
      { who: 'web:account:1', at: 1, carries: { phone: mobile, email: 'ada@example.com' } },
      { who: 'pos:account:2', at: 2, carries: { phone: mobile } },
      { who: 'app:account:3', at: 3, carries: { email: 'ada@example.com' } },
    ]);
    expect(components(log).map(resolve)).toMatchObject([{
      profiles: [{ firstSeenAt: 1 }],
      united: [
        { type: 'phone', a: 'pos:account:2', b: 'web:account:1' },
        { type: 'email', a: 'app:account:3', b: 'web:account:1' },
      ],
    }]);
  });
});

describe('what never makes one person', () => {
  it('a phone shared by two accounts of one shop stays with the first to have it, and the refusal is shown', () => {
    const found = people([{ who: 'web:account:1', at: 1, carries: { phone: mobile } }, { who: 'web:account:2', at: 2, carries: { phone: mobile } }]);
    expect(found.people).toEqual([['web:account:1'], ['web:account:2']]);
    expect(found.refused).toEqual([{ subject: 'web:account:2', type: 'phone', value: '+8613800138000', reason: 'single' }]);
  });

  it('an office phone on more accounts than one person has is generic, and guests with it are nobody\'s', () => {
    const office = Array.from({ length: 6 }, (_, i) => ({ who: `shop${i}:account:${i}`, at: i, carries: { phone: mobile } }));
    const found = people([...office, { who: 'web:order-contact:A1', carries: { phone: mobile } }]);
    expect(found.people).toHaveLength(7);
    expect(found.refused.map(({ reason }) => reason)).toEqual(Array(7).fill('generic'));
    expect(people(office.slice(1)).people).toHaveLength(1);
  });

  it('an identifier that is generic stays so when accounts are taken off it, until a person lifts it', () => {
    const office = Array.from({ length: 6 }, (_, i) => ({ who: `shop${i}:account:${i}`, at: i, carries: { phone: mobile } }));
    const value = '+8613800138000';
    expect(people(office, [{ kind: 'revoke', subject: 'shop0:account:0', type: 'phone', value }]).people).toHaveLength(6);
    expect(people(office, [{ kind: 'lift', type: 'phone', value }]).people).toHaveLength(1);
  });

  it('a tablet on which two customers log in by turns makes them no couple, and a shop tablet links nobody', () => {
    const login = (id: number) => ({ who: `web:account:${id}`, at: 10 + id, verified: false, carries: { anonymous: 'tablet' } });
    const two = people([{ who: 'web:anonymous:tablet', at: 1 }, login(1), login(2), { ...login(1), at: 13 }]);
    expect(two.people).toEqual([['web:account:2'], ['web:account:1', 'web:anonymous:tablet']]);
    expect(two.refused).toMatchObject([{ subject: 'web:account:2', reason: 'single' }]);
    expect(people([{ who: 'web:anonymous:tablet', at: 1 }, ...[1, 2, 3, 4].map(login)]).people).toHaveLength(5);
  });

  it('a device that two shops saw, even verified, does not unite their accounts', () => {
    const found = people([{ who: 'web:account:1', at: 1, carries: { idfa: 'D-1' } }, { who: 'app:account:2', at: 2, carries: { idfa: 'D-1' } }]);
    expect(found.people).toHaveLength(2);
    expect(found.refused).toMatchObject([{ subject: 'app:account:2', reason: 'weak' }]);
  });

  it.each([['phone', 'null'], ['phone', '18877771111-123'], ['phone', '138****8000'], ['email', 'undefined'], ['oaid', 'x1'], ['unionid', '0']])(
    'everybody whose %s is %p stays apart', (type, value) => {
      expect(people([1, 2, 3].map((id) => ({ who: `shop${id}:account:${id}`, carries: { [type]: value } }))).people).toHaveLength(3);
    });

  it('a test account that is heard ten thousand times is one account and draws nobody in', () => {
    const tests = Array.from({ length: 10_000 }, (_, i) => ({ who: 'web:account:test', at: i, carries: { phone: mobile } }));
    const found = people([...tests, { who: 'web:account:ada', at: 5, carries: { phone: mobile } }]);
    expect(found.people).toEqual([['web:account:ada'], ['web:account:test']]);
  });

  it('the recipient of a gift keeps their account when the buyer\'s order carries their phone', () => {
    const found = people([
      { who: 'web:account:buyer', at: 1, carries: { email: 'buyer@example.com' } },
      { who: 'web:account:recipient', at: 2, carries: { phone: mobile } },
      { who: 'web:order-contact:A1', at: 3, carries: { email: 'buyer@example.com', phone: mobile } },
    ]);
    expect(found.people).toEqual([['web:account:buyer'], ['web:account:recipient', 'web:order-contact:A1']]);
    expect(found.refused).toMatchObject([{ subject: 'web:order-contact:A1', type: 'email', reason: 'single' }]);
  });

  it('a recycled phone does not make its new owner the old one, where WeChat knows both', () => {
    const found = people([
      { who: 'taobao:account:old', at: 1, carries: { phone: mobile, unionid: 'u1' } },
      { who: 'web:account:new', at: 900, carries: { phone: mobile, unionid: 'u2' } },
    ]);
    expect(found.people).toHaveLength(2);
    expect(found.refused).toMatchObject([{ subject: 'web:account:new', type: 'phone', reason: 'single' }]);
  });

  it('an e-mail that somebody typed in a browser gives them nobody\'s account', () => {
    const carries = { email: 'ada@example.com' };
    const found = people([{ who: 'web:account:ada', carries }, { who: 'app:account:eve', verified: false, carries }]);
    expect(found.people).toHaveLength(2);
    expect(found.refused).toMatchObject([{ subject: 'app:account:eve', reason: 'unverified' }]);
  });

  it('a browser cannot take a guest\'s order from the customer whose verified e-mail it carries', () => {
    const found = people([
      { who: 'web:order-contact:A1', at: 1, carries: { phone: mobile, email: 'ada@example.com' } },
      { who: 'app:account:eve', at: 2, verified: false, carries: { phone: mobile } },
      { who: 'pos:account:ada', at: 3, carries: { email: 'ada@example.com' } },
    ]);
    expect(found.people).toEqual([['app:account:eve'], ['pos:account:ada', 'web:order-contact:A1']]);
  });
});

describe('what people decide', () => {
  const two = [{ who: 'web:account:1', at: 1, carries: { phone: mobile } }, { who: 'pos:account:2', at: 2, carries: { phone: mobile } }];

  it('a revoked identifier separates, gives the old ids back, and stays revoked when it is heard again', () => {
    const revoke: Decision = { kind: 'revoke', subject: 'pos:account:2', type: 'phone', value: '+8613800138000' };
    expect(people(two).oldest).toEqual(['web:account:1']);
    expect(people(two, [revoke]).oldest).toEqual(['pos:account:2', 'web:account:1']);
    expect(people([...two, { ...two[1]!, at: 9 }], [revoke]).people).toHaveLength(2);
  });

  it('a cannot-link stands above every identifier and every link, whenever it was said', () => {
    const apart = pair('cannot-link', 'pos:account:2', 'web:account:1', 5);
    expect(people(two, [apart])).toMatchObject({ people: [['pos:account:2'], ['web:account:1']], refused: [{ type: 'phone', reason: 'cannot-link' }] });
    expect(people(two, [apart, pair('link', 'web:account:1', 'pos:account:2', 9)])).toMatchObject({
      people: [['pos:account:2'], ['web:account:1']],
      refused: [{ subject: 'pos:account:2', type: 'link', value: 'web:account:1', reason: 'cannot-link' }, { type: 'phone', reason: 'cannot-link' }],
    });
  });

  it('a cannot-link holds across third parties', () => {
    const friend = { who: 'app:account:3', at: 3, carries: { phone: mobile } };
    const found = people([...two, friend], [pair('cannot-link', 'app:account:3', 'web:account:1')]);
    expect(found.people).toEqual([['app:account:3'], ['pos:account:2', 'web:account:1']]);
  });

  it('a link makes one person of two accounts of one shop, and no third joins by an identifier', () => {
    const shop = [1, 2, 3].map((id) => ({ who: `web:account:${id}`, at: id, carries: { phone: mobile } }));
    const found = people(shop, [pair('link', 'web:account:2', 'web:account:1')]);
    expect(found.people).toEqual([['web:account:1', 'web:account:2'], ['web:account:3']]);
  });

  it('a decision about somebody unseen waits for them', () => {
    const decisions = [pair('link', 'web:account:1', 'web:account:late')];
    expect(people([{ who: 'web:account:1' }], decisions).people).toEqual([['web:account:1']]);
    expect(people([{ who: 'web:account:1' }, { who: 'web:account:late', at: 9 }], decisions).people).toHaveLength(1);
  });
});

describe('a component that is too large', () => {
  it('is not resolved', () => {
    const guests = Array.from({ length: LARGEST_COMPONENT }, (_, i) => ({ who: `web:order-contact:${i}`, at: i, carries: { email: 'ada@example.com' } }));
    expect(components(logOf(guests)).map(resolve)).toEqual([{ stale: true, nodes: LARGEST_COMPONENT + 1 }]);
    expect(components(logOf(guests.slice(1))).map(resolve)).toMatchObject([{ stale: false }]);
  });
});
