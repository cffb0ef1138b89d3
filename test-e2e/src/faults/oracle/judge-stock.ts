import type { Sent } from '../load/journal.js';
import { query, type Evidence } from './evidence.js';
import { checkSequence, type Findings } from './findings.js';
import type { Ledger } from './ledger.js';

type Known = { readonly findings: Findings; readonly ledger: Ledger; readonly section: string; readonly accepted: readonly Sent[] };
type Row = { readonly id: string; readonly ask: number; readonly seq: number; readonly state: string; readonly held: number };

/** What a reservation may be, by how far its order has come: placed, paid, shipped, delivered. One that orders let lapse is released until then. */
const STATES: readonly (readonly string[])[] = [['none'], ['reserved', 'backordered'], ['consumed'], ['consumed']];
const LAPSED: readonly (readonly string[])[] = [['none'], ['released'], ['consumed', 'released'], ['consumed', 'released']];

/**
 * Every unit that came in is on hand, once; every paid order's latest ask is answered, once, as orders knows it; what is set aside is what
 * orders hold, and never more than there is.
 */
export async function checkStock(evidence: Evidence, { findings, ledger, section, accepted }: Known): Promise<void> {
  const inventory = evidence.databaseUrl('inventory');
  const like = [`shop:${section}-%`];
  const [rows, asks] = await Promise.all([
    query<Row>(inventory, `select order_id as id, ask::int as ask, seq::int as seq, state, (select coalesce(sum(quantity), 0)::int from reserved_lines l where l.order_id = r.order_id) as held from reservations r where order_id like $1`, like),
    query<{ id: string; ask: number; lapsed: boolean }>(evidence.databaseUrl('orders'), `select id, (state->'saga'->>'ask')::int as ask, coalesce((state->'saga'->>'lapsed')::boolean, false) as lapsed from orders where id like $1 and state->'saga' is not null`, like),
  ]);
  const [reservations, asked] = [new Map(rows.map((row) => [row.id, row])), new Map(asks.map((row) => [row.id, row]))];
  for (const [orderId, { reached, quantity }] of wantedBy(accepted)) {
    const { state, ask, seq, held } = reservations.get(orderId) ?? { state: 'none', ask: 0, seq: 0, held: 0 };
    const { ask: latest = 0, lapsed = false } = asked.get(orderId) ?? {};
    if (!(lapsed ? LAPSED : STATES)[reached - 1]!.includes(state)) findings.add('lost', `${orderId} has come to ${reached} and its reservation is ${state}`);
    if (ask !== latest) findings.add('lost', `inventory has answered ask ${ask} of ${orderId}, orders is at ${latest}`);
    const expected = state === 'reserved' ? quantity : 0;
    if (held !== expected) findings.add(held < expected ? 'lost' : 'doubled', `units of ${orderId}: ${held} of ${expected} are set aside`, Math.abs(held - expected));
    checkSequence(findings, `answer to ${orderId}`, (ledger.firsts('inventoryReservations').get(orderId) ?? []).map((first) => first.seq), seq);
  }
  await checkLevels(inventory, { findings, section, accepted });
}

async function checkLevels(url: string, { findings, section, accepted }: Omit<Known, 'ledger'>): Promise<void> {
  const levels = await query<{ sku: string; onHand: number; reserved: number; held: number; told: number }>(
    url, `select sku, on_hand::int as "onHand", reserved::int as reserved, (select coalesce(sum(quantity), 0)::int from reserved_lines l where l.sku = v.sku) as held,
            (select count(*)::int from stock_ledger l where l.sku = v.sku) as told from stock_levels v where sku like $1`, [`${section}-tea-%`]);
  const found = new Map(levels.map((level) => [level.sku, level]));
  const received = Map.groupBy(accepted.filter(({ kind }) => kind === 'stock'), ({ units }) => units!.sku);
  for (const [sku, movements] of received) {
    const { onHand, told, reserved, held } = found.get(sku) ?? { onHand: 0, told: 0, reserved: 0, held: 0 };
    const expected = movements.reduce((sum, { units }) => sum + units!.quantity, 0);
    if (onHand !== expected) findings.add(onHand < expected ? 'lost' : 'doubled', `units of ${sku}: ${onHand} of ${expected} are on hand`, Math.abs(onHand - expected));
    if (told !== movements.length) findings.add(told < movements.length ? 'lost' : 'doubled', `movements of ${sku}: ${told} of ${movements.length}`, Math.abs(told - movements.length));
    if (reserved !== held) findings.add(reserved < held ? 'lost' : 'doubled', `${reserved} of ${sku} are reserved, orders hold ${held}`, Math.abs(reserved - held));
    if (reserved > onHand) findings.add('doubled', `${reserved} of ${sku} are promised, ${onHand} are there`, reserved - onHand);
  }
}

/** How far each order was accepted to have come, and how many units it wants. */
function wantedBy(accepted: readonly Sent[]): Map<string, { reached: number; quantity: number }> {
  const orders = new Map<string, { reached: number; quantity: number }>();
  for (const { kind, key, n, units } of accepted) {
    if (kind !== 'order') continue;
    const { reached = 0, quantity = 0 } = orders.get(key) ?? {};
    orders.set(key, { reached: Math.max(reached, n), quantity: quantity + (units?.quantity ?? 0) });
  }
  return orders;
}
