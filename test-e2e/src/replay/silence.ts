import type { Difference, Profile } from './comparison.js';
import type { Live } from './live.js';
import { WAREHOUSE } from './mapping.js';
import type { PlatformApi } from './platform-api.js';

/** What history told that would have led to messages and alarms had it happened now, and how much it did lead to: nothing, if all is well. */
export type Silence = {
  readonly orders: number; readonly memberships: number; readonly negativeLevels: number;
  readonly intents: number; readonly mails: number; readonly alerts: number;
};

type Known = { readonly source: string; readonly attributedOrders: number; readonly profiles: readonly Profile[]; readonly levels: readonly { readonly onHand: number }[] };
type Intent = { readonly id: string; readonly profileId?: string };

/** Looks at all messages that were ever wanted, all mail and all alarms: whether they are of the source's people or of the file's warehouse. */
export async function listen(api: PlatformApi, { source, attributedOrders, profiles, levels }: Known): Promise<Silence> {
  const people = new Set(profiles.filter(({ subjects }) => subjects.some((subject) => subject.startsWith(`${source}:`))).map(({ profileId }) => profileId));
  const intents = (await api.all<Intent>('notifications', '/api/notifications/intents?limit=200')).filter(({ profileId }) => profileId !== undefined && people.has(profileId));
  const ids = new Set(intents.map(({ id }) => id));
  const mails = (await api.all<{ messageId: string }>('notifications', '/api/notifications/mailbox?limit=200')).filter(({ messageId }) => ids.has(messageId.slice(1).split('@')[0]!));
  const alerts = await api.all('inventory', `/api/inventory/alerts?warehouse=${WAREHOUSE}&limit=200`);
  return {
    orders: attributedOrders, memberships: await membershipsOf(api, people), negativeLevels: levels.filter(({ onHand }) => onHand < 0).length,
    intents: intents.length, mails: mails.length, alerts: alerts.length,
  };
}

async function membershipsOf(api: PlatformApi, people: ReadonlySet<string>): Promise<number> {
  let memberships = 0;
  for (const { segment } of (await api.ask<{ items: { segment: string }[] }>('segmentation', '/api/segmentation/segments')).items) {
    const members = await api.all<{ profileId: string }>('segmentation', `/api/segmentation/segments/${encodeURIComponent(segment)}/members?limit=200`);
    memberships += members.filter(({ profileId }) => people.has(profileId)).length;
  }
  return memberships;
}

/** What is not as it must be: history led to something, or told of nothing that could have; the live order or the live shortage did not lead to one of each. */
export function compareSilence({ orders, memberships, negativeLevels, ...led }: Silence, live: Live): Difference[] {
  const told = Object.entries({ orders, memberships, negativeLevels }).filter(([, count]) => count === 0).map(([what, found]): Difference => ({ of: 'history', what, expected: 'some', found }));
  const loud = Object.entries(led).filter(([, count]) => count > 0).map(([what, found]): Difference => ({ of: 'history', what, expected: 0, found }));
  return [...told, ...loud, ...Object.entries(live).filter(([, count]) => count !== 1).map(([what, found]): Difference => ({ of: 'the live order and shortage', what, expected: 1, found }))];
}
