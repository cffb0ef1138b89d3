import { run } from '@yunke/service';

import { counter } from './counter.module.js';

await run([counter]);
