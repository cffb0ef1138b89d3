import { query, type Evidence } from './evidence.js';
import type { Findings } from './findings.js';
import type { Ledger } from './ledger.js';

/** Whose orders bring mail, and where it goes: what their order ids and their addresses begin with. */
export type Reached = { readonly orders: string; readonly addresses: string };

/** What was found, for whoever tells about it. */
export type Mailed = { readonly transactional: number; readonly again: number; readonly sent: number; readonly unknown: readonly string[]; readonly arrived: number };

type Known = { readonly findings: Findings; readonly ledger: Ledger };
type Intent = { readonly id: string; readonly factId: string; readonly state: string };
type Mail = { readonly messageId: string; readonly recipient: string; readonly copies: number; readonly isMarketing: boolean };

/** The facts of an order that its customer is written to about, while the rules are those that ship. */
const WRITTEN: readonly string[] = ['OrderPlaced', 'OrderShipped', 'OrderDelivered', 'OrderLate', 'OrderRefunded'];
const OUTCOMES: readonly string[] = ['MessageSent', 'MessageDropped', 'MessageFailed', 'MessageUnconfirmed'];

/** Every fact that a customer is written to about is one intent. */
export async function checkIntents(evidence: Evidence, { findings, ledger }: Known, orders: string): Promise<Intent[]> {
  const facts = [...ledger.firsts('ordersChanges')].flatMap(([orderId, firsts]) => (orderId.startsWith(orders) ? firsts : [])).filter(({ type, reason }) => WRITTEN.includes(type) && ['event', 'time'].includes(reason));
  const intents = await query<Intent>(evidence.databaseUrl('notifications'), `select id::text as id, fact_id as "factId", state from intents where fact_id = any($1) and channel = 'email'`, [facts.map(({ id }) => id)]);
  const byFact = Map.groupBy(intents, ({ factId }) => factId);
  for (const { id, type } of facts) {
    const wanted = byFact.get(id)?.length ?? 0;
    if (wanted === 0) findings.add('lost', `no message about ${type} ${id}`);
    if (wanted > 1) findings.add('doubled', `messages about ${type} ${id}`, wanted - 1);
  }
  return intents;
}

/** How many messages to these addresses have not come to their end. */
export async function stillOpen({ databaseUrl }: Evidence, { addresses }: Reached): Promise<number> {
  const [row] = await query<{ open: number }>(
    databaseUrl('notifications'), `select count(*)::int as open from intents i left join people p using (profile_id)
     where state in ('ready', 'waiting', 'calling') and (subject like $1 or p.fields->>'email' like $2)`, [`shop:account:${addresses}%`, `${addresses}%`]);
  return row!.open;
}

/**
 * The built-in mailbox takes a message once, by its Message-ID, and counts its copies: an idempotent provider that remembers every call. It
 * must hold exactly one mail of each intent about an order, of each marketing intent at most one copy, and nothing else to these addresses;
 * each intent has said one outcome.
 */
export async function checkMail(evidence: Evidence, { findings, ledger }: Known, { orders, addresses }: Reached): Promise<Mailed> {
  const url = evidence.databaseUrl('notifications');
  const transactional = await checkIntents(evidence, { findings, ledger }, orders);
  const marketing = await query<Intent>(
    url, `select i.id::text as id, i.fact_id as "factId", i.state from intents i join people p using (profile_id) where i.class = 'marketing' and i.channel = 'email' and p.fields->>'email' like $1`, [`${addresses}%`]);
  const mails = await query<Mail>(
    url, `select message_id as "messageId", recipient, copies, headers::text like '%List-Unsubscribe:%' as "isMarketing" from mailbox where recipient like $1`, [`${addresses}%`]);
  const byId = Map.groupBy(mails, ({ messageId }) => messageId.slice(1).split('@')[0]!);
  for (const { id, state } of transactional) if (state !== 'sent' || !byId.has(id)) findings.add('lost', `the message ${id} about an order is ${state}, ${byId.get(id)?.length ?? 0} mails arrived`);
  for (const { id, state } of marketing) if (state === 'sent' && !byId.has(id)) findings.add('lost', `the message ${id} was sent and has not arrived`);
  const ours = new Map([...transactional.map(({ id }): [string, boolean] => [id, false]), ...marketing.map(({ id }): [string, boolean] => [id, true])]);
  for (const [id, found] of byId) {
    if (ours.get(id) !== found[0]!.isMarketing) findings.add('doubled', `to ${found[0]!.recipient}, of no intent: ${id}`, found.length);
    else if (found.length > 1) findings.add('doubled', `mails of ${id}`, found.length - 1);
    if (found[0]!.isMarketing && found[0]!.copies > 1) findings.add('doubled', `the marketing message ${id} was handed in`, found[0]!.copies - 1);
  }
  for (const { id } of [...transactional, ...marketing]) checkOutcome(findings, ledger, id);
  const unknown = marketing.filter(({ state }) => state === 'unknown').map(({ id }) => id);
  return {
    transactional: transactional.length, again: transactional.filter(({ id }) => (byId.get(id)?.[0]?.copies ?? 0) > 1).length, sent: marketing.filter(({ state }) => state === 'sent').length, unknown,
    arrived: unknown.filter((id) => byId.has(id)).length,
  };
}

function checkOutcome(findings: Findings, ledger: Ledger, id: string): void {
  const outcomes = (ledger.firsts('notificationsDeliveries').get(id) ?? []).filter(({ type }) => OUTCOMES.includes(type)).length;
  if (outcomes === 0) findings.add('lost', `${id} has said no outcome`);
  if (outcomes > 1) findings.add('doubled', `outcomes of ${id}`, outcomes - 1);
}
