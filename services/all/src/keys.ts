import { bootstrapKeys, signToken, type Credentials, type Settings } from '@yunke/service';

const DAY_SECONDS = 86_400;
const MOST_DAYS = 3_650;

/** Keys of an installation, as lines that become its secret; what is not the cluster's to know stands in comments. */
export function keysFile(credentials: Credentials): string {
  return [
    '# The keys of one installation. Keep this file where only you can read it:',
    '#   kubectl create secret generic yunke-platform --from-env-file=THIS-FILE',
    `secret=${credentials.secret}`,
    `token-keys=${credentials.tokenKey}`,
    `write-keys=${bootstrapKeys(credentials)}`,
    '# Yours, not the cluster\'s: write keys of a server and of pages, an API token (operator, a year), and what signs more of them (yunke token).',
    `# WRITE_KEY=${credentials.writeKey}`,
    `# BROWSER_WRITE_KEY=${credentials.browserWriteKey}`,
    `# API_TOKEN=${credentials.apiToken}`,
    `# YUNKE_TOKEN_PRIVATE_KEY=${credentials.tokenPrivateKey.trim().replaceAll('\n', '\\n')}`,
  ].join('\n');
}

/** An API token for `name`; `more` is the role and the days it is good for. @throws Error that lists what is wrong */
export async function newToken(settings: Settings, name: string, [role, days]: readonly string[]): Promise<string> {
  const key = settings.text('YUNKE_TOKEN_PRIVATE_KEY').replaceAll('\\n', '\n');
  if (role !== 'viewer' && role !== 'operator') settings.fault('the role', 'must be viewer or operator');
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > MOST_DAYS) settings.fault('the days', `must be a whole number from 1 to ${MOST_DAYS}`);
  settings.check();
  return signToken(key, name, role as 'viewer' | 'operator', count * DAY_SECONDS);
}
