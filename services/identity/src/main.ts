import '@yunke/service/telemetry';

import { run } from '@yunke/service';

import { identity } from './identity.module.js';

await run([identity]);
