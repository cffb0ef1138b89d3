import { createPublicKey, verify } from 'node:crypto';

import { Settings, makeCredentials } from '@yunke/service';

import { keysFile, newToken } from './keys.js';

describe('the keys of an installation', () => {
  it('are lines that become a secret with the keys that the chart names; a person\'s own stand in comments', async () => {
    const credentials = await makeCredentials();
    const lines = keysFile(credentials).split('\n');
    expect(Object.fromEntries(lines.filter((line) => !line.startsWith('#')).map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]))).toEqual({
      secret: credentials.secret, 'token-keys': credentials.tokenKey, 'write-keys': `shop:server:${credentials.writeKey},web:browser:${credentials.browserWriteKey}`,
    });
    for (const own of [credentials.apiToken, credentials.writeKey, credentials.browserWriteKey]) expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^# .*=${own}$`)));
  });

  it('sign tokens that its public key checks', async () => {
    const credentials = await makeCredentials();
    const privateKey = keysFile(credentials).split('YUNKE_TOKEN_PRIVATE_KEY=')[1]!;
    const token = await newToken(new Settings({ YUNKE_TOKEN_PRIVATE_KEY: privateKey }), 'ada', ['viewer', '30']);
    const [head, body, signature] = token.split('.');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: credentials.tokenKey }, format: 'jwk' });
    expect(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature!, 'base64url'))).toBe(true);
    const payload = JSON.parse(Buffer.from(body!, 'base64url').toString()) as { iat: number; exp: number };
    expect(payload).toMatchObject({ sub: 'ada', role: 'viewer', iss: 'yunke', aud: 'yunke-api' });
    expect(payload.exp - payload.iat).toBe(30 * 86_400);
  });

  it.each([[[], ['YUNKE_TOKEN_PRIVATE_KEY is missing', 'the role must be', 'the days must be']], [['owner', '0'], ['the role', 'the days']]])('are refused for %j, with all that is wrong', async (more, says) => {
    const refused = newToken(new Settings({}), 'ada', more);
    for (const one of says) await expect(refused).rejects.toThrow(one);
  });
});
