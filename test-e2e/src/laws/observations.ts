import type { Fact, Identifier, Line as SaidLine } from '@yunke/contracts';
import { DAY, HOUR, iso, type Millis } from '@yunke/kernel';

import type { Accepted, Carried, Line, Order, OrderState, Return, ReturnState, Shipment, Sight, Source, World } from './histories.js';

/** An observation as ingestion says it. */
export type Observation = Extract<Fact, { type: 'CustomerObserved' | 'BehaviourObserved' | 'CartObserved' | 'OrderObserved' | 'ShipmentObserved' | 'ReturnObserved' }>;

/** For whom a history is written: a number below 10,000 that is in all their names, and the instant of telling. */
export type Telling = { readonly run: number; readonly base: Millis };

/** In one world: its mark, which is in every name, and how to make an observation of a body. */
type Pen = { readonly mark: string; readonly digits: string; readonly base: Millis; readonly say: (type: Observation['type'], source: Source, accepted: Accepted, body: object) => void };

/** Nothing that is told happened later than this before the telling, and nothing was accepted later than that. */
const LATEST_AGO = 2 * HOUR;
const LATEST_ACCEPTED_AGO = HOUR / 6;
const MINUTE = HOUR / 60;
const MILESTONES = ['placedAt', 'reviewedAt', 'paidAt', 'allocatedAt', 'pickedAt', 'packedAt', 'shippedAt', 'inTransitAt', 'outForDeliveryAt', 'deliveredAt', 'completedAt'];
const PARCEL = ['shippedAt', 'inTransitAt', 'outForDeliveryAt', 'deliveredAt'];

/** The observations of each world, world by world. */
export function written(worlds: readonly World[], { run, base }: Telling): Observation[][] {
  return worlds.map((world, place) => {
    const observations: Observation[] = [];
    const [name, number] = [String(run).padStart(4, '0'), String(place).padStart(2, '0')];
    const mark = `r${name}-w${number}`;
    const say: Pen['say'] = (type, source, accepted, body) => {
      const common = { source, messageId: `${mark}-m${observations.length}`, acceptedAt: iso(acceptedAt(body, accepted, base)), history: false };
      observations.push({ type, body: { ...common, ...body } } as unknown as Observation);
    };
    const pen: Pen = { mark, digits: `15${name}${number}`, base, say };
    for (const sight of world.sights) writeSight(pen, sight);
    for (const [index, order] of world.orders.entries()) writeOrders(pen, order, index);
    for (const [index, one] of world.returns.entries()) writeReturn(pen, one, { id: `alone-${index}`, own: 'o0', worth: 10_000 });
    return observations;
  });
}

/** The same text without the number of those for whom it was written. */
export const unnamed = (text: string): string => text.replace(/r\d{4}-w/g, 'r0000-w').replace(/((?:\+49 ?|0049)15)\d{4}/g, '$10000');

function acceptedAt(body: object, accepted: Accepted, base: Millis): Millis {
  const latest = base - LATEST_ACCEPTED_AGO;
  if (accepted === 'lately') return latest;
  const told = Object.entries(body).flatMap(([name, value]) => (name.endsWith('At') ? [Date.parse(value as string)] : []));
  return Math.min(latest, Math.max(...told) + accepted);
}

const since = ({ base }: Pen, ago: number, after = 0): string => iso(Math.min(base - LATEST_AGO, base - ago + after));
const subject = ({ mark }: Pen, who: string): string => (who === 'nobody' ? '' : who.replace(/\d+$/, (n) => `${mark}-${n}`));
const phone = ({ digits }: Pen, n: string): string => `${n === '1' ? '+49' : '0049'}${digits}${n}`;
const email = ({ mark }: Pen, n: string): string => `ada${n}@${mark}.test`;

/** The same identifier is written in several ways. */
function identifiers(pen: Pen, carries: readonly Carried[], way: number): Identifier[] {
  return carries.map((carried): Identifier => {
    const [type, n] = carried.split(':') as [string, string];
    switch (type) {
      case 'phone': return { type, value: way % 2 ? phone(pen, n).replace(/^(\+|00)49/, '+49 ') : phone(pen, n) };
      case 'email': return { type, value: way % 2 ? email(pen, n).replace('ada', 'ADA') : email(pen, n) };
      case 'card': return { type: 'external:card', value: `${pen.mark}-card` };
      case 'masked': return { type: 'email', value: `a****@${pen.mark}.test` };
      case 'nothing': return { type: 'unionid', value: '00000000-0000-0000' };
      default: return { type, value: `${pen.mark}-${n}` };
    }
  });
}

