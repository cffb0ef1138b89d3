import type { Db, Tx } from '@yunke/postgres';

import type { Rule } from './rule.js';

const columns = 'id, version, fact, condition, channel, audience, class, template, expires_after_minutes as "expiresAfterMinutes", priority, active';

const ruleOf = ({ condition, template, ...row }: Rule & { condition: Rule['condition'] | null; template: string | null }): Rule => ({ ...row, ...(condition !== null && { condition }), ...(template !== null && { template }) } as Rule);

/** The rules in force about these facts. */
export async function activeRules(tx: Tx, facts: readonly string[]): Promise<Rule[]> {
  return (await tx.query<never>(`select ${columns} from rules where active and fact = any($1) order by id`, [facts])).map(ruleOf);
}

export async function list(db: Db, limit: number, after: string): Promise<Rule[]> {
  return (await db.query<never>(`select ${columns} from rules where id > $2 order by id limit $1`, [limit, after])).map(ruleOf);
}

export async function find(db: Db | Tx, id: string): Promise<Rule | undefined> {
  return (await db.query<never>(`select ${columns} from rules where id = $1`, [id])).map(ruleOf)[0];
}

/** Saves a rule as its next version. */
export async function save(tx: Tx, rule: Omit<Rule, 'version'>): Promise<Rule> {
  return ruleOf((await tx.query<never>(
    `insert into rules (id, version, fact, condition, channel, audience, class, template, expires_after_minutes, priority, active, updated_at) values ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())
     on conflict (id) do update set version = rules.version + 1, fact = excluded.fact, condition = excluded.condition, channel = excluded.channel, audience = excluded.audience, class = excluded.class,
       template = excluded.template, expires_after_minutes = excluded.expires_after_minutes, priority = excluded.priority, active = excluded.active, updated_at = excluded.updated_at
     returning ${columns}`, parameters(rule)))[0]!);
}

/** Adds rules that are not there; those that are stay as somebody left them. */
export async function addMissing(tx: Tx, rules: readonly Rule[]): Promise<void> {
  const known = new Set((await tx.query<{ id: string }>('select id from rules')).map(({ id }) => id));
  const missing = rules.filter(({ id }) => !known.has(id)).map((rule) => ({ ...rule, expires_after_minutes: rule.expiresAfterMinutes }));
  await tx.query(
    `insert into rules (id, version, fact, condition, channel, audience, class, template, expires_after_minutes, priority, active, updated_at)
     select id, version, fact, condition, channel, audience, class, template, expires_after_minutes, priority, active, clock_timestamp() from json_populate_recordset(null::rules, $1) on conflict do nothing`, [JSON.stringify(missing)]);
}

const parameters = ({ id, fact, condition, channel, audience, class: of, template, expiresAfterMinutes, priority, active }: Omit<Rule, 'version'>): unknown[] =>
  [id, fact, condition === undefined ? null : JSON.stringify(condition), channel, audience, of, template ?? null, expiresAfterMinutes, priority, active];
