import type { PlatformApi } from './platform-api.js';

/** A source, made if it is not there, and a server key that lives until it is closed. */
export async function openSource(api: PlatformApi, source: string, settings: { readonly history: boolean }): Promise<{ text: string; close(): Promise<void> }> {
  const path = `/api/sources/${encodeURIComponent(source)}`;
  await api.ask('ingestion', path, { method: 'PUT', body: JSON.stringify(settings) });
  const { id, key } = await api.ask<{ id: string; key: string }>('ingestion', `${path}/keys`, { method: 'POST', body: JSON.stringify({ kind: 'server' }) });
  return {
    text: key,
    close: () => api.ask('ingestion', `${path}/keys/${id}`, { method: 'DELETE' }).then(() => undefined, (error: Error) => {
      console.error(`The write key of this run could not be revoked: ${error.message}`); // what was sent is sent: no reason to fail
    }),
  };
}
