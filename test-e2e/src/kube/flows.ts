import { createServer, type AddressInfo } from 'node:net';

import type { Cluster } from './kubectl.js';
import { restrictedPod } from './load-pod.js';
import { OURS, serviceOf } from './installation.js';

/** A connection that is tried from one pod that may and, unless everybody may, from one that may not. */
type Flow = { readonly what: string; readonly host: string; readonly port: number; readonly may: string; readonly mayNot?: string };

const CONNECT = `const [host, port] = process.argv.slice(1); const socket = require('node:net').connect(Number(port), host);
socket.setTimeout(3000, () => { console.log('denied'); process.exit(); }).once('connect', () => { console.log('open'); process.exit(); }).once('error', (error) => { console.log(error.code); process.exit(); });`;

export type FlowsResult = { readonly allowed: number; readonly denied: number; readonly wrong: readonly string[] };

/** Tries each flow that must be denied, beside the same flow from a pod that may. `wrong` says which did not hold. */
export async function tryFlows(cluster: Cluster, image: string, outside: { host: string; kafkaPort: number; postgresPort: number }): Promise<FlowsResult> {
  const sleeping = ['-e', 'setInterval(() => {}, 60000)'];
  await cluster.apply(restrictedPod('friend', image, { labels: { 'yunke.dev/client': 'true' }, args: sleeping }), restrictedPod('stranger', image, { args: sleeping }));
  await cluster.kubectl('wait', '--for=condition=Ready', '--timeout=120s', 'pod/friend', 'pod/stranger');
  const podOf = async (component: string): Promise<string> => (await cluster.pods(`${OURS},app.kubernetes.io/component=${component}`))[0]!;
  const [orders, notifications] = [await podOf('orders'), await podOf('notifications')];
  const other = createServer((socket) => void socket.end());
  await new Promise<void>((resolve) => other.listen(0, outside.host, resolve));
  const { port } = other.address() as AddressInfo;
  const flows: Flow[] = [
    { what: 'a stranger calls ingestion', host: serviceOf('ingestion'), port: 8080, may: 'friend', mayNot: 'stranger' },
    { what: 'a stranger calls orders', host: serviceOf('orders'), port: 8080, may: 'friend', mayNot: 'stranger' },
    { what: 'a service calls another one', host: serviceOf('identity'), port: 8080, may: 'friend', mayNot: orders },
    { what: 'a service calls Kubernetes', host: 'kubernetes.default.svc', port: 443, may: 'friend', mayNot: orders },
    { what: 'a service calls something else beside Kafka', host: outside.host, port, may: 'friend', mayNot: orders },
    { what: 'a webhook goes to a private address', host: outside.host, port, may: 'friend', mayNot: notifications },
    { what: 'Kafka is reached', host: outside.host, port: outside.kafkaPort, may: orders },
    { what: 'the database is asked', host: outside.host, port: outside.postgresPort, may: orders },
  ];
  const wrong: string[] = [];
  let [allowed, denied] = [0, 0];
  for (const flow of flows) {
    const open = await tried(cluster, flow.may, flow);
    if (open === 'open') allowed += 1;
    else wrong.push(`${flow.what}: who may found it ${open}`);
    if (!flow.mayNot) continue;
    const closed = await tried(cluster, flow.mayNot, flow);
    if (closed === 'denied') denied += 1;
    else wrong.push(`${flow.what}: who may not found it ${closed}`);
  }
  other.close();
  await cluster.kubectl('delete', 'pod', 'friend', 'stranger', '--wait=false');
  return { allowed, denied, wrong };
}

const tried = async (cluster: Cluster, pod: string, { host, port }: Flow): Promise<string> => (await cluster.kubectl('exec', pod, '--', '/opt/yunke/bin/node', '-e', CONNECT, host, String(port))).trim();
