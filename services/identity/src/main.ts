import { run } from '@yunke/service';

import { identity } from './identity.module.js';

await run([identity]);
