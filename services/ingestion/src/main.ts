import '@yunke/service/telemetry';

import { run } from '@yunke/service';

import { ingestion } from './ingestion.module.js';

await run([ingestion]);
