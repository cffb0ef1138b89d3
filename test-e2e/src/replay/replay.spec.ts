import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { validate } from '@yunke/contracts';
import { throwAwayDatabase } from '@yunke/testing';

import { compareCounts, compareCustomers, compareStock, compareTally, type Profile } from './comparison.js';
import { invoices, outline, type Invoice } from './invoice.js';
import type { Live } from './live.js';
import { londonToUtc } from './london.js';
import { observationsOf, type Observation } from './mapping.js';
import { ODD_CASES, gzipped } from './odd-cases.fixture.js';
import { consult } from './oracle.js';
import { measured } from './report.js';
import { readRows } from './rows.js';
import { readSettings } from './settings.js';
import { compareSilence, type Silence } from './silence.js';
import { requireAllNamed, startTally, type Tally } from './tally.js';

const folder = mkdtempSync(join(tmpdir(), 'yunke-replay-'));
const file = gzipped(ODD_CASES, folder);

afterAll(() => rmSync(folder, { recursive: true }));

async function read(from = file): Promise<{ papers: Invoice[]; said: Observation['body'][]; tally: Tally }> {
  const { tally, add } = startTally();
  const papers: Invoice[] = [];
  for await (const invoice of invoices(readRows(from), await outline(readRows(from)))) {
    add(invoice);
    papers.push(invoice);
  }
  return { papers, tally, said: papers.flatMap(observationsOf).map(({ body }) => body) };
}

describe('reading the file', () => {
  it('keeps the lines of an invoice together, and invoices in the order in which they begin', async () => {
    const { papers } = await read();

    expect(papers.map(({ id, rows }) => [id, rows.map(({ number }) => number)]).slice(0, 3)).toEqual([['536365', [1, 3]], ['536366', [2]], ['C536379', [4]]]);
  });

  it('names the line that is none', async () => {
    const broken = gzipped(ODD_CASES.replace('HEART T-LIGHT,6,', 'HEART T-LIGHT,six,'), folder);

    await expect(read(broken)).rejects.toThrow('Line 1 of the file');
  });

  it('refuses another file, and one that is not there', async () => {
    await expect(read(gzipped('a,b\n1,2\n', folder))).rejects.toThrow('not an Online Retail file');
    await expect(read('/nowhere.csv.gz')).rejects.toThrow('ENOENT');
  });
});

describe('what an invoice says', () => {
  it('is an order at its first line\'s time, line by line as the file has it', async () => {
    const { said } = await read();

    expect(said[0]).toEqual({
      type: 'OrderObserved', messageId: 'order-536365', occurredAt: '2010-12-01T08:26:00.000Z', orderId: '536365', subject: 'account:17850', currency: 'GBP', country: 'United Kingdom',
      placedAt: '2010-12-01T08:26:00.000Z', deliveredAt: '2010-12-01T08:26:00.000Z',
      lines: [{ lineId: '1', sku: '85123A', name: 'HEART T-LIGHT', quantity: 6, unitPrice: '2.55' }, { lineId: '3', sku: '71053', name: 'LANTERN', quantity: 1, unitPrice: '3.39' }],
    });
  });

  it('is a return without an order, its amount rounded half-even line by line and without a sign', async () => {
    const { said } = await read();

    expect(said.find(({ messageId }) => messageId === 'return-C536379')).toEqual({
      type: 'ReturnObserved', messageId: 'return-C536379', occurredAt: '2010-12-01T09:41:00.000Z', returnId: 'C536379', subject: 'account:17850', currency: 'GBP', refundMinor: 2_750,
      lines: [{ lineId: '4', sku: 'D', name: 'Discount', quantity: 1, unitPrice: '27.50' }], refundedAt: '2010-12-01T09:41:00.000Z',
    });
    expect(said.find(({ messageId }) => messageId === 'return-C570001')).toMatchObject({ refundMinor: 2 + 4 + 0 + 300, lines: [{ quantity: 1 }, { quantity: 1 }, { quantity: 3 }, { quantity: 2 }] });
  });

  it('is a movement of stock for a line of negative quantity, beside the order if there is one', async () => {
    const { said } = await read();

    expect(said.filter(({ type }) => type === 'StockObserved')).toEqual([
      { type: 'StockObserved', messageId: 'adjustment-6', occurredAt: '2010-12-01T16:50:00.000Z', movementId: '6', sku: '21777', warehouse: 'main', kind: 'adjustment', quantity: -10 },
      { type: 'StockObserved', messageId: 'adjustment-8', occurredAt: '2010-12-03T10:01:00.000Z', movementId: '8', sku: '22139', warehouse: 'main', kind: 'adjustment', quantity: -5, reason: 'damaged' },
    ]);
    expect(said.find(({ messageId }) => messageId === 'order-537000')).toMatchObject({ subject: 'account:13047', lines: [{ lineId: '7', sku: 'POST' }] });
    expect(said.some(({ messageId }) => messageId === 'order-536589')).toBe(false);
  });

  it('names nobody where no line does, and the one customer whom a line names', async () => {
    const { said } = await read();

    expect(said.find(({ messageId }) => messageId === 'order-536414')).not.toHaveProperty('subject');
    expect(said.find(({ messageId }) => messageId === 'order-536414')!['lines']).toEqual([{ lineId: '5', sku: '22139', quantity: 56, unitPrice: '0.0' }]);
    expect(said.find(({ messageId }) => messageId === 'order-570000')).toMatchObject({ subject: 'account:15618' });
  });

  it('is nothing for the ledger', async () => {
    const { said } = await read();

    expect(said.some(({ messageId }) => messageId.includes('A5631'))).toBe(false);
  });

  it('is what the contract allows, and the same whenever it is said', async () => {
    const { said } = await read();

    expect(said.flatMap((body) => validate(body.type, body))).toEqual([]);
    expect(new Set(said.map(({ messageId }) => messageId)).size).toBe(said.length);
    expect((await read()).said).toEqual(said);
  });
});

