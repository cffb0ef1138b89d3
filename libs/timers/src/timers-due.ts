import { Gauge } from 'prom-client';

import type { Db } from '@yunke/postgres';

const labelNames = ['service', 'kind'] as const;
const due = new Gauge({ name: 'yunke_timers_due', help: 'Timers that are due and have not fired; counted up to 10,000 a service.', labelNames });
const overdue = new Gauge({ name: 'yunke_timers_overdue_seconds', help: 'How late the most overdue timer is.', labelNames });

/** Sets the gauges of a service's timers of these kinds. Every replica tells the same: take the maximum. */
export async function measureTimers({ db, service, kinds }: { readonly db: Db; readonly service: string; readonly kinds: readonly string[] }): Promise<void> {
  const now = await db.now();
  const rows = await db.query<{ kind: string; timers: number; first: number }>(
    `select kind, count(*)::int as timers, extract(epoch from min(due_at))::float8 * 1000 as first
     from (select kind, due_at from timers where kind = any($1) and due_at <= to_timestamp($2::float8 / 1000) order by due_at, kind, key limit 10000) late group by kind`, [kinds, now]);
  const found = new Map(rows.map((row) => [row.kind, row]));
  for (const kind of kinds) {
    const { timers, first } = found.get(kind) ?? { timers: 0, first: now };
    due.set({ service, kind }, timers);
    overdue.set({ service, kind }, Math.max(0, now - first) / 1_000);
  }
}
