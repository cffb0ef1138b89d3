import { hash } from 'node:crypto';

import type { Journal, Sent } from '../load/journal.js';
import { MILESTONES } from '../load/lane.js';
import { query, type Evidence } from './evidence.js';
import { Findings, checkSequence } from './findings.js';
import { Ledger, TOPICS, type First, type TopicName } from './ledger.js';
import { checkIntents } from './judge-messages.js';
import { checkSegmentation } from './judge-segmentation.js';
import { checkStock } from './judge-stock.js';

export type Verdict = { readonly lost: number; readonly doubled: number; readonly reordered: number; readonly dup_in_kafka: number; readonly checked: number; readonly notes: readonly string[] };

/** What orders says when inventory has answered or time has passed: how often depends on who was faster. */
const UNSENT: readonly string[] = ['OrderAllocated', 'OrderBackordered', 'OrderLate', 'OrderStalled'];

/** Compares what the journal says was accepted with seen messages, topics, counters and final states. Shares no code with what it judges. */
export class Judge {
  readonly findings = new Findings();
  readonly ledger: Ledger;
  #copiesJudged = 0;

  constructor(private readonly evidence: Evidence) {
    const said: Readonly<Record<string, TopicName>> = { segmentation: 'segmentationChanges', inventory: 'inventoryReservations', notifications: 'notificationsDeliveries' };
    this.ledger = new Ledger(evidence.brokers, ['orderObservations', 'returnObservations', 'ordersChanges', 'ordersReturns', ...evidence.services.flatMap((service) => said[service] ?? [])]);
  }

  /** Call it when nothing moves any more. `section` is what the ids of the journal's orders start with. */
  async judge(journal: Journal, section: string): Promise<Verdict> {
    await this.ledger.read();
    const copies = this.ledger.copies - this.#copiesJudged;
    this.#copiesJudged = this.ledger.copies;
    const ledger = this.ledger;
    const findings = this.findings;
    for (const event of ledger.overtaken) findings.add('lost', `behind a larger number: ${event}`);
    for (const event of ledger.renumbered) findings.add('doubled', `under two numbers: ${event}`);
    for (const refused of journal.quarantined) findings.add('lost', `quarantined: ${refused}`);
    const perKey = groupByKey(journal.accepted);
    await this.#checkSeen(journal.accepted);
    this.#checkObservations(perKey);
    const facts = factsExpected(journal.accepted);
    for (const [orderId, expected] of facts) this.#checkFacts(orderId, expected);
    const alone = journal.accepted.filter(({ kind, orderId }) => kind === 'return' && orderId === undefined);
    for (const { key } of alone) checkSequence(findings, `return ${key}`, (ledger.firsts('ordersReturns').get(key) ?? []).map(({ seq }) => seq), 1);
    await this.#checkOrders(journal.accepted, section);
    if (this.evidence.services.includes('counter')) for (const topic of ['orderObservations', 'ordersChanges'] as const) await this.#checkCounter(topic);
    if (this.evidence.services.includes('segmentation')) await checkSegmentation(this.evidence, { findings, ledger, section, facts, alone });
    if (this.evidence.services.includes('inventory')) await checkStock(this.evidence, { findings, ledger, section, accepted: journal.accepted });
    if (this.evidence.services.includes('notifications')) await checkIntents(this.evidence, { findings, ledger }, `shop:${section}-`);
    return { ...findings.take(), dup_in_kafka: copies, checked: journal.accepted.length };
  }

