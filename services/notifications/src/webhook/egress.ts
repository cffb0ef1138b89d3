import ipaddr from 'ipaddr.js';

/** What may be reached although it is private: host names, addresses, CIDR ranges. */
export type Allowed = readonly string[];

/**
 * Whether a webhook may go to an address. Only public unicast addresses: no loopback, private, link-local (where clouds keep their
 * metadata), unique-local, multicast or reserved range, also not when one is written as IPv4 in IPv6 or reached by NAT64, 6to4 or Teredo.
 */
export function mayReach(address: string, allowed: Allowed): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return parsed.range() === 'unicast' || allowed.some((one) => isWithin(parsed, one));
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, range: string): boolean {
  try {
    const [base, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : [ipaddr.parse(range), range.includes(':') ? 128 : 32] as const;
    return base.kind() === address.kind() && address.match(base as never, bits);
  } catch {
    return false; // a host name
  }
}

/** Whether a host was allowed by name. */
export const isAllowedHost = (host: string, allowed: Allowed): boolean => allowed.some((one) => one.toLowerCase() === host.toLowerCase());

/** Why an address cannot be a webhook's; undefined when it can, as far as one sees without resolving it. */
export function whyRefused(text: string, allowed: Allowed): string | undefined {
  if (!URL.canParse(text)) return 'It is not an address.';
  const { protocol, hostname, username, password, hash } = new URL(text);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isExempt = isAllowedHost(host, allowed) || (ipaddr.isValid(host) && allowed.some((one) => isWithin(ipaddr.process(host), one)));
  if (protocol !== 'https:' && !(protocol === 'http:' && isExempt)) return 'It must begin with https://.';
  if (username || password || hash) return 'It must carry no user, password or fragment.';
  if (ipaddr.isValid(host) && !mayReach(host, allowed)) return 'It leads to a private network.';
  return /(^|\.)localhost\.?$/i.test(host) && !isExempt ? 'It leads to this machine.' : undefined;
}
