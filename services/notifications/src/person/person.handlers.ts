import { Controller } from '@nestjs/common';

import { streams } from '@yunke/contracts';
import { On, lockSubjects, moveSubjects, type Batch } from '@yunke/events';
import type { Tx } from '@yunke/postgres';

import { awaken } from '../intent/intent.store.js';
import { personOf } from './person.js';
import { saveMany } from './person.store.js';

@Controller()
export class PersonHandlers {
  /** Who is who, how to reach them, and what waited for that. */
  @On(streams.identityProfiles)
  async profiles(batch: Batch<typeof streams.identityProfiles>, tx: Tx): Promise<void> {
    const belongings = await lockSubjects(tx, batch.records.flatMap(({ body }) => body.subjects));
    for (const { body } of batch.records) {
      const decision = Number(body.decision);
      for (const subject of body.subjects) if (decision > belongings.get(subject)!.decision) belongings.set(subject, { subject, profileId: body.profileId, decision });
    }
    await moveSubjects(tx, [...belongings.values()].filter(({ profileId }) => profileId !== null));
    await saveMany(tx, batch.records.map(({ body }) => personOf(body)));
    await awaken(tx, { subjects: [...belongings.keys()], profileIds: batch.keys() });
  }
}
