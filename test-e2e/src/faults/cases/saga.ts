import { eventually } from '@yunke/testing';

import { query } from '../oracle/evidence.js';
import { readOn } from '../oracle/kafka-reader.js';
import type { Fault, Scene } from '../scene.js';
import type { Stage } from '../stage.js';

const PER_ROUND = 8;
const ENDED_WITHIN_MS = 180_000;
const HOLD_MS = 14 * 24 * 3_600_000;
const HOUR_MS = 3_600_000;
const ANSWERS = 'yunke.inventory.reservations.v1';

/**
 * Stock for some of the orders: `scarce` runs out on the way and is filled up a little in the end, `plenty` never does. The first
 * order of every round is cancelled in the next.
 */
const killed = (name: string, title: string, victim: 'orders' | 'inventory', points: readonly string[]): Fault => ({
  name, title,
  async play(stage, scene) {
    await scene.load.stop(); // what follows is load enough, and the kills must meet it
    const rounds = scene.quick ? points.length : 3 * points.length;
    await send(stage, [count(scene, 'scarce', rounds * 2), count(scene, 'plenty', rounds * PER_ROUND)]);
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all([stage.crash(victim, `${points[round % points.length]}:${1 + (round % 2)}=kill`), sendSlowly(stage, [...(round > 0 ? [cancelled(scene, round - 1)] : []), ...orders(scene, round)])]);
      await stage.start(stage.process(victim));
    }
    const healing = scene.healed();
    await send(stage, [receipt(scene, 'scarce', 3), cancelled(scene, rounds - 1), ...orders(scene, rounds)]);
    await healing;
    await judge(stage, scene, rounds);
  },
});

export const SAGA_ASK = killed('saga-ask', 'orders killed between its ask and the answer', 'orders', ['outbox.written', 'consumer.after-commit', 'relay.before-send', 'relay.after-ack']);
export const SAGA_ANSWER = killed('saga-answer', 'inventory killed after it reserved, before and after COMMIT and before the answer is sent', 'inventory', ['outbox.written', 'consumer.before-commit', 'consumer.after-commit', 'relay.before-send']);

const twice = killed('saga-twice', 'an answer delivered twice: inventory killed after its answer was sent, before it knew', 'inventory', ['relay.after-ack']);
export const SAGA_TWICE: Fault = {
  ...twice,
  async play(stage, scene) {
    await twice.play(stage, scene);
    const ids = (await readOn(stage.evidence.brokers, new Map([[ANSWERS, []]]))).map(({ id }) => id);
    scene.expect(new Set(ids).size < ids.length, 'no answer was delivered twice');
  },
};

/** Play it last: business time does not go back. */
export const SAGA_EXPIRY: Fault = {
  name: 'saga-expiry', title: 'reservations lapse while orders is down; one of their orders is shipped meanwhile',
  async play(stage, scene) {
    await scene.load.stop();
    await send(stage, [count(scene, 'plenty', 100)]);
    await send(stage, orders(scene, 0));
    await settled(stage, scene, PER_ROUND, ({ status }) => status === 'allocated');
    await stage.stop(stage.process('orders'), 'SIGKILL');
    scene.signals += 1;
    stage.platform.advance(HOLD_MS + HOUR_MS);
    const [shipped] = orders(scene, 0);
    await send(stage, [{ ...shipped, messageId: `${String(shipped!['messageId'])}-shipped`, shippedAt: new Date().toISOString() }]);
    const healing = scene.healed();
    await stage.start(stage.process('orders'));
    await send(stage, orders(scene, 1));
    await healing;
    const rows = await settled(stage, scene, 2 * PER_ROUND, ({ status, state }) => status === 'allocated' || ['released', 'consumed'].includes(state));
    const lapsed = rows.filter(({ status, because, state }) => status === 'backordered' && because === 'lapsed' && state === 'released').length;
    scene.expect(lapsed === PER_ROUND - 1, `${lapsed} of ${PER_ROUND - 1} reservations lapsed`);
    scene.expect(rows.filter(({ status, state }) => status === 'shipped' && state === 'consumed').length === 1, 'the order that was shipped meanwhile did not end as shipped');
    await expectUnits(stage, scene, rows);
  },
};

const named = ({ section }: Scene): string => section.replaceAll('.', '-');
const now = (): string => new Date().toISOString();

function count(scene: Scene, sku: string, quantity: number): Observation {
  const id = `${named(scene)}-count-${sku}`;
  return { type: 'StockObserved', messageId: id, movementId: id, occurredAt: now(), sku: `${named(scene)}-${sku}`, warehouse: 'main', kind: 'count', quantity };
}

const receipt = (scene: Scene, sku: string, quantity: number): Observation => ({ ...count(scene, sku, quantity), messageId: `${named(scene)}-receipt-${sku}`, movementId: `${named(scene)}-receipt-${sku}`, kind: 'receipt' });

type Observation = Readonly<Record<string, unknown>>;

/** Paid orders of one unit; every other one wants what is scarce. */
function orders(scene: Scene, round: number): Observation[] {
  return Array.from({ length: PER_ROUND }, (_, index) => {
    const orderId = `${named(scene)}-${round}-${index}`;
    return { type: 'OrderObserved', messageId: orderId, occurredAt: now(), orderId, subject: `account:${orderId}`, currency: 'CNY', placedAt: now(), paidAt: now(),
      lines: [{ lineId: '1', sku: `${named(scene)}-${index % 2 === 0 || scene.section.startsWith('saga-expiry') ? 'plenty' : 'scarce'}`, quantity: 1, unitPrice: '10.00' }] };
  });
}

