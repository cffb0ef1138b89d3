import type { Running } from '@yunke/service';

/** What somebody who has just started Yunke needs next. Keys are shown the first time, afterwards only where they are. */
export function readyBlock({ url, credentials }: Running): string {
  const { file, fresh, values } = credentials!;
  const keys = fresh ? [`  write key  ${values.writeKey}`, `  API token  ${values.apiToken}`, `  (kept in ${file})`] : [`  keys       in ${file}`];
  const key = fresh ? values.writeKey : '$WRITE_KEY';
  const token = fresh ? values.apiToken : '$API_TOKEN';
  return [
    '', `  Yunke is ready: ${url}`, ...keys, '',
    '  Try:', '  1  a shopper orders',
    `     curl -su ${key}: ${url}/v1/track -H 'content-type: application/json' -d '{"messageId":"try-1","userId":"ada","event":"Order Completed","properties":{"order_id":"1001","currency":"CNY","products":[{"product_id":"tea","price":128.00,"quantity":2}]}}'`,
    '  2  the segments know it', `     curl -s ${url}/api/segmentation/segments -H 'authorization: Bearer ${token}'`,
    '  3  a shop that lives', '     npm start -- --demo', '',
  ].join('\n');
}
