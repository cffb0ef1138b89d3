import { invoices, outline } from './invoice.js';
import { Lanes } from './lanes.js';
import { WAREHOUSE, observationsOf } from './mapping.js';
import { openSource } from './open-source.js';
import type { PlatformApi } from './platform-api.js';
import type { Progress } from './progress.js';
import { readRows } from './rows.js';
import { requireAllNamed, startTally, type Tally } from './tally.js';

type Receipt = { readonly accepted: number; readonly duplicate: number; readonly quarantined: number; readonly results: readonly { readonly messageId?: string; readonly status: string; readonly code?: string }[] };

/** What the door answered, over the whole file. `refused`: the first of what it put into quarantine. `began`: by `performance.now()`. */
export type Sent = { readonly tally: Tally; readonly began: number; observations: number; accepted: number; duplicate: number; quarantined: number; readonly refused: string[]; seconds: number };

const REFUSED_SHOWN = 20;

/** Reads the file twice: where each invoice ends, and then the invoices themselves, sending them as they come. */
export async function sendFile(file: string, { api, source, startProgress }: { api: PlatformApi; source: string; startProgress: (lines: number) => Progress }): Promise<Sent> {
  const shape = await outline(readRows(file));
  const progress = startProgress(shape.lines);
  const { tally, add } = startTally();
  const key = await openSource(api, source, { history: true });
  await api.ask('inventory', `/api/inventory/sources/${encodeURIComponent(source)}`, { method: 'PUT', body: JSON.stringify({ fromOrders: true, warehouse: WAREHOUSE }) });
  const sent: Sent = { tally, began: performance.now(), observations: 0, accepted: 0, duplicate: 0, quarantined: 0, refused: [], seconds: 0 };
  const lanes = new Lanes(async ({ body, observations, lines }) => {
    const receipt = await api.ask<Receipt>('ingestion', '/v1/observations', { method: 'POST', body, key: key.text });
    if (receipt.results.length !== observations) throw new Error(`The door answered for ${receipt.results.length} of ${observations} observations.`);
    addReceipt(sent, receipt);
    progress.sent(observations, lines);
  });
  for await (const invoice of invoices(readRows(file), shape)) {
    add(invoice);
    const observations = observationsOf(invoice);
    if (observations.length === 0) progress.sent(0, invoice.rows.length); // the ledger: accounted for, not sent
    for (const observation of observations) await lanes.add(observation);
  }
  await lanes.finish();
  sent.seconds = (performance.now() - sent.began) / 1_000;
  requireAllNamed(tally);
  await key.close();
  return sent;
}

function addReceipt(sent: Sent, { accepted, duplicate, quarantined, results }: Receipt): void {
  sent.observations += results.length;
  sent.accepted += accepted;
  sent.duplicate += duplicate;
  sent.quarantined += quarantined;
  if (quarantined === 0 || sent.refused.length >= REFUSED_SHOWN) return;
  const refused = results.filter(({ status }) => status === 'quarantined').map(({ messageId, code }) => `${messageId}: ${code}`);
  sent.refused.push(...refused.slice(0, REFUSED_SHOWN - sent.refused.length));
}
