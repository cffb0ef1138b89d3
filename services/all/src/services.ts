import type { Service } from '@yunke/service';

/** Every service of the platform, loaded when it is wanted: a process that runs one does not pay for the others. */
const SERVICES: Readonly<Record<string, () => Promise<Service>>> = {
  ingestion: async () => (await import('@yunke/ingestion')).ingestion,
  identity: async () => (await import('@yunke/identity')).identity,
  segmentation: async () => (await import('@yunke/segmentation')).segmentation,
  orders: async () => (await import('@yunke/orders')).orders,
  inventory: async () => (await import('@yunke/inventory')).inventory,
  notifications: async () => (await import('@yunke/notifications')).notifications,
};

/** The services of these names, `orders,identity`, in the order of the platform; `all` for every one. @throws Error that names those there are */
export async function servicesOf(names: string): Promise<Service[]> {
  const wanted = names === 'all' ? Object.keys(SERVICES) : names.split(',').map((name) => name.trim()).filter(Boolean);
  const unknown = wanted.filter((name) => !Object.hasOwn(SERVICES, name));
  if (wanted.length === 0 || unknown.length > 0) throw new Error(`YUNKE_SERVICES must be all, or some of ${Object.keys(SERVICES).join(', ')}${unknown.length > 0 ? `; there is no ${unknown.join(', ')}` : ''}`);
  const services: Service[] = [];
  for (const [name, load] of Object.entries(SERVICES)) if (wanted.includes(name)) services.push(await load());
  return services;
}
