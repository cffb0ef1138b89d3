/** The final state of the services, in the words of their contracts; times are RFC 3339 texts, money is in minor units. */
export type Expected = {
  /** By the readable subject whose id the profile shows. */
  readonly people: Readonly<Record<string, Person & Standing>>;
  readonly orders: Readonly<Record<string, OrderStands>>;
  /** Returns that lower revenue by themselves, by return id. */
  readonly returns: Readonly<Record<string, ReturnStands>>;
};

export type Person = { readonly subjects: readonly string[]; readonly firstSeenAt: string; readonly golden: Readonly<Record<string, readonly [value: string, source: string, occurredAt: string]>> };

/** `segments`: since when the person is in each. */
export type Standing = { readonly traits: Traits; readonly segments: Readonly<Record<string, string>> };
export type Traits = { readonly orders: number; readonly firstOrderAt?: string; readonly lastOrderAt?: string; readonly money: readonly Money[] };
export type Money = { readonly currency: string; readonly orders: number; readonly revenueMinor: number; readonly averageMinor?: number };

export type OrderStands = {
  readonly subject: string; readonly formerSubjects: readonly string[]; readonly status: string; readonly placedAt?: string; readonly cancelledAt?: string; readonly currency?: string;
  readonly totalMinor: string; readonly refundedMinor: string; readonly refunds: readonly RefundStands[]; readonly foreignRefunds: readonly (RefundStands & { readonly currency: string })[];
  readonly milestones: Readonly<Record<string, string>>; readonly lines: Readonly<Record<string, { readonly sku: string; readonly quantity: number; readonly totalMinor: number }>>;
};

export type RefundStands = { readonly returnId: string; readonly at: string; readonly amountMinor: string };

export type ReturnStands = { readonly subject: string; readonly currency: string; readonly refundMinor: string; readonly effectiveAt: string };
