import { Controller } from '@nestjs/common';
import { Counter } from 'prom-client';

import { streams } from '@yunke/contracts';
import { On, say, voiceOf, type Batch } from '@yunke/events';
import { opaqueId } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { fold, type Observation } from './observation.js';
import { take } from './observation.store.js';

const metrics = {
  refused: new Counter({ name: 'yunke_identifiers_refused_total', help: 'Identifiers that never link, by the reason.', labelNames: ['reason'] }),
  tooLarge: new Counter({ name: 'yunke_components_too_large_total', help: 'Times a component was too large to resolve and kept its profiles.' }),
};

@Controller()
export class ObservationHandlers {
  @On(streams.customerObservations)
  customers(batch: Batch<typeof streams.customerObservations>, tx: Tx): Promise<void> {
    return hear(batch, tx);
  }

  @On(streams.behaviourObservations)
  behaviour(batch: Batch<typeof streams.behaviourObservations>, tx: Tx): Promise<void> {
    return hear(batch, tx);
  }

  @On(streams.orderObservations)
  orders(batch: Batch<typeof streams.orderObservations>, tx: Tx): Promise<void> {
    return hear(batch, tx);
  }

  @On(streams.returnObservations)
  returns(batch: Batch<typeof streams.returnObservations>, tx: Tx): Promise<void> {
    return hear(batch, tx);
  }
}

async function hear({ records }: { readonly records: readonly Observation[] }, tx: Tx): Promise<void> {
  const { told, refused } = fold(records);
  const { secret } = voiceOf(tx.db);
  const ids = new Map<string, string>();
  const idOf = (subject: string): string => ids.get(subject) ?? ids.set(subject, opaqueId(secret, 'subject', subject)).get(subject)!;
  const { facts, tooLarge } = await take(tx, told, idOf);
  say(tx, facts);
  tx.afterCommit(() => {
    for (const [reason, times] of refused) metrics.refused.inc({ reason }, times);
    metrics.tooLarge.inc(tooLarge);
  });
}
