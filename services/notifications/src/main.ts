import '@yunke/service/telemetry';

import { run } from '@yunke/service';

import { notifications } from './notifications.module.js';

await run([notifications]);
