import type { Fact } from '@yunke/contracts';
import { DAY, iso, uuidv5, type Millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';
import { arm } from '@yunke/timers';

import { shareOf } from '../demand/plan.js';
import { incomingOf } from '../stock/book.js';
import { availableOf, type Because } from '../stock/level.js';
import { shelfKey, type Looked, type StockChunk } from '../stock/stock-chunk.js';
import { advise, evidenceOf, judge, thresholdOf, type AlertKind, type Sight } from './alert.js';
import { categoriesOf, openAlerts, saveAdvice, saveAlerts, thresholdsFor, type AdviceRow, type Alert } from './alert.store.js';
import { ruleFor, type Rule } from './threshold.js';

/** How long more may be promised than is there before somebody is told: a shipped order and its sale are heard apart. */
export const OVERSOLD_GRACE_MS = 5_000;
/** How soon after its first movement a SKU's demand is computed. */
const FIRST_PLAN_MS = 60_000;

export type Watching = { /** Shelves that stayed oversold. */ readonly oversold?: ReadonlySet<string>; /** Shelves whose advice is to be computed anew. */ readonly planned?: ReadonlySet<string> };

/**
 * Judges every level that something happened to: opens and closes alerts, gives advice, arms timers. History and late news close
 * alerts, so that what stands is true, but never open one.
 */
export async function watch(tx: Tx, stock: StockChunk, watching: Watching): Promise<void> {
  const looked = stock.looked();
  if (looked.length === 0) return;
  await armTimers(tx, stock, looked);
  const skus = [...new Set(looked.map(({ sku }) => sku))];
  const open = new Map((await openAlerts(tx, skus)).map((alert) => [shelfKey(alert), alert]));
  if (open.size === 0 && looked.every(({ live }) => !live)) return;
  const [thresholds, categories] = [await thresholdsFor(tx, skus), await categoriesOf(tx, skus)];
  const [closed, opened, advised, advice]: [Alert[], Alert[], Looked[], AdviceRow[]] = [[], [], [], []];
  for (const one of looked) {
    const because = one.live ?? one.last;
    const rule = ruleFor(thresholds, { ...one, category: categories.get(one.sku) ?? '' });
    const sight = sightOf(stock, one, { rule, now: because.acceptedAt, isOversold: watching.oversold?.has(shelfKey(one)) ?? false });
    const was = open.get(shelfKey(one));
    const kind = judge(was?.kind, sight);
    if (was && kind !== was.kind) closed.push(close(stock, was, sight, because));
    if (kind && kind !== was?.kind && one.live) opened.push(openNew(stock, kind, { shelf: one, sight, because }));
    if (kind === was?.kind && !watching.planned?.has(shelfKey(one))) continue;
    advised.push(one);
    const found = advise(sight, because.acceptedAt);
    if (found) advice.push({ ...found, sku: one.sku, warehouse: one.warehouse, evidence: evidenceOf(sight), computedAt: because.acceptedAt });
  }
  await saveAlerts(tx, closed, opened);
  await saveAdvice(tx, advised, advice);
}

/**
 * A SKU without a plan gets one soon, once something happens to it that is not history; a shelf that is oversold is looked at again once
 * the grace is over. A count that came late opens no alert by itself, but what it shows to be promised in vain must not stay so.
 */
async function armTimers(tx: Tx, stock: StockChunk, looked: readonly Looked[]): Promise<void> {
  const plans = new Map<string, Millis>();
  const oversold = new Map<string, Millis>();
  for (const { sku, warehouse, last, news } of looked) {
    const held = stock.sku(sku);
    if (held.planAt === undefined && stock.level(sku, warehouse).isLive) {
      plans.set(sku, last.acceptedAt + FIRST_PLAN_MS);
      stock.setSku({ ...held, planAt: last.acceptedAt + FIRST_PLAN_MS });
    }
    const level = stock.level(sku, warehouse);
    const isShort = availableOf(level) + level.lost < 0;
    if (isShort && level.oversoldSince === undefined && news) {
      stock.keep({ ...level, oversoldSince: news.acceptedAt });
      oversold.set(sku, Math.min(oversold.get(sku) ?? Infinity, news.acceptedAt + OVERSOLD_GRACE_MS));
    } else if (!isShort && level.oversoldSince !== undefined) {
      const { oversoldSince: _, ...enough } = level;
      stock.keep(enough);
    }
  }
  await arm(tx, 'plan', [...plans].map(([key, dueAt]) => ({ key, dueAt })));
  await arm(tx, 'oversold', [...oversold].map(([key, dueAt]) => ({ key, dueAt })));
}

function sightOf(stock: StockChunk, { sku, warehouse }: Looked, { rule, now, isOversold }: { rule: Rule; now: Millis; isOversold: boolean }): Sight {
  const level = stock.level(sku, warehouse);
  const { plan } = stock.sku(sku);
  const share = plan ? shareOf(plan, warehouse, stock.levelsOf(sku).length) : 0;
  const { expected, firstAt = now, onHand } = level.book;
  const isComing = expected?.at === undefined || expected.at <= now + rule.leadTimeDays * DAY;
  return {
    onHand, available: availableOf(level), incoming: isComing ? incomingOf(level.book) : 0, rule, isOversold, ageDays: (now - firstAt) / DAY,
    meanDaily: (plan?.meanDaily ?? 0) * share, sigmaDaily: (plan?.sigmaDaily ?? 0) * share, unitsInWindow: (plan?.units ?? 0) * share, isKnown: plan?.isKnown ?? false,
    ...(plan?.daily && { intermittent: { daily: plan.daily, share } }),
  };
}

type Opening = { readonly shelf: Looked; readonly sight: Sight; readonly because: Because };

function openNew(stock: StockChunk, kind: AlertKind, { shelf: { sku, warehouse }, sight, because }: Opening): Alert {
  const alert: Alert = { id: uuidv5(`alert|${sku}|${warehouse}|${kind}|${because.cause}`), kind, sku, warehouse, available: sight.available, threshold: thresholdOf(kind, sight), evidence: evidenceOf(sight),
    openedAt: because.acceptedAt, openedReason: because.reason, closedAt: null, closedReason: null };
  stock.say({ type: 'StockAlertOpened', body: bodyOf(alert, sight, because) } as Fact, because);
  return alert;
}

function close(stock: StockChunk, alert: Alert, sight: Sight, because: Because): Alert {
  stock.say({ type: 'StockAlertClosed', body: { ...bodyOf(alert, sight, because), openedAt: iso(alert.openedAt) } } as Fact, because);
  return { ...alert, closedAt: because.acceptedAt, closedReason: because.reason };
}

const bodyOf = ({ id, kind, sku, warehouse }: Alert, sight: Sight, { effectiveAt, acceptedAt, reason, cause }: Because): object =>
  ({ alertId: id, kind, sku, warehouse, available: String(sight.available), threshold: String(thresholdOf(kind, sight)), effectiveAt: iso(effectiveAt), acceptedAt: iso(acceptedAt), reason, cause });
