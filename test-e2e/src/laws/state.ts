import { isDeepStrictEqual } from 'node:util';

import { streams, type MembershipsRecorded, type OrderPlaced, type ProfileRecorded } from '@yunke/contracts';
import { opaqueId } from '@yunke/kernel';
import { SECRET } from '@yunke/testing';

import type { Expected, OrderStands, Person, ReturnStands, Standing, Traits } from './expected.js';
import type { Observation } from './observations.js';
import type { PlatformUnderTest } from './platform-under-test.js';

type OrderView = Omit<OrderStands, 'lines'> & { readonly orderId: string; readonly reservation?: object; readonly lines: readonly { lineId: string; sku: string; quantity: number; totalMinor: number }[] };
type TraitsView = Traits & { readonly recencyMs?: number };
type ProfileView = { readonly subjects: readonly string[]; readonly traits: TraitsView; readonly memberships: readonly { segment: string; since: string }[] };

/** What the services say now about the subjects, orders and returns of some worlds, each world by itself. */
export async function stateOf(platform: PlatformUnderTest, worlds: readonly (readonly Observation[])[]): Promise<Expected[]> {
  const profiles = latest((await platform.said(streams.identityProfiles)).map(({ body }) => body as ProfileRecorded), ({ profileId }) => profileId, ({ version }) => version);
  const returns = latest((await platform.said(streams.ordersReturns)).map(({ body }) => body as Recorded), ({ returnId }) => returnId, ({ seq }) => seq);
  const memberships = latest((await platform.said(streams.segmentationMemberships)).map(({ body }) => body as MembershipsRecorded), ({ profileId }) => profileId, ({ version }) => version);
  const changes = latest((await platform.said(streams.ordersChanges)).map(({ body }) => body as OrderPlaced), ({ orderId }) => orderId, ({ seq }) => seq);
  const states: Expected[] = [];
  for (const world of worlds) {
    const ids = (field: string): string[] => [...new Set(world.flatMap(({ body }) => (body as unknown as Record<string, string | undefined>)[field] || []))];
    const orders = await Promise.all(ids('orderId').map(async (id) => [id, await order(platform, id, changes.get(id))] as const));
    const people = await Promise.all(ids('subject').map((subject) => person(platform, subject, { profiles, memberships })));
    states.push({
      people: Object.fromEntries(people.flat()), orders: Object.fromEntries(orders.flatMap(([id, found]) => (found ? [[id, found]] : []))),
      returns: Object.fromEntries(ids('returnId').flatMap((id) => standsAlone(returns.get(id)))),
    });
  }
  return states;
}

/** The last state of each key on a topic, by its version. */
function latest<T>(all: readonly T[], keyOf: (one: T) => string, versionOf: (one: T) => string): Map<string, T> {
  const last = new Map<string, T>();
  for (const one of all) if (Number(versionOf(one)) > Number(last.has(keyOf(one)) ? versionOf(last.get(keyOf(one))!) : 0)) last.set(keyOf(one), one);
  return last;
}

type Topics = { readonly profiles: ReadonlyMap<string, ProfileRecorded>; readonly memberships: ReadonlyMap<string, MembershipsRecorded> };

/** The profile that shows this subject's id; nothing if it shows another's, and then it must be in no segment. What API and topics tell differently is told, too. */
async function person(platform: PlatformUnderTest, subject: string, topics: Topics): Promise<[string, Person & Standing][]> {
  const id = opaqueId(SECRET, 'subject', subject);
  const recorded = topics.profiles.get(id);
  if (!recorded) return [];
  const view = await platform.get<ProfileView>('segmentation', `/api/segmentation/profiles/${id}`);
  const { subjects, traits: { recencyMs: _, ...traits }, memberships } = view ?? { subjects: [], traits: { orders: 0, money: [] }, memberships: [] };
  const segments = sinceOf(memberships);
  const said = sinceOf(topics.memberships.get(id)?.memberships ?? []);
  if ([recorded.subjects, subjects, memberships, Object.keys(said)].every(({ length }) => length === 0)) return [];
  const golden = Object.fromEntries(recorded.golden.map(({ field, value, source, occurredAt }) => [field, [value, source, occurredAt] as const]));
  const differing = { ...(!isDeepStrictEqual(recorded.subjects, subjects) && { subjectsInSegmentation: subjects }), ...(!isDeepStrictEqual(said, segments) && { segmentsOnTopic: said }) };
  return [[subject, { subjects: recorded.subjects, firstSeenAt: recorded.firstSeenAt!, golden, traits, segments, ...differing }]];
}

const sinceOf = (memberships: readonly { segment: string; since: string }[]): Record<string, string> => Object.fromEntries(memberships.map(({ segment, since }) => [segment, since]));

/** The order as its API shows it; and what its last change said, if that differs. */
async function order(platform: PlatformUnderTest, id: string, change: OrderPlaced | undefined): Promise<OrderStands | undefined> {
  const view = await platform.get<OrderView>('orders', `/api/orders/${encodeURIComponent(id)}`);
  if (!view) return undefined;
  const { orderId: _, lines, milestones, foreignRefunds, reservation: __, ...state } = view; // nobody answers an ask here
  return { ...state, milestones, foreignRefunds, lines: Object.fromEntries(lines.map(({ lineId, ...line }) => [lineId, line])), ...(change && !isDeepStrictEqual(change.order, state) && { lastSaid: change.order }) };
}

type Recorded = ReturnStands & { readonly returnId: string; readonly seq: string };

/** A return that lowers revenue by nothing does not stand by itself. */
function standsAlone(recorded: Recorded | undefined): [string, ReturnStands][] {
  if (!recorded || recorded.refundMinor === '0') return [];
  const { returnId, subject, currency, refundMinor, effectiveAt } = recorded;
  return [[returnId, { subject, currency, refundMinor, effectiveAt }]];
}
