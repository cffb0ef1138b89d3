import '@yunke/service/telemetry';

import { Settings, createLogger, makeCredentials, migrateServices, prepareTopics, run } from '@yunke/service';

import { keysFile, newToken } from './keys.js';
import { servicesOf } from './services.js';

const USAGE = `usage: yunke [serve]              runs the services of YUNKE_SERVICES (all)
       yunke migrate              brings their databases to the schema that this version needs
       yunke topics apply|check   makes the topics of the contracts, or compares them: exit code 1 when they differ
       yunke keys                 prints new keys of an installation, as a file for \`kubectl create secret --from-env-file\`
       yunke token NAME viewer|operator DAYS
                                  prints an API token, signed with YUNKE_TOKEN_PRIVATE_KEY`;

const say = (line: string): void => console.log(line);
const [command = 'serve', action, ...more] = process.argv.slice(2);
const wanted = (): ReturnType<typeof servicesOf> => servicesOf(process.env['YUNKE_SERVICES'] || 'all');

/** The image's program. */
async function main(): Promise<void> {
  if (command === 'serve') {
    const { config, services } = await run(await wanted());
    return createLogger(config.logLevel).info({ services: services.map(({ service }) => service.name) }, 'ready');
  }
  if (command === 'migrate') return migrateServices(await wanted(), say);
  if (command === 'topics' && (action === 'apply' || action === 'check')) {
    if (!(await prepareTopics(action, say))) process.exitCode = 1;
    return;
  }
  if (command === 'keys' && !action) return say(keysFile(await makeCredentials()));
  if (command === 'token' && action) return say(await newToken(new Settings(process.env), action, more));
  console.error(USAGE);
  process.exitCode = 2;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
