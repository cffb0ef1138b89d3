import type { Tx } from '@yunke/postgres';

import { findAbout } from '../decision/decision.store.js';
import type { Decision } from '../decision/decision.js';
import type { Cause } from '../observation/observation.js';
import { loadGraph } from '../partition/graph.store.js';
import { components, type Evidence } from '../resolve/resolve.component.js';
import { resolve, type Refused, type United } from '../resolve/resolve.js';
import type { Profile } from './profile.js';

/** Why a profile is as it is. `stale`: its component is too large, so nobody can tell what united it. */
export type Explanation = { readonly stale: boolean; readonly evidence: Evidence[]; readonly united: United[]; readonly refused: Refused[]; readonly decisions: Decision[] };

const NOTHING: Cause = { id: '', place: 0, acceptedAt: 0, occurredAt: 0, history: false };
const MOST = 1_000;

/** What the members carry, what of it united them, what was refused and why, and what people decided; at most a thousand of each. */
export async function explain(tx: Tx, { subjects }: Profile): Promise<Explanation> {
  const members = new Set(subjects);
  const graph = await loadGraph(tx, { subjects: new Map(subjects.map((subject) => [subject, NOTHING])) });
  const resolutions = components(graph.log, graph.carriers).filter(({ seen }) => seen.some(({ subject }) => members.has(subject)))
    .map((component) => (component.seen.some(({ subject }) => graph.cut.has(subject)) ? undefined : resolve(component)));
  const resolved = resolutions.flatMap((one) => (!one || one.stale ? [] : [one]));
  return {
    stale: resolved.length < resolutions.length,
    evidence: graph.log.evidence.filter(({ subject }) => members.has(subject)).slice(0, MOST),
    united: resolved.flatMap(({ united }) => united.filter(({ a }) => members.has(a))).slice(0, MOST),
    refused: resolved.flatMap(({ refused }) => refused.filter(({ subject, type, value }) => members.has(subject) || (type === 'link' && members.has(value)))).slice(0, MOST),
    decisions: (await findAbout(tx, subjects)).slice(0, MOST),
  };
}
