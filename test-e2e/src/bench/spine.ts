import type { ServiceName } from '../platform/platform.js';

/** The services that an order makes its way through until it changes a segment: what is measured. */
export const SPINE = ['ingestion', 'identity', 'segmentation', 'orders'] as const satisfies ServiceName[];
export type SpineService = (typeof SPINE)[number];
