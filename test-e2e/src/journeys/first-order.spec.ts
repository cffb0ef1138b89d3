import { streams } from '@yunke/contracts';

import { journey } from './journey.js';

const now = (): string => new Date().toISOString();

journey('a shopper who places an order becomes a person, the order has a state, and the segments say so', async ({ send, get, said, eventually }) => {
  await send({ type: 'OrderObserved', messageId: 'first-order', occurredAt: now(), orderId: 'A1', subject: 'account:ada', currency: 'CNY', placedAt: now(), lines: [{ lineId: '1', sku: 'tea', quantity: 3, unitPrice: '100.00' }] });

  const { items } = await eventually(async () => {
    const found = await get('segmentation', '/api/segmentation/segments/lifecycle.first/members');
    expect(found.items).toHaveLength(1);
    return found;
  }, 30_000);
  const order = await get('orders', '/api/orders/shop:A1');
  const profile = await get('segmentation', `/api/segmentation/profiles/${items[0].profileId}`);
  const changes = await eventually(async () => {
    const all = (await said(streams.segmentationChanges)).filter(({ body }) => body['profileId'] === items[0].profileId);
    expect(all.map(({ body }) => body['segment'])).toEqual(expect.arrayContaining(['lifecycle.first', 'activity.new', 'value.middle']));
    return all;
  });

  expect(order).toMatchObject({ orderId: 'shop:A1', status: 'placed', totalMinor: '30000', subject: 'shop:account:ada' });
  expect(profile).toMatchObject({ subjects: ['shop:account:ada'], traits: { orders: 1, money: [{ currency: 'CNY', revenueMinor: 30_000 }] } });
  expect(profile.memberships.find(({ segment }: { segment: string }) => segment === 'value.middle').proof).toEqual(expect.arrayContaining([expect.objectContaining({ holds: true })]));
  expect(changes.map(({ body }) => body['seq'])).toEqual(changes.map((_, index) => String(index + 1)));
});
