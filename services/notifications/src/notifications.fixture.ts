import type { Fact, Messages } from '@yunke/contracts';
import { iso } from '@yunke/kernel';

export const profileOf = (name: string): string => Buffer.from(name.padEnd(16, '.')).toString('hex');

/** A person with an address, as identity records it. */
export const recorded = (name: string, golden: Record<string, string> = {}, say: Partial<Messages['ProfileRecorded']> = {}): Fact => ({
  type: 'ProfileRecorded',
  body: {
    profileId: profileOf(name), version: '1', decision: '1', subjects: [`shop:account:${name}`], acceptedAt: iso(Date.now()), stale: false, reason: 'event',
    golden: Object.entries({ email: `${name}@example.com`, ...golden }).map(([field, value]) => ({ field, value, source: 'shop', occurredAt: iso(Date.now()) })), ...say,
  },
});

export const placed = (orderId: string, name: string, say: Partial<Messages['OrderPlaced']> = {}): Fact => ({
  type: 'OrderPlaced',
  body: {
    orderId, seq: '1', effectiveAt: iso(Date.now()), acceptedAt: iso(Date.now()), reason: 'event', cause: 'a record',
    order: { subject: `shop:account:${name}`, formerSubjects: [], status: 'placed', placedAt: iso(Date.now()), currency: 'CNY', totalMinor: '12800', refundedMinor: '0', refunds: [] }, ...say,
  },
});

export const entered = (name: string, segment = 'value.high', say: Partial<Messages['SegmentEntered']> = {}): Fact => ({
  type: 'SegmentEntered',
  body: { profileId: profileOf(name), segment, seq: '1', effectiveAt: iso(Date.now()), acceptedAt: iso(Date.now()), reason: 'event', cause: 'a record', ruleVersion: '1', proof: [], ...say },
});

export const alertOpened = (sku: string, say: Partial<Messages['StockAlertOpened']> = {}): Fact => ({
  type: 'StockAlertOpened',
  body: { alertId: `alert-${sku}`, kind: 'shortage', sku, warehouse: 'main', available: '2', threshold: '5', effectiveAt: iso(Date.now()), acceptedAt: iso(Date.now()), reason: 'event', cause: 'a record', ...say },
});

/** The service's API as an operator asks it. */
export function operator(service: () => { readonly baseUrl: string; readonly credentials: { readonly apiToken: string } }) {
  const call = (method: string) => async (path: string, body?: object): Promise<{ status: number; body: any }> => {
    const { baseUrl, credentials } = service();
    const response = await fetch(`${baseUrl}/api/notifications${path}`, { method, headers: { authorization: `Bearer ${credentials.apiToken}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, body: await response.json() };
  };
  const get = call('GET');
  return {
    get, post: call('POST'), put: call('PUT'), delete: call('DELETE'),
    mailTo: async (name: string): Promise<any[]> => (await get(`/mailbox?to=${name}@example.com`)).body.items,
    intentsOf: async (name: string): Promise<any[]> => (await get(`/intents?profileId=${profileOf(name)}`)).body.items,
  };
}
