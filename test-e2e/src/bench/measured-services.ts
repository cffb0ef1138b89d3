import type { ServiceName } from '../platform/platform.js';

/** The services that an order makes its way through until it changes a segment. */
const SPINE = ['ingestion', 'identity', 'segmentation', 'orders'] as const satisfies ServiceName[];
const ALL = [...SPINE, 'inventory', 'notifications'] as const satisfies ServiceName[];

export type MeasuredService = (typeof ALL)[number];
/** With `--all` stock and messages hear the same orders: the figures then hold for all of it. */
export const MEASURED: readonly MeasuredService[] = process.argv.includes('--all') ? ALL : SPINE;
