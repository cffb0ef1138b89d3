import { streams } from '@yunke/contracts';

import { journey } from './journey.js';

const now = (): string => new Date().toISOString();

journey('an order that is paid has its units set aside, is allocated, shipped, and consumes them, and its customer reads so; one that must wait gets its units when stock arrives', async ({ send, get, said, eventually }) => {
  let serial = 0;
  const stock = (say: Record<string, unknown>): Promise<void> => send({ type: 'StockObserved', messageId: `stock-${(serial += 1)}`, movementId: `${serial}`, occurredAt: now(), sku: 'teapot', warehouse: 'main', ...say });
  const order = (orderId: string, quantity: number, milestones: Record<string, string>): Promise<void> =>
    send({ type: 'OrderObserved', messageId: `order-${(serial += 1)}`, occurredAt: now(), orderId, subject: 'account:grace', currency: 'CNY', lines: [{ lineId: '1', sku: 'teapot', quantity, unitPrice: '80.00' }], ...milestones });
  const answersTo = async (orderId: string) => (await said(streams.inventoryReservations)).filter(({ body }) => body['orderId'] === orderId).map(({ type }) => type);
  const becomes = (orderId: string, status: string) => eventually(async () => expect(await get('orders', `/api/orders/${orderId}`)).toMatchObject({ status }), 30_000);
  await send({ type: 'CustomerObserved', messageId: 'grace', occurredAt: now(), subject: 'account:grace', email: 'grace@example.com', language: 'zh-CN', name: '格蕾丝' });
  await stock({ kind: 'count', quantity: 5 });
  await eventually(async () => expect(await said(streams.inventoryChanges)).toHaveLength(1), 30_000);

  const placedAt = now();
  await order('T1', 3, { placedAt });
  await order('T1', 3, { placedAt, paidAt: now() });
  await becomes('shop:T1', 'allocated');
  await order('T2', 4, { placedAt: now(), paidAt: now() });
  await becomes('shop:T2', 'backordered');
  await order('T1', 3, { placedAt, shippedAt: now() });
  await stock({ kind: 'sale', quantity: -3 });
  await becomes('shop:T1', 'shipped');
  await stock({ kind: 'receipt', quantity: 10 });
  await becomes('shop:T2', 'allocated');

  await eventually(async () => expect(await answersTo('shop:T1')).toEqual(['StockReserved', 'StockConsumed']));
  expect(await answersTo('shop:T2')).toEqual(['StockBackordered', 'StockReserved']);
  const levels = (await said(streams.inventoryChanges)).map(({ body }) => body);
  expect(levels.at(-1)).toMatchObject({ onHand: '12', reserved: '4', available: '8' });
  expect(levels.map(({ seq }) => seq)).toEqual(levels.map((_, index) => String(index + 1)));
  const mail = await eventually(async () => {
    const { items } = await get('notifications', '/api/notifications/mailbox?to=grace@example.com');
    const shipped = items.filter(({ subject }: { subject: string }) => subject.includes('shop:T1') && subject.includes('发货'));
    expect(shipped).toHaveLength(1);
    return shipped[0];
  }, 60_000);
  expect(mail.text).toContain('格蕾丝，您好！');
});
