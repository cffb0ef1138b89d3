import type { Db, Tx } from '@yunke/postgres';

import { shipped, type CutPoints } from './shipped.js';
import type { Rules } from './standing.js';

const RULES = 4_810_233; // the lock that stands for "the rules in force"

type Row = { version: number; buyers: number; recency_days: number[]; frequency: number[]; monetary_minor: number[]; effective_at: number };

const COLUMNS = 'version::float8 as version, buyers, recency_days::float8[] as recency_days, frequency::float8[] as frequency, monetary_minor::float8[] as monetary_minor, effective_at::float8 as effective_at';

let compiled: { currency: string; rules: Rules; cutPoints: CutPoints } | undefined;

/** The rules in force; until the transaction ends nobody changes them. */
export async function holdRules(tx: Tx, currency: string): Promise<Rules> {
  await tx.query('select pg_advisory_xact_lock_shared($1)', [RULES]);
  return (await currentRules(tx, currency)).rules;
}

/** The rules in force now. */
export async function currentRules(db: Db | Tx, currency: string): Promise<{ rules: Rules; cutPoints: CutPoints }> {
  const [row] = await db.query<{ version: number }>('select max(version)::float8 as version from cut_points');
  if (compiled?.rules.version !== row!.version || compiled.currency !== currency) {
    const [found] = await db.query<Row>(`select ${COLUMNS} from cut_points where version = $1`, [row!.version]);
    const cutPoints = cutPointsOfRow(found!);
    const segments = shipped(currency, cutPoints);
    compiled = { currency, cutPoints, rules: { version: cutPoints.version, segments, byName: new Map(segments.map((segment) => [segment.name, segment])) } };
  }
  return compiled;
}

/** Puts new cut points in force, when no transaction is working by the old ones. */
export async function putInForce(tx: Tx, points: Omit<CutPoints, 'version'>, effectiveAt: number): Promise<CutPoints> {
  await tx.query('select pg_advisory_xact_lock($1)', [RULES]);
  const [row] = await tx.query<Row>(
    `insert into cut_points (version, buyers, recency_days, frequency, monetary_minor, effective_at)
     select max(version) + 1, $1, $2, $3, $4, $5 from cut_points returning ${COLUMNS}`,
    [points.buyers, points.recencyDays, points.frequency, points.monetaryMinor, effectiveAt]);
  return cutPointsOfRow(row!);
}

const cutPointsOfRow = (row: Row): CutPoints =>
  ({ version: row.version, buyers: row.buyers, recencyDays: row.recency_days, frequency: row.frequency, monetaryMinor: row.monetary_minor }) as unknown as CutPoints;