  async #checkSeen(accepted: readonly Sent[]): Promise<void> {
    const rows = await query<{ id: string }>(this.evidence.databaseUrl('ingestion'), `select substr(message, 6) as id from seen_messages where message = any($1)`, [accepted.map(({ messageId }) => `shop ${messageId}`)]);
    const seen = new Set(rows.map(({ id }) => id));
    for (const { messageId } of accepted) if (!seen.has(messageId)) this.findings.add('lost', `no longer seen: ${messageId}`);
  }

  #checkObservations(perKey: ReadonlyMap<string, readonly Sent[]>): void {
    for (const [key, sent] of perKey) {
      if (sent[0]!.kind === 'stock' || sent[0]!.kind === 'customer') continue; // judged by what came of them
      const firsts = this.ledger.firsts(sent[0]!.kind === 'order' ? 'orderObservations' : 'returnObservations').get(key) ?? [];
      const places = new Map(sent.map(({ messageId, n }) => [messageId, n]));
      checkSequence(this.findings, `observation ${key}`, firsts.flatMap(({ messageId }) => places.get(messageId) ?? []), sent.length);
    }
  }

  /** Each accepted version of an order is one fact, and each of its refunds one; with those that nobody sent all of them are numbered 1, 2, 3, … */
  #checkFacts(orderId: string, expected: { versions: number; refunds: number }): void {
    const facts = this.ledger.firsts('ordersChanges').get(orderId) ?? [];
    const unsent = facts.filter(({ type }) => UNSENT.includes(type)).length;
    checkSequence(this.findings, `fact of ${orderId}`, facts.map(({ seq }) => seq), expected.versions + expected.refunds + unsent);
    const told = facts.flatMap(({ type }) => MILESTONES.findIndex((milestone) => type === `Order${milestone[0]!.toUpperCase()}${milestone.slice(1)}`) + 1 || []);
    checkSequence(this.findings, `milestone of ${orderId}`, told, expected.versions);
  }

  /** The state, as the API shows it, holds every milestone and refund that was accepted. */
  async #checkOrders(accepted: readonly Sent[], section: string): Promise<void> {
    const views = await this.#orders(`shop:${section}-`);
    for (const { kind, key, n, orderId, messageId } of accepted) {
      const view = views.get(orderId ?? key);
      if (kind === 'order' && !view?.milestones[MILESTONES[n - 1]!]) this.findings.add('lost', `not in the order: ${messageId}`);
      if (kind === 'return' && orderId !== undefined && !view?.refunds.some(({ returnId }) => returnId === key)) this.findings.add('lost', `not in the order: ${messageId}`);
    }
  }

  async #orders(prefix: string): Promise<Map<string, { milestones: Record<string, string>; refunds: { returnId: string }[] }>> {
    const views = new Map<string, { milestones: Record<string, string>; refunds: { returnId: string }[] }>();
    for (let next = ''; ;) {
      const response = await fetch(`${this.evidence.ordersUrl()}/api/orders?limit=200${next && `&after=${encodeURIComponent(next)}`}`, { headers: { authorization: `Bearer ${this.evidence.apiToken}` } });
      if (response.status !== 200) throw new Error(`the orders cannot be listed: ${response.status}`);
      const page = (await response.json()) as { items: { orderId: string; milestones: Record<string, string>; refunds: { returnId: string }[] }[]; next?: string };
      const mine = page.items.filter(({ orderId }) => orderId.startsWith(prefix));
      for (const item of mine) views.set(item.orderId, item);
      if (!page.next || mine.length === 0) return views;
      next = page.next;
    }
  }

  /** The test's own service counts without being idempotent: once, and in order, or its digest differs. */
  async #checkCounter(topic: TopicName): Promise<void> {
    const rows = await query<{ key: string; n: number; digest: string }>(this.evidence.databaseUrl('counter'), 'select key, n, digest from tallies where topic = $1', [TOPICS[topic]]);
    const tallies = new Map(rows.map((row) => [row.key, row]));
    for (const [key, firsts] of this.ledger.firsts(topic)) {
      const { n, digest } = tallies.get(key) ?? { n: 0, digest: '' };
      if (n < firsts.length) this.findings.add('lost', `counted of ${topic} ${key}`, firsts.length - n);
      else if (n > firsts.length) this.findings.add('doubled', `counted of ${topic} ${key}`, n - firsts.length);
      else if (digest !== digestOf(firsts)) this.findings.add('reordered', `counted of ${topic} ${key}`);
    }
  }
}

const digestOf = (firsts: readonly First[]): string => firsts.reduce((digest, { id }) => hash('md5', digest + id, 'hex'), '');

function groupByKey(accepted: readonly Sent[]): Map<string, Sent[]> {
  const perKey = new Map<string, Sent[]>();
  for (const sent of accepted) (perKey.get(sent.key) ?? perKey.set(sent.key, []).get(sent.key)!).push(sent);
  return perKey;
}

function factsExpected(accepted: readonly Sent[]): Map<string, { versions: number; refunds: number }> {
  const facts = new Map<string, { versions: number; refunds: number }>();
  for (const { kind, key, orderId } of accepted) {
    const order = kind === 'order' ? key : orderId;
    if (order === undefined) continue;
    const { versions, refunds } = facts.get(order) ?? { versions: 0, refunds: 0 };
    facts.set(order, kind === 'order' ? { versions: versions + 1, refunds } : { versions, refunds: refunds + 1 });
  }
  return facts;
}