describe('the account of the file', () => {
  it('names every odd case', async () => {
    const { tally } = await read();

    expect(tally).toMatchObject({
      lines: 21, invoices: 13, customers: 5, orders: 7, orderLines: 11, returns: 3, returnLines: 6, stockAdjustments: 2, adjustmentInvoices: 1, ledgerAdjustments: 2, ledgerLines: 2,
      linesWithoutCustomer: 7, ordersWithoutCustomer: 1, returnsWithoutCustomer: 1, invoicesWithAndWithoutCustomer: 2, invoicesOfTwoCustomers: 0,
      interleavedInvoices: 1, invoicesWithTwoTimes: 2, invoicesOutOfTimeOrder: 0, negativePrices: 1, tenthOfAPennyPrices: 5, freeLines: 1, freeOrders: 1, freeReturnLines: 1,
      returnLinesOfPositiveQuantity: 1, emptyDescriptions: 2, stockCodesWithSpaces: 1, notGoods: { POST: 1, D: 1, B: 2, AMAZONFEE: 1, 'BANK CHARGES': 1, M: 0 },
      ledger: [{ invoice: 'A563185', amountMinor: 1_106_206 }, { invoice: 'A563186', amountMinor: -1_106_206 }],
    });
    expect(() => requireAllNamed(tally)).not.toThrow();
    expect(() => requireAllNamed({ ...tally, orderLines: 10 })).toThrow('Not all is accounted for');
  });
});

describe('London time', () => {
  it('is an hour ahead of UTC from March to October', () => {
    expect(londonToUtc('2010-12-01 08:26:00')).toBe('2010-12-01T08:26:00.000Z');
    expect(londonToUtc('2011-07-01 00:30:00')).toBe('2011-06-30T23:30:00.000Z');
    expect(londonToUtc('2011-03-27 00:59:59')).toBe('2011-03-27T00:59:59.000Z');
    expect(londonToUtc('2011-03-27 02:00:00')).toBe('2011-03-27T01:00:00.000Z');
    expect(londonToUtc('2011-10-30 00:59:59')).toBe('2011-10-29T23:59:59.000Z');
    expect(londonToUtc('2011-10-30 02:00:00')).toBe('2011-10-30T02:00:00.000Z');
    expect(() => londonToUtc('01/12/2010 08:26')).toThrow(RangeError);
  });

  it('is what PostgreSQL takes it for, around every change of the clocks', async () => {
    const days = ['2010-12-01', '2010-03-28', '2010-10-31', '2011-03-26', '2011-03-27', '2011-10-29', '2011-10-30', '2011-10-31', '2012-03-25', '2012-10-28', '2024-03-31', '2024-10-27'];
    const locals = days.flatMap((day) => Array.from({ length: 96 }, (_, quarter) => `${day} ${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}:00`));
    const client = new Client({ connectionString: await throwAwayDatabase() });
    await client.connect();
    const { rows } = await client.query<{ at: Date }>(`select local::timestamp at time zone 'Europe/London' as at from unnest($1::text[]) with ordinality as given (local, n) order by n`, [locals]);
    await client.end();

    expect(locals.map(londonToUtc)).toEqual(rows.map(({ at }) => at.toISOString()));
  });
});

