import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { servicesOf } from './services.js';

const folders = readdirSync(fileURLToPath(new URL('../../', import.meta.url)), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'all').map(({ name }) => name);

describe('the services that a process runs', () => {
  it('are every folder of services when it says all', async () => {
    expect((await servicesOf('all')).map(({ name }) => name).sort()).toEqual(folders.sort());
  });

  it('are those it names, in the order of the platform', async () => {
    expect((await servicesOf('orders, identity')).map(({ name }) => name)).toEqual(['identity', 'orders']);
  });

  it('are refused when there is none of a name', async () => {
    await expect(servicesOf('orders,invoices')).rejects.toThrow('there is no invoices');
    await expect(servicesOf(' ')).rejects.toThrow('YUNKE_SERVICES must be all, or some of ingestion, identity');
  });
});
