import { iso, type Millis } from '@yunke/kernel';
import { columnsOf, packed, packedColumn, type Db, type Tx } from '@yunke/postgres';

export type Mail = { readonly messageId: string; readonly recipient: string; readonly sender: string; readonly subject: string; readonly text: string; readonly html: string; readonly headers: readonly string[] };

export type KeptMail = Mail & { readonly id: string; readonly receivedAt: Date; readonly copies: number };

/** Keeps a message per recipient; one that is there already is counted. */
export async function keep(tx: Tx, mails: readonly Mail[]): Promise<void> {
  await tx.query(
    `insert into mailbox (message_id, recipient, sender, subject, text, html, headers, received_at)
     select *, clock_timestamp() from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], ${packed('$7', 'json')})
     on conflict (message_id, recipient) do update set copies = mailbox.copies + 1`,
    [...columnsOf(mails, 'messageId', 'recipient', 'sender', 'subject', 'text', 'html'), packedColumn(mails, 'headers')]);
}

/** Forgets a slice of the mail that came before an instant. Returns how much. */
export async function forgetOld(tx: Tx, before: Millis, limit: number): Promise<number> {
  const gone = await tx.query('delete from mailbox where id in (select id from mailbox where received_at < $1 order by received_at limit $2 for update skip locked) returning id', [iso(before), limit]);
  return gone.length;
}

const columns = 'id::text as id, message_id as "messageId", recipient, sender, subject, text, html, headers, received_at as "receivedAt", copies';

/** A page of mail, the latest first. */
export const list = (db: Db, { to, limit, before }: { readonly to?: string; readonly limit: number; readonly before?: string }): Promise<KeptMail[]> =>
  db.query<KeptMail>(`select ${columns} from mailbox where ($1::text is null or recipient = $1) and ($2::bigint is null or id < $2) order by id desc limit $3`, [to ?? null, before ?? null, limit]);
