import '@yunke/service/telemetry';

import { run } from '@yunke/service';

import { segmentation } from './segmentation.module.js';

await run([segmentation]);