describe('plain SQL over the file', () => {
  it('finds what a hand finds', async () => {
    const { customers, counts } = await consult(file, await throwAwayDatabase());

    const at = (text: string): number => Date.parse(text);
    expect(customers).toEqual([
      { customer: '12346', orders: 0, revenueMinor: -306, firstOrderAt: null, lastOrderAt: null },
      { customer: '13047', orders: 2, revenueMinor: 370 + 1_800, firstOrderAt: at('2010-12-01T08:26:00Z'), lastOrderAt: at('2010-12-03T10:00:00Z') },
      { customer: '13952', orders: 2, revenueMinor: 0 + 12 + 14 + 1_500, firstOrderAt: at('2011-04-15T08:27:00Z'), lastOrderAt: at('2011-04-15T09:00:00Z') },
      { customer: '15618', orders: 1, revenueMinor: 850 + 850, firstOrderAt: at('2011-10-07T08:00:00Z'), lastOrderAt: at('2011-10-07T08:00:00Z') },
      { customer: '17850', orders: 1, revenueMinor: 1_530 + 339 - 2_750, firstOrderAt: at('2010-12-01T08:26:00Z'), lastOrderAt: at('2010-12-01T08:26:00Z') },
    ]);
    expect(counts).toMatchObject({ orders: 7, returns: 3, ordersWithoutCustomer: 1, returnsWithoutCustomer: 1, returnedMinor: 2_750 + 306 + 10_010 });
  });

  it('agrees with the account of the sender, and leaves nothing behind', async () => {
    const database = await throwAwayDatabase();
    const oracle = await consult(file, database);
    const { tally } = await read();

    expect(compareTally(oracle, tally)).toEqual([]);
    expect(compareTally(oracle, { ...tally, negativePrices: 0 })).toEqual([{ of: 'the report', what: 'negativePrices', expected: 1, found: 0 }]);
    expect(await consult(file, database)).toEqual(oracle);
  });
});

describe('comparing the platform with it', () => {
  const expected = { customer: '17850', orders: 1, revenueMinor: -881, firstOrderAt: 1_291_191_960_000, lastOrderAt: 1_291_191_960_000 };
  const profile: Profile = { profileId: 'p', subjects: ['online-retail:account:17850'], traits: { orders: 1, firstOrderAt: '2010-12-01T08:26:00.000Z', lastOrderAt: '2010-12-01T08:26:00.000Z', money: [{ currency: 'GBP', revenueMinor: -881 }] } };
  const compare = (...profiles: Profile[]) => compareCustomers([expected], profiles, 'online-retail').map(({ of, what }) => [of, what]);

  it('is content with the same, and with other sources beside it', () => {
    expect(compare(profile, { ...profile, profileId: 'q', subjects: ['shop:account:17850'] })).toEqual([]);
  });

  it('sees a wrong number, a missing and a surplus customer, and two that became one', () => {
    expect(compare({ ...profile, traits: { ...profile.traits, orders: 2, money: [] } })).toEqual([['17850', 'orders'], ['17850', 'revenueMinor']]);
    expect(compare()).toEqual([['17850', 'profile']]);
    expect(compare(profile, { ...profile, subjects: ['online-retail:account:1'] })).toEqual([['1', 'profile']]);
    expect(compare({ ...profile, subjects: [...profile.subjects, 'online-retail:account:1'] })).toEqual([['17850', 'alone in the profile'], ['1', 'profile']]);
  });

  it('sees orders and returns of nobody that are missing', async () => {
    const oracle = await consult(file, await throwAwayDatabase());

    expect(compareCounts(oracle, { orders: 7, unattributed: 1, returns: 3, unattributedReturns: 1 })).toEqual([]);
    expect(compareCounts(oracle, { orders: 7, unattributed: 0, returns: 3, unattributedReturns: 2 }).map(({ what }) => what)).toEqual(['unattributed', 'unattributedReturns']);
  });
});

