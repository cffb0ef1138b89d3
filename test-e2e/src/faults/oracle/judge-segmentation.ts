import type { Sent } from '../load/journal.js';
import { query, type Evidence } from './evidence.js';
import { checkSequence, type Findings } from './findings.js';
import type { Ledger } from './ledger.js';

type Known = {
  readonly findings: Findings; readonly ledger: Ledger; readonly section: string;
  readonly facts: ReadonlyMap<string, { readonly versions: number; readonly refunds: number }>; readonly alone: readonly Sent[];
};

/** Segmentation knows the last state of every order and return, says each profile's changes as 1, 2, 3, …, and they fold to its memberships. */
export async function checkSegmentation({ databaseUrl }: Evidence, { findings, ledger, section, facts, alone }: Known): Promise<void> {
  const url = databaseUrl('segmentation');
  const entries = await query<{ id: string; seq: number }>(
    url, `select e ->> 'id' as id, (e ->> 'seq')::int as seq from subject_histories, json_array_elements(entries) as e where e ->> 'id' like $1`, [`shop:${section}-%`]);
  const held = new Map(entries.map(({ id, seq }) => [id, seq]));
  for (const [orderId, { versions, refunds }] of facts) if ((held.get(orderId) ?? 0) < versions + refunds) findings.add('lost', `segmentation knows ${orderId} at ${held.get(orderId) ?? 0} of ${versions + refunds}`);
  for (const { key } of alone) if (!held.has(key)) findings.add('lost', `segmentation does not know ${key}`);

  const homeless = await query<{ subject: string }>(url, 'select subject from subject_profile where profile_id is null');
  for (const { subject } of homeless) findings.add('lost', `without a profile: ${subject}`);
  const rows = await query<{ profile: string; segment: string }>(url, 'select profile_id as profile, segment from memberships');
  const memberships = new Set(rows.map(({ profile, segment }) => `${profile} ${segment}`));
  for (const [profile, changes] of ledger.firsts('segmentationChanges')) {
    checkSequence(findings, `change of profile ${profile}`, changes.map(({ seq }) => seq), Math.max(...changes.map(({ seq }) => seq)));
    const inside = new Set<string>();
    for (const { type, segment } of changes) {
      if (type === 'SegmentEntered') inside.add(segment);
      else inside.delete(segment);
    }
    for (const segment of inside) if (!memberships.delete(`${profile} ${segment}`)) findings.add('lost', `said but not held: ${profile} in ${segment}`);
  }
  for (const membership of memberships) findings.add('lost', `held but never said: ${membership}`);
}
