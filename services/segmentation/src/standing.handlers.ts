import { Controller } from '@nestjs/common';

import { streams, type Messages } from '@yunke/contracts';
import { On, OnCopies, lockSubjects, membersOf, moveSubjects, say, type Batch, type CausedFact } from '@yunke/events';
import { iso, millis, minor } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';
import { OnTimer, arm, type Due } from '@yunke/timers';

import { Chunk, sameMemberships } from './chunk.js';
import { apply, voidedAt, type Entry } from './history.js';
import { holdRules } from './rules.store.js';
import { SegmentationConfig } from './segmentation.config.js';
import type { Profile } from './standing.js';
import { entriesOf, lockMany, saveEntries, saveMany, saveMemberships, type Locked } from './standing.store.js';

type Told = { readonly id: string; readonly acceptedAt: number; readonly reason: Messages['OrderPlaced']['reason']; readonly entries: readonly { readonly subject: string; readonly entry: Entry }[] };

/** What changes where a profile stands: orders and returns, who is who, and time. */
@Controller()
export class StandingHandlers {
  constructor(private readonly config: SegmentationConfig) {}

  @On(streams.ordersChanges)
  orders(batch: Batch<typeof streams.ordersChanges>, tx: Tx): Promise<void> {
    return this.#hear(tx, batch.records.map(({ id, acceptedAt, body }) => ({ id, acceptedAt, reason: body.reason, entries: orderEntries(body) })));
  }

  @On(streams.ordersReturns)
  returns(batch: Batch<typeof streams.ordersReturns>, tx: Tx): Promise<void> {
    return this.#hear(tx, batch.records.map(({ id, acceptedAt, body }) => ({ id, acceptedAt, reason: body.reason, entries: returnEntries(body) })));
  }

  @On(streams.identityProfiles)
  async profiles(batch: Batch<typeof streams.identityProfiles>, tx: Tx): Promise<void> {
    const belongings = await lockSubjects(tx, batch.records.flatMap(({ body }) => body.subjects));
    const ids = new Set([...batch.keys(), ...[...belongings.values()].flatMap(({ profileId }) => profileId ?? [])]);
    const { chunk, locked } = await this.#load(tx, ids, belongings.keys());
    for (const { body, id, acceptedAt } of batch.records) {
      const decision = Number(body.decision);
      const moving = body.subjects.map((subject) => belongings.get(subject)!).filter((held) => decision > held.decision && held.profileId !== body.profileId);
      const touched = new Set([body.profileId, ...moving.flatMap(({ profileId }) => profileId ?? [])]);
      chunk.react(touched, () => {
        for (const { subject, profileId } of moving) chunk.move(subject, profileId, body.profileId);
        for (const subject of body.subjects) if (decision > belongings.get(subject)!.decision) belongings.set(subject, { subject, profileId: body.profileId, decision });
        const profile = chunk.profile(body.profileId);
        if (Number(body.version) > profile.profileVersion) chunk.setProfile({ ...profile, profileVersion: Number(body.version), firstSeenAt: body.firstSeenAt === undefined ? undefined : millis(body.firstSeenAt) });
      }, ({ evaluatedAt }) => ({ at: acceptedAt, acceptedAt, cause: id, reason: evaluatedAt === undefined || moving.length === 0 ? body.reason : 'identity' }));
    }
    await moveSubjects(tx, [...belongings.values()].filter(({ profileId }) => profileId !== null));
    await save(tx, chunk, locked);
  }

  /** Compaction may keep a stale copy as the last one: then the memberships are said again as they are. */
  @OnCopies(streams.segmentationMemberships)
  async own(batch: Batch<typeof streams.segmentationMemberships>, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const again = [...locked.profiles.values()].filter(({ version }) => version > 0).map((profile) => ({ ...profile, version: profile.version + 1 }));
    await saveMany(tx, locked, again);
    say(tx, again.map((profile) => recorded(profile, batch.records[0]!.body.acceptedAt, `again:${profile.version}`)));
  }

  @OnTimer('standing')
  async due({ keys, until }: Due, tx: Tx): Promise<void> {
    const { chunk, locked } = await this.#load(tx, keys, []);
    for (const id of keys) {
      const { standing } = chunk.profile(id);
      if (standing.nextAt === undefined || standing.nextAt > until) chunk.setProfile({ ...chunk.profile(id), timerAt: undefined });
      else chunk.react([id], () => chunk.setProfile({ ...chunk.profile(id), timerAt: undefined }), () => ({ at: until, acceptedAt: until, reason: 'time', cause: `timer:standing:${id}:${until}` }));
    }
    await save(tx, chunk, locked, keys);
  }