function cancelled(scene: Scene, round: number): Observation {
  const [order] = orders(scene, round);
  return { ...order, messageId: `${String(order!['messageId'])}-cancelled`, cancelledAt: now() };
}

async function send(stage: Stage, observations: readonly Observation[]): Promise<void> {
  const { status } = await fetch(`${stage.process('ingestion').url}/v1/observations`, {
    method: 'POST', headers: { authorization: `Bearer ${stage.platform.credentials.writeKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ observations }),
  });
  if (status !== 202) throw new Error(`not accepted: ${status}`);
}

/** One after the other, so that whoever is to die comes to its point more than once. */
async function sendSlowly(stage: Stage, observations: readonly Observation[]): Promise<void> {
  for (const observation of observations) await send(stage, [observation]);
}

/** One order as both sides know it. */
type Row = { readonly id: string; readonly status: string; readonly because: string | null; readonly asked: number; readonly state: string; readonly answered: number; readonly held: number };

async function sagaOf(stage: Stage, scene: Scene): Promise<Row[]> {
  const like = [`shop:${named(scene)}-%`];
  const theirs = await query<{ id: string; status: string; because: string | null; asked: number }>(stage.platform.databaseUrl('orders'),
    `select id, status, state->'saga'->'backordered'->>'because' as because, coalesce((state->'saga'->>'ask')::int, 0) as asked from orders where id like $1`, like);
  const ours = await query<{ id: string; state: string; answered: number; held: number }>(stage.platform.databaseUrl('inventory'),
    `select order_id as id, state, ask::int as answered, (select coalesce(sum(quantity), 0)::int from reserved_lines l where l.order_id = r.order_id) as held from reservations r where order_id like $1`, like);
  const known = new Map(ours.map((one) => [one.id, one]));
  return theirs.map((one) => ({ state: 'nothing', answered: 0, held: 0, ...one, ...known.get(one.id) }));
}

/** Waits until both sides agree on every order and it is as it must be; what is not by then is lost. */
async function settled(stage: Stage, scene: Scene, expected: number, holds: (row: Row) => boolean): Promise<Row[]> {
  const openOf = (rows: readonly Row[]): readonly Row[] => rows.filter((row) => row.asked !== row.answered || !holds(row));
  const rows = await eventually(async () => {
    const found = await sagaOf(stage, scene);
    if (found.length !== expected || openOf(found).length > 0) throw new Error(`${found.length} of ${expected} orders`);
    return found;
  }, ENDED_WITHIN_MS).catch(() => sagaOf(stage, scene));
  scene.harmed('lost', 'orders', expected - rows.length);
  for (const row of openOf(rows)) scene.harmed('lost', `not ended: ${JSON.stringify(row)}`);
  return rows;
}

async function judge(stage: Stage, scene: Scene, cancelledRounds: number): Promise<void> {
  const placeOf = ({ id }: Row): [round: number, index: number] => id.split('-').slice(-2).map(Number) as [number, number];
  const agree = (row: Row): boolean => {
    const [round, index] = placeOf(row);
    if (index === 0 && round < cancelledRounds) return row.status === 'cancelled' && ['released', 'nothing'].includes(row.state) && row.held === 0;
    return (row.status === 'allocated' && row.state === 'reserved' && row.held === 1) || (row.status === 'backordered' && row.state === 'backordered' && row.held === 0 && index % 2 === 1);
  };
  const expected = (cancelledRounds + 1) * PER_ROUND;
  const rows = await settled(stage, scene, expected, agree);
  await expectUnits(stage, scene, rows);
  const waiting = rows.filter(({ state }) => state === 'backordered').length;
  const [scarce] = await query<{ available: number }>(stage.platform.databaseUrl('inventory'), 'select available::int as available from stock_levels where sku = $1', [`${named(scene)}-scarce`]);
  scene.expect(waiting > 0 && scarce?.available === 0, `${waiting} orders wait while ${scarce?.available} units are there`);
  scene.notes.push(`${rows.filter(({ status }) => status === 'allocated').length} allocated, ${waiting} backordered, ${rows.filter(({ status }) => status === 'cancelled').length} cancelled, up to ask ${Math.max(...rows.map(({ asked }) => asked))}`);
}

/** No unit lost or set aside twice: what is reserved is what the orders hold, and never more than there is; each ask was answered once. */
async function expectUnits(stage: Stage, scene: Scene, rows: readonly Row[]): Promise<void> {
  const levels = await query<{ sku: string; reserved: number; available: number }>(stage.platform.databaseUrl('inventory'), 'select sku, reserved::int as reserved, available::int as available from stock_levels where sku like $1', [`${named(scene)}-%`]);
  const [reserved, held] = [levels.reduce((sum, level) => sum + level.reserved, 0), rows.reduce((sum, row) => sum + row.held, 0)];
  scene.harmed(reserved < held ? 'lost' : 'doubled', `${reserved} units are reserved, orders hold ${held}`, Math.abs(reserved - held));
  for (const { sku, available } of levels) scene.harmed('doubled', `more of ${sku} is promised than there is`, -available);
  const answers = (await readOn(stage.evidence.brokers, new Map([[ANSWERS, []]]))).filter(({ body }) => String(body?.['orderId']).startsWith(`shop:${named(scene)}-`));
  const distinct = new Map(answers.map(({ id, type, body }) => [id, `${String(body!['orderId'])} ${String(body!['ask'])} ${type}`]));
  scene.harmed('doubled', 'an ask was answered twice in the same way', distinct.size - new Set(distinct.values()).size);
}
