/** As deep as JSON at our doors may be; here it also keeps the walk off the end of the stack. */
const DEEPEST = 32;

/**
 * Whether a value takes more than `limit` bytes as JSON in UTF-8. Nearly every event is far smaller, so a bound from above answers first: it
 * costs a third of writing the text. Both walks stop at the limit, however large the rest is.
 */
export const isLargerThan = (limit: number, value: unknown): boolean => size(value, limit, atMost) > limit && size(value, limit, exactly) > limit;

/** No character takes more than six bytes (\u0000). */
const atMost = (text: string): number => 6 * text.length + 2;
const exactly = (text: string, limit: number): number => (text.length > limit ? text.length : Buffer.byteLength(JSON.stringify(text)));

function size(value: unknown, limit: number, ofText: (text: string, limit: number) => number, depth = 0): number {
  if (typeof value === 'string') return ofText(value, limit);
  if (typeof value !== 'object' || value === null) return String(value).length;
  if (depth === DEEPEST) return Infinity;
  let sum = 1;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && sum <= limit; i++) sum += 1 + size(value[i], limit - sum, ofText, depth + 1);
    return Math.max(2, sum);
  }
  for (const name in value) {
    if (sum > limit) break;
    sum += 2 + ofText(name, limit) + size((value as Record<string, unknown>)[name], limit - sum, ofText, depth + 1);
  }
  return Math.max(2, sum);
}