  /** Orders and returns, event by event; what hangs on a subject without a profile waits there. */
  async #hear(tx: Tx, told: readonly Told[]): Promise<void> {
    const belongings = await lockSubjects(tx, told.flatMap(({ entries }) => entries.map(({ subject }) => subject)));
    const ids = new Set([...belongings.values()].flatMap(({ profileId }) => profileId ?? []));
    const { chunk, locked } = await this.#load(tx, ids, belongings.keys());
    for (const { id, acceptedAt, reason, entries } of told) {
      const profiles = new Set(entries.flatMap(({ subject }) => belongings.get(subject)!.profileId ?? []));
      chunk.react(profiles, () => {
        for (const { subject, entry } of entries) {
          const held = { entries: chunk.entriesOf(subject) };
          const after = apply(held, entry);
          if (after !== held) chunk.setEntries(subject, after.entries);
        }
      }, () => ({ at: acceptedAt, acceptedAt, reason, cause: id }));
    }
    await save(tx, chunk, locked);
  }

  /** Locks the profiles and loads all that their members have. The subjects are locked already. */
  async #load(tx: Tx, profileIds: Iterable<string>, subjects: Iterable<string>): Promise<{ chunk: Chunk; locked: Locked }> {
    const rules = await holdRules(tx, this.config.baseCurrency);
    const locked = await lockMany(tx, profileIds);
    const members = await membersOf(tx, locked.profiles.keys());
    const entries = await entriesOf(tx, [...new Set([...subjects, ...[...members.values()].flat()])]);
    return { locked, chunk: new Chunk(rules, locked.profiles, { members, entries }) };
  }
}

/** Writes what moved, says what changed, and arms the timers: a profile's timer may be early, never late. */
export async function save(tx: Tx, chunk: Chunk, locked: Locked, rearmed: readonly string[] = []): Promise<void> {
  await saveEntries(tx, chunk.changedEntries());
  const moved = chunk.moved();
  const facts: CausedFact[] = [];
  const rows: Profile[] = [];
  const timers = new Map<string, { key: string; dueAt: number | undefined }>(rearmed.map((key) => [key, { key, dueAt: chunk.profile(key).standing.nextAt }]));
  for (const { profile, was, changes } of moved) {
    const { nextAt } = profile.standing;
    const early = nextAt !== undefined && (profile.timerAt === undefined || nextAt < profile.timerAt);
    if (early) timers.set(profile.id, { key: profile.id, dueAt: nextAt });
    const isOther = !sameMemberships(was, profile.standing.memberships) || profile.version === 0;
    const saved = { ...profile, timerAt: early ? nextAt : profile.timerAt, version: profile.version + (isOther ? 1 : 0) };
    rows.push(saved);
    facts.push(...changes.map(({ entered, body, cause }) => ({ type: entered ? 'SegmentEntered' : 'SegmentLeft', body, cause }) as CausedFact));
    if (isOther) facts.push(recorded(saved, iso(profile.evaluatedAt!), changes.at(-1)?.cause ?? `state:${saved.version}`));
  }
  for (const key of rearmed) if (!moved.some(({ profile }) => profile.id === key)) rows.push({ ...chunk.profile(key), timerAt: chunk.profile(key).standing.nextAt });
  await saveMany(tx, locked, rows);
  await saveMemberships(tx, moved);
  await arm(tx, 'standing', [...timers.values()]);
  say(tx, facts);
}

function recorded(profile: Profile, acceptedAt: string, cause: string): CausedFact {
  return { type: 'MembershipsRecorded', cause, body: { profileId: profile.id, version: String(profile.version), acceptedAt, memberships: profile.standing.memberships.map(({ segment, since }) => ({ segment, since: iso(since) })) } };
}

/** An order under the subject it hangs on, and gone from those it hung on before. One that nobody placed yet counts nowhere. */
function orderEntries({ orderId, seq, effectiveAt, order }: Messages['OrderPlaced']): Told['entries'] {
  const refunds = order.refunds.map(({ at, amountMinor }) => ({ at: millis(at), minor: minor(amountMinor) }));
  const total = Math.max(0, minor(order.totalMinor));
  const voided = voidedAt(total, refunds, order.cancelledAt === undefined ? undefined : millis(order.cancelledAt));
  const entry: Entry = { kind: 'order', id: orderId, seq: Number(seq), at: millis(order.placedAt ?? effectiveAt), minor: total, currency: order.currency ?? 'XXX', refunds,
    ...(voided !== undefined && { voidedAt: voided }), ...(order.placedAt === undefined && { gone: true as const }) };
  return perSubject(entry, order.subject, order.formerSubjects);
}

/** One that gave back nothing counts nowhere: it is said only of a return that stood alone for a while and then was told its order. */
function returnEntries({ returnId, seq, effectiveAt, subject, formerSubjects, currency, refundMinor }: Messages['ReturnRecorded']): Told['entries'] {
  const amount = minor(refundMinor);
  return perSubject({ kind: 'return', id: returnId, seq: Number(seq), at: millis(effectiveAt), minor: amount, currency, refunds: [], ...(amount === 0 && { gone: true as const }) }, subject, formerSubjects);
}

const perSubject = (entry: Entry, subject: string, former: readonly string[]): Told['entries'] => [
  ...(subject === '' ? [] : [{ subject, entry }]), ...former.map((one) => ({ subject: one, entry: { ...entry, gone: true as const } })),
];

