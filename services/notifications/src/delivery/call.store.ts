import type { Db } from '@yunke/postgres';

import type { Result } from '../intent/attempt.js';

/** One call of a provider and what came of it. */
export type Call = { readonly intentId: string; readonly attempt: number; readonly channel: string; readonly result: Result['kind']; readonly why: string; readonly providerId: string | null; readonly calledAt: Date; readonly endedAt: Date };

const columns = 'intent_id as "intentId", attempt, channel, result, why, provider_id as "providerId", called_at as "calledAt", ended_at as "endedAt"';

export const callsOf = (db: Db, intentId: string): Promise<Call[]> => db.query<Call>(`select ${columns} from deliveries where intent_id = $1 order by attempt`, [intentId]);

/** A page of calls, the latest first. */
export const listCalls = (db: Db, { limit, result, after }: { readonly limit: number; readonly result?: string; readonly after?: { readonly at: string; readonly id: string; readonly attempt: number } }): Promise<Call[]> =>
  db.query<Call>(
    `select ${columns} from deliveries where ($1::text is null or result = $1) and ($2::timestamptz is null or (called_at, intent_id, attempt) < ($2, $3::uuid, $4))
     order by called_at desc, intent_id desc, attempt desc limit $5`, [result ?? null, after?.at ?? null, after?.id ?? null, after?.attempt ?? null, limit]);
