/** What a threshold is for; empty: any. */
export type Scope = { readonly sku: string; readonly category: string; readonly warehouse: string };

export type ServiceLevel = 95 | 97 | 99;

/** What one scope says; what it leaves out is taken from the next wider one. */
export type Threshold = Scope & {
  /** Units; instead of the computed reorder point. */
  readonly reorderPoint: number | null;
  readonly leadTimeDays: number | null;
  /** Per cent of lead times without a stock-out. */
  readonly serviceLevel: ServiceLevel | null;
  /** More days of demand than this are too much. */
  readonly targetCoverDays: number | null;
};

/** The rule for one SKU in one warehouse. */
export type Rule = { readonly reorderPoint?: number; readonly leadTimeDays: number; readonly serviceLevel: ServiceLevel; readonly targetCoverDays: number };

export const DEFAULT_RULE: Rule = { leadTimeDays: 7, serviceLevel: 95, targetCoverDays: 90 };

/** The SKU says more than its category, the category more than the warehouse; two together more than one. */
const weight = ({ sku, category, warehouse }: Scope): number => (sku ? 4 : 0) + (category ? 2 : 0) + (warehouse ? 1 : 0);

const fits = (threshold: Scope, shelf: Scope): boolean => (['sku', 'category', 'warehouse'] as const).every((part) => threshold[part] === '' || threshold[part] === shelf[part]);

/** The rule for a shelf: for each field the narrowest scope that says something. */
export function ruleFor(thresholds: readonly Threshold[], shelf: Scope): Rule {
  return thresholds.filter((threshold) => fits(threshold, shelf)).sort((a, b) => weight(a) - weight(b)).reduce<Rule>((rule, { reorderPoint, leadTimeDays, serviceLevel, targetCoverDays }) => ({
    ...rule, ...(reorderPoint !== null && { reorderPoint }), ...(leadTimeDays !== null && { leadTimeDays }), ...(serviceLevel !== null && { serviceLevel }), ...(targetCoverDays !== null && { targetCoverDays }),
  }), DEFAULT_RULE);
}
