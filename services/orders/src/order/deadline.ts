import type { Fact, OrderStalled } from '@yunke/contracts';
import { iso, type Millis, type Reason } from '@yunke/kernel';

import { MILESTONES, STATUS, reached, viewOf, type Milestone, type Order } from './order.js';

/** How long an order may stand at a stage: by `<stage>` or, where a shop has its own, `<source>/<stage>`. */
export type StageLimits = ReadonlyMap<string, Millis>;

type Deadline = { readonly kind: 'late'; readonly at: Millis } | { readonly kind: 'stalled'; readonly at: Millis; readonly stage: Milestone; readonly since: Millis };

/** Who missed a deadline by what became known, and not by time alone. */
export type Revealed = { readonly id: string; readonly acceptedAt: Millis; readonly reasonAt: (effectiveAt: Millis) => Reason };

const OVER: readonly Milestone[] = ['delivered', 'completed', 'cancelled'];

/**
 * The next deadline of an order that is still on its way: its promise, or the end of the time it may stand where it stands. None for
 * what only history told of, and none that was said already.
 */
export function nextDeadline(order: Order, limits: StageLimits): Deadline | undefined {
  if (!order.live) return undefined;
  const milestones = reached(order);
  if (OVER.some((milestone) => milestones[milestone] !== undefined)) return undefined;
  const found = [lateness(order), stall(order, milestones, limits)].filter((one) => one !== undefined).sort((a, b) => a.at - b.at);
  return found.length > 0 && !wentBack(order) ? found[0] : undefined;
}

/** The order's own promise, else the last one of its parcels. */
function lateness(order: Order): Deadline | undefined {
  const ofParcels = Object.values(order.shipments).flatMap(({ promised }) => promise(promised));
  const [at] = promise(order.fields.promised).length > 0 ? promise(order.fields.promised) : ofParcels.length > 0 ? [Math.max(...ofParcels)] : [];
  return at === undefined || at === order.missed?.promise ? undefined : { kind: 'late', at };
}

const promise = (register: readonly [Millis, number] | undefined): Millis[] => (register ? [register[0]] : []);

function stall(order: Order, milestones: ReturnType<typeof reached>, limits: StageLimits): Deadline | undefined {
  const stage = MILESTONES.findLast((milestone) => milestones[milestone] !== undefined);
  const limit = stage && (limits.get(`${sourceOf(order)}/${stage}`) ?? limits.get(stage));
  const since = stage && milestones[stage];
  return limit === undefined || since === undefined || since === order.missed?.stageSince ? undefined : { kind: 'stalled', at: since + limit, stage: stage!, since };
}

const sourceOf = ({ id }: Order): string => id.slice(0, id.indexOf(':'));

const wentBack = (order: Order): boolean => ['returned', 'refunded'].includes(viewOf(order).state.status);

/**
 * The order after every deadline up to `until`, and what is said of those it missed. `causeOf` names the timer of a deadline;
 * `revealed`: what just became known shows that they had passed.
 */
export function miss(order: Order, until: Millis, { limits, causeOf, revealed }: { limits: StageLimits; causeOf: (at: Millis, seq: number) => string; revealed?: Revealed }): { state: Order; facts: (Fact & { cause: string })[] } {
  const facts: (Fact & { cause: string })[] = [];
  let now = order;
  for (let next = nextDeadline(now, limits); next && next.at <= until; next = nextDeadline(now, limits)) {
    const seq = now.seq + 1;
    const cause = revealed?.id ?? causeOf(next.at, seq);
    const common = { orderId: now.id, seq: String(seq), effectiveAt: iso(next.at), acceptedAt: iso(revealed?.acceptedAt ?? next.at), reason: (revealed?.reasonAt(next.at) ?? 'time') as OrderStalled['reason'], cause, order: viewOf(now).state };
    facts.push(next.kind === 'late'
      ? { type: 'OrderLate', cause, body: { ...common, promisedAt: iso(next.at) } }
      : { type: 'OrderStalled', cause, body: { ...common, stage: STATUS[next.stage] as OrderStalled['stage'], since: iso(next.since) } });
    now = { ...now, seq, missed: { ...now.missed, ...(next.kind === 'late' ? { promise: next.at } : { stageSince: next.since }) } };
  }
  return { state: now, facts };
}
