import { ingestion } from '@yunke/ingestion';
import { identity } from '@yunke/identity';
import { orders } from '@yunke/orders';
import { segmentation } from '@yunke/segmentation';
import { run } from '@yunke/service';

await run([ingestion, identity, segmentation, orders], { ownCredentials: true });
