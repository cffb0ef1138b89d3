import { Webhook } from 'standardwebhooks';

import { mayReach, whyRefused } from './egress.js';
import { secretOf, secretsOf, signedHeaders } from './endpoint.js';

describe('the way out', () => {
  it.each(['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1',
    '::1', '::', 'fe80::1', 'fd00::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', 'not an address'])('does not lead to %s', (address) => expect(mayReach(address, [])).toBe(false));

  it.each(['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'])('leads to %s', (address) => expect(mayReach(address, [])).toBe(true));

  it('leads where an operator allowed it, and no further', () => {
    expect(mayReach('10.1.2.3', ['10.1.0.0/16'])).toBe(true);
    expect(mayReach('10.2.2.3', ['10.1.0.0/16', 'hooks.internal'])).toBe(false);
    expect(mayReach('::ffff:127.0.0.1', ['127.0.0.1'])).toBe(true);
  });

  it.each(['http://hooks.example.com/', 'https://127.0.0.1/', 'https://[::1]/', 'https://0x7f.1/', 'https://2130706433/', 'https://127.1/', 'https://localhost/', 'https://a.localhost/', 'https://user:pw@hooks.example.com/', 'file:///etc/passwd', 'ftp://x.example/', 'nonsense', 'https://169.254.169.254/latest'])('refuses %s', (url) => expect(whyRefused(url, [])).toBeDefined());

  it('takes public addresses over https, and allowed private ones', () => {
    expect(whyRefused('https://hooks.example.com/x?y=1', [])).toBeUndefined();
    expect(whyRefused('http://127.0.0.1:8123/x', ['127.0.0.0/8'])).toBeUndefined();
    expect(whyRefused('http://hooks.internal/x', ['hooks.internal'])).toBeUndefined();
  });
});

describe('a signature', () => {
  const endpoint = { id: 'e1', url: 'https://x.example', facts: [], generation: 2, previousUntil: 1_000_000, closedWhy: null };
  const installation = 'a secret of at least thirty-two characters';
  const body = '{"type":"SegmentEntered","timestamp":"2026-03-01T00:00:00.000Z","data":{}}';

  it('is one that the reference library takes, and not for another body', () => {
    const headers = signedHeaders([secretOf(installation, endpoint)], 'msg_1', Date.now(), body);
    const receiver = new Webhook(secretOf(installation, endpoint));

    expect(receiver.verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => receiver.verify(body.replace('Entered', 'Left'), headers)).toThrow();
  });

  it('is made with the secret before, too, while that overlaps', () => {
    const before = new Webhook(secretOf(installation, { id: 'e1', generation: 1 }));
    const at = Date.now();

    expect(before.verify(body, signedHeaders(secretsOf(installation, endpoint, 999_999), 'msg_1', at, body))).toBeDefined();
    expect(() => before.verify(body, signedHeaders(secretsOf(installation, endpoint, 1_000_000), 'msg_1', at, body))).toThrow();
  });

  it('is the published one', () => {
    expect(signedHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_000, '{"test": 2432232314}')).toMatchObject({ 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' });
  });
});
