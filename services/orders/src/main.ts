import '@yunke/service/telemetry';

import { run } from '@yunke/service';

import { orders } from './orders.module.js';

await run([orders]);
