import { lookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { isAllowedHost, mayReach, type Allowed } from './egress.js';

/** The code of the error for a host that leads to a private network: nothing was sent. */
export const FORBIDDEN = 'EGRESS_FORBIDDEN';

export type Resolve = (host: string, options: { readonly all: true }) => Promise<readonly LookupAddress[]>;

/**
 * Resolves names for a connection and leaves private addresses out. The connection is made to an address that was judged here, so a name
 * that answers differently the next time (DNS rebinding) gains nothing.
 */
export function guardedLookup(allowed: Allowed, resolve: Resolve = lookup): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }).then((found) => {
      const addresses = isAllowedHost(host, allowed) ? [...found] : found.filter(({ address }) => mayReach(address, allowed));
      const [first] = addresses;
      if (!first) done(Object.assign(new Error('The host leads to a private network.'), { code: FORBIDDEN }), '', 4);
      else if (options.all) done(null, addresses);
      else done(null, first.address, first.family);
    }, (error: NodeJS.ErrnoException) => done(error, '', 4));
  };
}
