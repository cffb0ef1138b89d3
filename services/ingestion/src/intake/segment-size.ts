/** As deep as JSON at our doors may be; here it also keeps the walk off the end of the stack. */
const DEEPEST = 32;
/** A number takes 24 bytes at the most (-1.2345678901234567e-300), and false takes five. */
const LONGEST_PLAIN = 24;

/**
 * Whether a value takes more than `limit` bytes as JSON in UTF-8. Nearly every event is far smaller, so a bound from above answers first: it
 * costs a fifth of writing the text. Both walks stop at the limit, however large the rest is.
 */
export const isLargerThan = (limit: number, value: unknown): boolean => bound(value, limit, 0) > limit && size(value, limit, 0) > limit;

/** No character takes more than six bytes (\u0000). Around a value in an object are two quotes, a colon and a comma. */
function bound(value: unknown, limit: number, depth: number): number {
  if (typeof value === 'string') return 6 * value.length + 2;
  if (typeof value !== 'object' || value === null) return LONGEST_PLAIN;
  if (depth === DEEPEST) return Infinity;
  let sum = 2;
  if (Array.isArray(value)) for (let i = 0; i < value.length && sum <= limit; i++) sum += bound(value[i], limit - sum, depth + 1) + 1;
  else for (const name in value) if (sum <= limit) sum += 6 * name.length + 4 + bound((value as Record<string, unknown>)[name], limit - sum, depth + 1);
  return sum;
}

function size(value: unknown, limit: number, depth: number): number {
  if (typeof value === 'string') return value.length > limit ? value.length : Buffer.byteLength(JSON.stringify(value));
  if (typeof value !== 'object' || value === null) return String(value).length;
  if (depth === DEEPEST) return Infinity;
  let sum = 1; // each of the members brings its comma, or the closing bracket
  if (Array.isArray(value)) for (let i = 0; i < value.length && sum <= limit; i++) sum += size(value[i], limit - sum, depth + 1) + 1;
  else for (const name in value) if (sum <= limit) sum += size(name, limit, depth) + 2 + size((value as Record<string, unknown>)[name], limit - sum, depth + 1);
  return Math.max(2, sum);
}
