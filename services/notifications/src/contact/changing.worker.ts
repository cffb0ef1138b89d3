import type { Fact } from '@yunke/contracts';
import { say } from '@yunke/events';
import { iso, type Millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import type { Change } from './contact.js';
import { change, find } from './contact.store.js';

const FACTS = { unsubscribed: 'ContactUnsubscribed', resubscribed: 'ContactResubscribed', suppressed: 'ContactSuppressed', released: 'ContactReleased' } as const satisfies Record<Change, string>;

/** Changes what is known of a contact point, writes it down and says it; false when it was so already. */
export async function changeContact(tx: Tx, id: string, made: { readonly change: Change; readonly by: 'person' | 'operator' | 'platform'; readonly why?: string; readonly at: Millis; readonly cause: string }): Promise<boolean> {
  if (!(await change(tx, id, made))) return false;
  const { channel, address } = (await find(tx, id))!;
  const more = made.change === 'suppressed' ? { why: made.why ?? 'operator' } : made.change === 'released' ? {} : { by: made.by };
  say(tx, [{ type: FACTS[made.change], cause: made.cause, body: { contactId: id, effectiveAt: iso(made.at), acceptedAt: iso(made.at), cause: made.cause, channel, address, ...more } } as Fact & { cause: string }]);
  return true;
}