function writeSight(pen: Pen, { kind, who, ago, accepted, verified, carries, fields }: Sight): void {
  const source = who.split(':')[0] as Source;
  const common = { subject: subject(pen, who), occurredAt: since(pen, ago), verified, identifiers: identifiers(pen, carries, ago) };
  if (kind === 'page') return pen.say('BehaviourObserved', source, accepted, { ...common, kind: 'page', name: 'Tea' });
  if (kind === 'cart') return pen.say('CartObserved', source, accepted, { ...common, cartId: `${pen.mark}-cart`, action: 'viewed', lines: [] });
  const contacts = { ...(fields.email && { email: email(pen, fields.email) }), ...(fields.phone && { phone: phone(pen, fields.phone) }) };
  pen.say('CustomerObserved', source, accepted, { ...common, ...fields, ...contacts });
}

/** An order with its parcels and returns; and the same again a week earlier, and a week before that, as it was first told. */
function writeOrders(pen: Pen, order: Order, index: number): void {
  for (let again = 0; again < order.times; again++) {
    const id = again === 0 ? `o${index}` : `o${index}-${again}`;
    const ago = order.ago + again * 7 * DAY;
    for (const state of again === 0 ? order.states : order.states.slice(0, 1)) writeOrder(pen, { ...order, ago }, state, id);
  }
  for (const shipment of order.shipments) writeShipment(pen, order, shipment, `o${index}`);
  for (const [n, one] of order.returns.entries()) writeReturn(pen, one, { id: `o${index}-${n}`, own: `o${index}`, worth: worthOf(order.states[0]!) });
}

function writeOrder(pen: Pen, { source, ago, ranked, currency }: Order, state: OrderState, id: string): void {
  const { rank, after, skips, reached, cancelledAfter, verified, accepted, totalMinor, shippingMinor, discountMinor } = state;
  const isGuest = state.who === 'contact';
  const milestones = MILESTONES.slice(skips, reached).map((milestone, place) => [milestone, since(pen, ago, (5 * (skips + place) + 7 * (rank - 1)) * MINUTE)]);
  const contact = isGuest ? { email: email(pen, '1'), ...(rank % 2 && { phone: phone(pen, '2') }), country: 'CN' } : {};
  pen.say('OrderObserved', source, accepted, {
    subject: isGuest ? `${source}:order-contact:${pen.mark}-${id}` : subject(pen, state.who), occurredAt: since(pen, ago, after), verified, identifiers: identifiers(pen, state.carries, ago),
    orderId: `${source}:${pen.mark}-${id}`, ...(ranked && { version: String(rank) }), ...(currency && { currency }), lines: lines(state.lines), ...Object.fromEntries(milestones), ...contact,
    ...(cancelledAfter !== undefined && { cancelledAt: since(pen, ago, cancelledAfter) }), ...minors({ totalMinor, shippingMinor, discountMinor }),
  });
}

const worthOf = ({ totalMinor, lines: all }: OrderState): number => totalMinor ?? all.reduce((sum, { minor }) => sum + minor, 0);
const minors = (amounts: Record<string, number | undefined>): Record<string, string> => Object.fromEntries(Object.entries(amounts).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
const lines = (all: readonly Line[]): SaidLine[] => all.map(({ id, sku, quantity, minor }) => ({ lineId: id, sku, quantity: String(quantity), totalMinor: String(minor) }));

function writeShipment(pen: Pen, { source, ago, ranked }: Order, { parcel, rank, after, accepted, reached }: Shipment, id: string): void {
  const milestones = PARCEL.slice(0, reached).map((milestone, place) => [milestone, since(pen, ago, after + (9 * place + rank) * MINUTE)]);
  pen.say('ShipmentObserved', source, accepted, {
    occurredAt: since(pen, ago, after), verified: true, orderId: `${source}:${pen.mark}-${id}`, shipmentId: `p${parcel}`, ...(ranked && { version: String(rank) }), ...Object.fromEntries(milestones),
  });
}

function writeReturn(pen: Pen, { source, ago, ranked, currency = 'CNY', states }: Return, { id, own, worth }: { id: string; own: string; worth: number }): void {
  for (const state of states) writeReturnState(state);

  function writeReturnState({ rank, after, accepted, who, carries, at, share, received, refunded, lines: said }: ReturnState): void {
    const orderId = { own, other: own === 'o0' ? 'o1' : 'o0', none: undefined }[at];
    pen.say('ReturnObserved', source, accepted, {
      subject: subject(pen, who), occurredAt: since(pen, ago, after), verified: true, identifiers: identifiers(pen, carries, ago), returnId: `${source}:${pen.mark}-${id}`,
      ...(orderId && { orderId: `${source}:${pen.mark}-${orderId}` }), ...(ranked && { version: String(rank) }), currency, ...(share !== undefined && { refundMinor: String(Math.floor(worth * share)) }),
      lines: lines(said), ...(received && { receivedAt: since(pen, ago, after) }), ...(refunded && { refundedAt: since(pen, ago, after + rank * MINUTE) }),
    });
  }
}
