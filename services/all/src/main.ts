import { identity } from '@yunke/identity';
import { ingestion } from '@yunke/ingestion';
import { orders } from '@yunke/orders';
import { segmentation } from '@yunke/segmentation';
import { run } from '@yunke/service';

import { readyBlock } from './ready.js';

const running = await run([ingestion, identity, segmentation, orders], { ownCredentials: true });

if (process.stdout.isTTY || running.credentials?.fresh || process.argv.includes('--demo')) console.log(readyBlock(running));
