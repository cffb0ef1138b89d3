import { streams, type Fact, type Messages } from '@yunke/contracts';
import { iso } from '@yunke/kernel';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { inventory } from './inventory.module.js';

const NOW = Date.now();
let serial = 0;

/** A source's words about stock: shop counts 50 of `tea` in `main`, unless told otherwise. */
const stock = (say: Partial<Messages['StockObserved']> = {}): Fact => {
  const at = say.occurredAt ?? iso(NOW + (serial += 1));
  return { type: 'StockObserved', body: { source: 'shop', messageId: `m${serial}`, occurredAt: at, acceptedAt: at, history: false, verified: true, sku: 'tea', warehouse: 'main', movementId: `shop:${serial}`, kind: 'count', quantity: '50', ...say } };
};

describe('inventory', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(inventory); });
  afterAll(() => service.stop());

  const levelsOf = async (sku: string) => (await service.said(streams.inventoryChanges)).filter(({ body }) => body['sku'] === sku);
  const ledgerOf = (sku: string) => service.db.query<{ kind: string; delta: number }>('select kind, delta::int as delta from stock_ledger where sku = $1 order by rank', [sku]);

  it('says each level once, numbered, and nothing of what repeats a movement', async () => {
    const [count, sale] = [stock({ sku: 'once' }), stock({ sku: 'once', kind: 'sale', quantity: '-2' })];
    await service.hear(count, sale, sale, stock({ sku: 'once', kind: 'receipt', quantity: '10' }));

    await eventually(async () => expect((await levelsOf('once')).map(({ body }) => [body['seq'], body['onHand'], body['available'], body['reason']])).toEqual([['1', '50', '50', 'event'], ['2', '48', '48', 'event'], ['3', '58', '58', 'event']]));
    expect(await ledgerOf('once')).toEqual([{ kind: 'count', delta: 50 }, { kind: 'sale', delta: -2 }, { kind: 'receipt', delta: 10 }]);
  });

  it('books a late sale behind the count that already knew of it', async () => {
    await service.hear(stock({ sku: 'late', version: '1', quantity: '20' }), stock({ sku: 'late', version: '3', quantity: '12' }), stock({ sku: 'late', version: '4', kind: 'receipt', quantity: '5' }));
    await eventually(async () => expect((await levelsOf('late')).at(-1)?.body['onHand']).toBe('17'));
    await service.hear(stock({ sku: 'late', version: '2', kind: 'sale', quantity: '-6' }), stock({ sku: 'late', version: '5', kind: 'sale', quantity: '-1' }));

    await eventually(async () => expect((await levelsOf('late')).map(({ body }) => body['onHand'])).toEqual(['20', '12', '17', '16']));
    expect((await ledgerOf('late')).map(({ delta }) => delta)).toEqual([20, -6, -2, 5, -1]);
  });

  it('knows what is on its way until it is received', async () => {
    await service.hear(stock({ sku: 'coming', kind: 'expected', quantity: '30' }), stock({ sku: 'coming', kind: 'receipt', quantity: '10' }));

    await eventually(async () => expect((await levelsOf('coming')).map(({ body }) => [body['onHand'], body['incoming']])).toEqual([['0', '30'], ['10', '20']]));
  });
});
