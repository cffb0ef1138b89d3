import { DAY, type Millis } from '@yunke/kernel';

import type { Platform, ServiceName } from '../platform/platform.js';
import { CURRENCY, orderAt, type Workload } from './workload.js';

/** Where a customer stands. */
type Standing = { orders: number; revenueMinor: number; firstOrderAt: Millis; lastOrderAt: Millis; segments: readonly string[] };
type ProfileView = { profileId: string; subjects: string[]; traits: { orders: number; firstOrderAt?: string; lastOrderAt?: string; money: { currency: string; revenueMinor: number }[] } };
type Page<T> = { items: T[]; next?: string };

/** Judged for every customer; the bands of RFM hang on cut points and are left to segmentation's own laws. */
const SEGMENTS = ['value.high', 'value.middle', 'value.low', 'lifecycle.prospect', 'lifecycle.first', 'lifecycle.repeat', 'lifecycle.loyal',
  'activity.new', 'activity.active', 'activity.at_risk', 'activity.dormant', 'activity.lost'];
const PAGE = 200;

/**
 * Compares every customer with a plain computation over the orders that were sent: count, net revenue, first and last order,
 * and segments. Returns how many customers there are. @throws Error with the first differences
 */
export async function judge(platform: Platform, workload: Workload, sent: number): Promise<{ customers: number }> {
  const expected = expect(workload, sent, Date.now());
  const found = await observe(platform);
  const differences = [...new Set([...expected.keys(), ...found.keys()])]
    .filter((customer) => JSON.stringify(expected.get(customer)) !== JSON.stringify(found.get(customer)))
    .map((customer) => `${customer}: expected ${JSON.stringify(expected.get(customer))}, found ${JSON.stringify(found.get(customer))}`);
  const { orders } = await ask<{ orders: number }>(platform, 'orders', '/api/orders/counts');
  if (orders !== sent) differences.unshift(`orders: expected ${sent}, found ${orders}`);
  if (differences.length > 0) throw new Error(`The platform is wrong, so there are no figures. ${differences.length} differences, such as:\n${differences.slice(0, 5).join('\n')}`);
  return { customers: expected.size };
}

/** What must be: orders are never given back here, so revenue is their sum. */
function expect(workload: Workload, sent: number, now: Millis): Map<string, Standing> {
  const standings = new Map<string, Omit<Standing, 'segments'>>();
  for (let index = 0; index < sent; index += 1) {
    const { customer, placedAt, lines } = orderAt(workload, index);
    const total = lines.reduce((minor, { quantity, unitMinor }) => minor + quantity * unitMinor, 0);
    const held = standings.get(customer) ?? { orders: 0, revenueMinor: 0, firstOrderAt: Infinity, lastOrderAt: -Infinity };
    standings.set(customer, { orders: held.orders + 1, revenueMinor: held.revenueMinor + total, firstOrderAt: Math.min(held.firstOrderAt, placedAt), lastOrderAt: Math.max(held.lastOrderAt, placedAt) });
  }
  return new Map([...standings].map(([customer, standing]) => [customer, { ...standing, segments: segmentsOf(standing, now) }]));
}

function segmentsOf({ orders, revenueMinor, firstOrderAt, lastOrderAt }: Omit<Standing, 'segments'>, now: Millis): string[] {
  const value = revenueMinor >= 100_000 ? 'high' : revenueMinor >= 20_000 ? 'middle' : 'low';
  const lifecycle = orders >= 5 ? 'loyal' : orders >= 2 ? 'repeat' : 'first';
  const days = (now - lastOrderAt) / DAY;
  const activity = now - firstOrderAt < 30 * DAY ? 'new' : days < 90 ? 'active' : days < 180 ? 'at_risk' : days < 365 ? 'dormant' : 'lost';
  return [`activity.${activity}`, `lifecycle.${lifecycle}`, `value.${value}`];
}

/** What is, by the API. */
async function observe(platform: Platform): Promise<Map<string, Standing>> {
  const memberships = new Map<string, string[]>();
  for (const segment of SEGMENTS) {
    for await (const { profileId } of pages<{ profileId: string }>(platform, `/api/segmentation/segments/${segment}/members`)) {
      (memberships.get(profileId) ?? memberships.set(profileId, []).get(profileId)!).push(segment);
    }
  }
  const standings = new Map<string, Standing>();
  for await (const { profileId, subjects, traits } of pages<ProfileView>(platform, '/api/segmentation/profiles')) {
    standings.set(subjects.map((subject) => subject.replace(/^shop:account:/, '')).join(' and '), {
      orders: traits.orders, revenueMinor: traits.money.find(({ currency }) => currency === CURRENCY)?.revenueMinor ?? 0,
      firstOrderAt: instant(traits.firstOrderAt), lastOrderAt: instant(traits.lastOrderAt), segments: (memberships.get(profileId) ?? []).sort(),
    });
  }
  return standings;
}

/** Milliseconds, whether the API says milliseconds or RFC 3339. */
const instant = (at: string | undefined): Millis => (at === undefined ? NaN : new Date(at).getTime());

async function* pages<T>(platform: Platform, path: string): AsyncGenerator<T> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: Page<T> = await ask(platform, 'segmentation', `${path}?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`);
    yield* page.items;
    after = page.next;
  }
}

async function ask<T>(platform: Platform, service: ServiceName, path: string): Promise<T> {
  const response = await fetch(`${platform.process(service).url}${path}`, { headers: { authorization: `Bearer ${platform.credentials.apiToken}` } });
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
  return (await response.json()) as T;
}
