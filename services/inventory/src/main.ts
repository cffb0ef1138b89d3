import '@yunke/service/telemetry';

import { run } from '@yunke/service';

import { inventory } from './inventory.module.js';

await run([inventory]);