describe('comparing the stock with it', () => {
  it('sees a level that is wrong, missing or one too many', () => {
    expect(compareStock([{ sku: 'A', onHand: -3 }, { sku: 'B', onHand: -1 }, { sku: 'C', onHand: -2 }], [{ sku: 'A', onHand: -3 }, { sku: 'B', onHand: -2 }, { sku: 'D', onHand: 1 }]).map(({ of, expected, found }) => [of, expected, found]))
      .toEqual([['B', -1, -2], ['C', -2, 'nothing'], ['D', 'nothing', 1]]);
  });
});

const silence: Silence = { orders: 5, memberships: 9, negativeLevels: 3, intents: 0, mails: 0, alerts: 0 };

describe('what history led to', () => {
  const live: Live = { orderMails: 1, alerts: 1, staffMails: 1 };
  const found = (say: Partial<Silence>, came: Partial<Live> = {}) => compareSilence({ ...silence, ...say }, { ...live, ...came }).map(({ what }) => what);

  it('must be nothing, of something; and what happens now must be told once', () => {
    expect(found({})).toEqual([]);
    expect([found({ intents: 1 }), found({ mails: 1 }), found({ alerts: 2 })]).toEqual([['intents'], ['mails'], ['alerts']]);
    expect([found({ orders: 0 }), found({ memberships: 0 }), found({ negativeLevels: 0 })]).toEqual([['orders'], ['memberships'], ['negativeLevels']]);
    expect([found({}, { orderMails: 0 }), found({}, { orderMails: 2 }), found({}, { alerts: 0 }), found({}, { staffMails: 0 })]).toEqual([['orderMails'], ['orderMails'], ['alerts'], ['staffMails']]);
  });
});

describe('what is written', () => {
  it('names lines, invoices, customers, what differs and the rate of observations', async () => {
    const sent = { tally: (await read()).tally, began: 1_000, observations: 12, accepted: 12, duplicate: 0, quarantined: 0, refused: [], seconds: 2 };
    const counts = { orders: 7, unattributed: 1, returns: 3, unattributedReturns: 1 };

    expect(measured(sent, undefined)).toMatchObject({ lines: 21, invoices: 13, customers: 5, differing: null, events_per_s: 6 });
    expect(measured(sent, { customers: 5, differing: 1, differences: [], counts, parkedKeys: 0, digested: 5_000, silence, live: { orderMails: 1, alerts: 1, staffMails: 1 } })).toMatchObject({ differing: 1, digestedSeconds: 4, digestedEventsPerSecond: 3, counts, fromHistory: silence });
  });
});

describe('the command line', () => {
  it('takes a file and where the platform is', () => {
    const settings = readSettings(['a.csv.gz', '--url', 'http://a:1/', '--at', 'orders=http://b:2', '--token', 't', '--check'], {});

    expect(settings).toMatchObject({ file: 'a.csv.gz', token: 't', source: 'online-retail', check: true, urls: { ingestion: 'http://a:1', orders: 'http://b:2' } });
    expect(() => readSettings(['a.csv.gz'], { YUNKE_DATA: '/nowhere' })).toThrow('no API token');
    expect(() => readSettings(['--check', '--token', 't'], {})).toThrow('Name one file');
    expect(() => readSettings(['a', '--token', 't', '--at', 'console=x'], {})).toThrow('--at takes');
    expect(readSettings(['a', '--platform', 'split', '--kill'], {})).toMatchObject({ platform: 'split', kill: true });
    expect(() => readSettings(['a', '--platform', 'two'], {})).toThrow('one or split');
    expect(() => readSettings(['a', '--token', 't', '--kill'], {})).toThrow('--kill kills only');
  });
});
