import type { Checked } from './check.js';
import { count } from './progress.js';
import type { Sent } from './sending.js';

const DIFFERENCES_SHOWN = 20;

/** What `--json` writes. `events_per_s` counts observations, from the first until the last 202; `differing` is null without `--check`. */
export function measured({ tally, began, seconds, observations, accepted, duplicate, quarantined }: Sent, checked: Checked | undefined): Record<string, unknown> {
  const digestedSeconds = checked && (checked.digested - began) / 1_000;
  return {
    ...tally, observations, accepted, duplicate, quarantined, seconds: rounded(seconds), events_per_s: rounded(observations / seconds), differing: checked?.differing ?? null,
    ...(checked && digestedSeconds && {
      digestedSeconds: rounded(digestedSeconds), digestedEventsPerSecond: rounded(observations / digestedSeconds),
      counts: checked.counts, parkedKeys: checked.parkedKeys, differences: checked.differences.length, fromHistory: checked.silence, live: checked.live,
    }),
  };
}

/** What a person reads at the end. */
export function told({ tally, observations, accepted, duplicate, quarantined, refused, seconds }: Sent, checked: Checked | undefined): string {
  const { ledger, notGoods, ...counts } = tally;
  const pounds = (minor: number): string => `${minor < 0 ? '-' : ''}£${(Math.abs(minor) / 100).toFixed(2)}`;
  const codes = Object.entries(notGoods).map(([sku, lines]) => `${sku} ${count(lines)}`).join(', ');
  return [
    'The file, by name:',
    ...Object.entries(counts).map(([name, value]) => `  ${spoken(name)}: ${name.endsWith('Minor') ? pounds(value) : count(value)}`),
    ...ledger.map(({ invoice, amountMinor, time, description }) => `  ledger adjustment ${invoice}, ${time}, ${description}: ${pounds(amountMinor)}, not sent`),
    `  lines that are no goods: ${codes}`,
    `Sent: ${count(observations)} observations in ${seconds.toFixed(1)} s, ${count(observations / seconds)}/s: ${count(accepted)} accepted, ${count(duplicate)} duplicates, ${count(quarantined)} quarantined.`,
    ...refused.map((one) => `  quarantined ${one}`),
    ...(checked ? verdict(checked) : []),
  ].join('\n');
}

function verdict({ customers, differing, differences, counts, parkedKeys, silence, live }: Checked): string[] {
  const { orders, memberships, negativeLevels, intents, mails, alerts } = silence;
  return [
    `The platform: ${count(counts.orders)} orders, ${count(counts.unattributed)} of them unattributed; ${count(counts.returns)} returns, ${count(counts.unattributedReturns)} of them unattributed.`,
    `History: ${count(orders)} orders of known customers, ${count(memberships)} memberships and ${count(negativeLevels)} levels below zero led to ${count(intents)} messages, ${count(mails)} mails and ${count(alerts)} alarms.`,
    `Live: one order led to ${live.orderMails} mail, one shortage to ${live.alerts} alarm and ${live.staffMails} mail to staff.`,
    ...(parkedKeys > 0 ? [`  ${count(parkedKeys)} keys are parked: see GET /api/operations/parked`] : []),
    ...differences.slice(0, DIFFERENCES_SHOWN).map(({ of, what, expected, found }) => `  ${of}: ${what} should be ${String(expected)} and is ${String(found)}`),
    ...(differences.length > DIFFERENCES_SHOWN ? [`  and ${count(differences.length - DIFFERENCES_SHOWN)} more`] : []),
    `Compared with plain SQL: ${count(customers)} customers, ${count(differing)} differ, ${count(differences.length)} differences in all.`,
  ];
}

/** `linesWithoutCustomer` → `lines without customer`. */
const spoken = (name: string): string => name.replace(/Minor$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const rounded = (value: number): number => Math.round(value * 10) / 10;
