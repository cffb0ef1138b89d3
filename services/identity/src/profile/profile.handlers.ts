import { Controller } from '@nestjs/common';

import { streams } from '@yunke/contracts';
import { OnCopies, say, type Batch } from '@yunke/events';
import type { Tx } from '@yunke/postgres';

import { recorded } from './profile.js';
import { goldenOf, records } from './profile.store.js';

@Controller()
export class ProfileHandlers {
  /** Compaction may keep a stale copy as the last one: then the profile is said again as it is. */
  @OnCopies(streams.identityProfiles)
  async heardAgain(batch: Batch<typeof streams.identityProfiles>, tx: Tx): Promise<void> {
    const last = batch.records.at(-1)!;
    const profiles = await records(tx, batch.keys());
    const golden = await goldenOf(tx, profiles);
    say(tx, profiles.map((profile) => recorded(profile, golden.get(profile.profileId)!, last)));
  }
}
