import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseAllDocuments } from 'yaml';

import { readme } from '../../../charts/render-readme.mjs';
import { findHelm } from '../../../deploy/dev/helm.mjs';
import { SERVICES } from '../platform/platform.js';
import { CHART, helm, profiles, render, type Manifest } from './rendered.js';

const { helm: program, missing } = findHelm();

const EXAMPLES = join(CHART, '../../deploy/examples');

const componentOf = (labels: any): string => labels['app.kubernetes.io/component'];

const refusals: [what: string, sets: string[], says: string][] = [
  ['a broker without a port', ['kafka.brokers={kafka}'], '/kafka/brokers/0'],
  ['no broker', ['kafka.brokers=null'], "missing property 'brokers'"],
  ['no image', ['image.repository='], '/image/repository'],
  ['a moving tag', ['image.tag=latest'], 'a rollback must find what it left'],
  ['an unknown service', ['services.invoices.replicas=1'], 'invoices'],
  ['a misspelt value', ['defaults.replica=1'], 'replica'],
  ['an unknown migrations mode', ['migrations.mode=auto'], "'hook', 'job', 'init', 'manual'"],
  ['two who scale', ['defaults.autoscaling.type=both'], "'none', 'hpa', 'keda'"],
  ['KEDA for ingestion', ['services.ingestion.autoscaling.type=keda'], '/services/ingestion/autoscaling/type'],
  ['KEDA for all, ingestion included', ['defaults.autoscaling.type=keda'], 'ingestion hears nothing from Kafka'],
  ['fewest above most', ['defaults.autoscaling.min=9'], 'min is larger than max'],
  ['SASL without a secret', ['kafka.sasl.mechanism=SCRAM-SHA-512'], '/kafka/sasl/existingSecret'],
  ['a password over plain text', ['kafka.sasl.mechanism=PLAIN', 'kafka.sasl.existingSecret=kafka'], '/kafka/tls/enabled'],
  ['a CA without TLS', ['kafka.tls.caSecret=ca'], '/kafka/tls/caSecret'],
  ['an sslmode that may fall back to plain text', ['database.host=db', 'database.sslMode=prefer'], '/database/sslMode'],
  ['no database secret', ['database.existingSecret='], 'database.existingSecret is missing'],
  ['no platform secret', ['platform.existingSecret='], '/platform/existingSecret'],
  ['a variable that the chart sets', ['defaults.env.KAFKA_BROKERS=x'], 'KAFKA_BROKERS is set by the chart'],
  ['too little time to end', ['defaults.terminationGracePeriodSeconds=10'], 'terminationGracePeriodSeconds'],
  ['a drain that leaves too little time to end', ['services.orders.drainSeconds=15'], 'services.orders.terminationGracePeriodSeconds: must be more than drainSeconds and 30'],
  ['an Ingress for no host', ['ingress.enabled=true'], '/ingress/hosts'],
  ['Ingress and Gateway at once', ['ingress.enabled=true', 'ingress.hosts={a}', 'gateway.enabled=true', 'gateway.hosts={a}', 'gateway.parentRefs[0].name=g'], 'choose one'],
  ['nothing at all', SERVICES.map((name) => `services.${name}.enabled=false`), 'every service is disabled'],
];

if (program) {
  describe.each(profiles)('the chart with the values of %s', (profile) => policies(program, profile));
  describe('the chart', () => specifics(program));
} else if (process.env['CI']) {
  it('chart NOT RUN', () => { throw new Error(`The chart cannot be rendered here, missing: ${missing}`); });
} else {
  console.warn(`chart NOT RUN, missing: ${missing}`);
  it('chart NOT RUN: helm is missing', () => undefined);
}

/** What holds whatever the values are. */
function policies(program: string, profile: string): void {
  let all: Manifest[];
  beforeAll(() => { all = render(program, profile); });
  const of = (kind: string): Manifest[] => all.filter((one) => one.kind === kind);
  const pods = (): any[] => [...of('Deployment'), ...of('Job')].map(({ spec }) => spec.template);
  const containers = (): any[] => pods().flatMap(({ spec }) => [...(spec.initContainers ?? []), ...spec.containers]);
  const main = (): any[] => of('Deployment').map(({ spec }) => spec.template.spec.containers[0]);
  const scaled = (): string[] => [...of('HorizontalPodAutoscaler'), ...of('ScaledObject')].map(({ spec }) => spec.scaleTargetRef.name);
  const egress = (): any[] => of('NetworkPolicy').flatMap(({ spec }) => spec.egress);

  it('passes helm lint', () => expect(helm(program, 'lint', '--strict', '-f', join(CHART, 'ci', `${profile}.yaml`))).toMatchObject({ status: 0 }));

  it('names nothing twice', () => {
    const names = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toEqual([...new Set(names)]);
  });

  it('labels everything with name, instance, version, manager and chart', () => {
    const wanted = ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by', 'helm.sh/chart'];
    expect(all.filter(({ metadata }) => wanted.some((label) => !metadata.labels[label])).map(({ metadata }) => metadata.name)).toEqual([]);
  });

  it('selects by name, instance and component only: an upgrade cannot change selectors', () => {
    for (const { spec } of of('Deployment')) expect(Object.keys(spec.selector.matchLabels)).toEqual(['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/component']);
  });

  it('selects its own pods and nobody else\'s with each Service, budget and policy', () => {
    const labels = of('Deployment').map(({ spec }) => spec.template.metadata.labels);
    const selectors = [...of('Service').map(({ spec }) => spec.selector), ...of('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels), ...of('NetworkPolicy').map(({ spec }) => spec.podSelector.matchLabels)];
    for (const selector of selectors.filter((one) => componentOf(one) !== 'prepare')) {
      expect(labels.filter((own) => Object.entries(selector).every(([key, value]) => own[key] === value)).map(componentOf)).toEqual([componentOf(selector)]);
    }
  });

  it('gives containers no rights and a root that cannot be written', () => {
    for (const { securityContext } of containers()) expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } });
  });

  it('runs no pod as root or without seccomp', () => expect(pods().filter(({ spec }) => !spec.securityContext.runAsNonRoot || spec.securityContext.seccompProfile.type !== 'RuntimeDefault')).toEqual([]));

  it('shares nothing of the host', () => expect(pods().filter(({ spec }) => spec.hostNetwork || spec.hostPID || spec.hostIPC)).toEqual([]));

  it('lets pods write to a small temporary folder and nowhere else', () => expect(pods().filter(({ spec }) => JSON.stringify(spec.volumes) !== '[{"name":"tmp","emptyDir":{"sizeLimit":"64Mi"}}]')).toEqual([]));

  it('mounts no token of Kubernetes', () => expect(pods().filter(({ spec }) => spec.automountServiceAccountToken !== false)).toEqual([]));

  it('takes no settings from the Services of the namespace', () => expect(pods().filter(({ spec }) => spec.enableServiceLinks !== false)).toEqual([]));

  it('asks for CPU and memory and limits memory, everywhere', () => {
    for (const { resources } of containers()) expect(resources).toMatchObject({ requests: { cpu: expect.anything(), memory: expect.anything() }, limits: { memory: expect.anything() } });
  });

  it('throttles nobody\'s CPU', () => expect(containers().filter(({ resources }) => resources.limits.cpu)).toEqual([]));

  it('runs a named version of one image', () => {
    expect([...new Set(containers().map(({ image }) => image))]).toEqual([expect.stringMatching(/:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$/)]);
  });

  it('sets no variable twice', () => {
    for (const { env } of containers()) expect(env.map(({ name }: any) => name)).toEqual([...new Set(env.map(({ name }: any) => name))]);
  });

  it('writes no secret into a manifest', () => {
    expect(of('Secret')).toEqual([]);
    const secrets = containers().flatMap(({ env }) => env).filter(({ name }: any) => /SECRET$|PASSWORD$|_KEY$|TOKEN_KEYS|BOOTSTRAP/.test(name));
    expect(secrets.filter(({ valueFrom }: any) => !valueFrom?.secretKeyRef)).toEqual([]);
  });

  it('runs one service a pod', () => {
    for (const { name, env } of main()) expect(env.find((one: any) => one.name === 'YUNKE_SERVICES').value).toBe(name);
  });

  it('lets no pod migrate beside the others', () => expect(main().filter(({ env }) => env.find(({ name }: any) => name === 'YUNKE_MIGRATE').value !== 'wait')).toEqual([]));

  it('asks for readiness by everything a pod needs, and for life by itself alone', () => {
    for (const { startupProbe, readinessProbe, livenessProbe } of main()) {
      expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual(['/health/live', '/health/ready', '/health/live']);
    }
  });

  it('waits minutes for a start, and kills no pod before a minute of silence', () => {
    for (const { startupProbe, livenessProbe } of main()) {
      expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(300);
      expect(livenessProbe.periodSeconds * livenessProbe.failureThreshold).toBeGreaterThanOrEqual(60);
    }
  });

  it('goes on answering until load balancers know and idle connections have ended, and gives what has begun the time to end', () => {
    for (const { spec } of of('Deployment')) {
      const seconds = Number(spec.template.spec.containers[0].env.find(({ name }: any) => name === 'YUNKE_DRAIN_SECONDS').value);
      expect(seconds).toBeGreaterThan(5);
      expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds + 30); // a process ends itself after 30 s
    }
  });

  it('takes no pod away before its successor is ready', () => expect(of('Deployment').filter(({ spec }) => spec.strategy.rollingUpdate.maxUnavailable !== 0)).toEqual([]));

  it('spreads pods over zones and nodes where it can, and starts them all the same', () => {
    for (const { spec } of of('Deployment')) {
      const spread = spec.template.spec.topologySpreadConstraints.map(({ topologyKey, whenUnsatisfiable }: any) => [topologyKey, whenUnsatisfiable]);
      expect(spread).toEqual([['topology.kubernetes.io/zone', 'ScheduleAnyway'], ['kubernetes.io/hostname', 'ScheduleAnyway']]);
    }
  });

  it('has a disruption budget of one pod for every service', () => {
    expect(of('PodDisruptionBudget').map(({ metadata }) => metadata.name).sort()).toEqual(of('Deployment').map(({ metadata }) => metadata.name).sort());
    expect(of('PodDisruptionBudget').filter(({ spec }) => spec.maxUnavailable !== 1)).toEqual([]);
  });

  it('leaves the number of pods to whoever scales, and to one only', () => {
    expect(scaled()).toEqual([...new Set(scaled())]);
    expect(of('Deployment').filter(({ metadata, spec }) => (spec.replicas === undefined) !== scaled().includes(metadata.name))).toEqual([]);
  });

  it('scales down slowly: each change moves partitions', () => {
    const behaviours = [...of('HorizontalPodAutoscaler').map(({ spec }) => spec.behavior), ...of('ScaledObject').map(({ spec }) => spec.advanced.horizontalPodAutoscalerConfig.behavior)];
    for (const { scaleDown } of behaviours) expect(scaleDown.stabilizationWindowSeconds).toBeGreaterThanOrEqual(300);
  });

  it('has a network policy for every pod, in both directions', () => {
    const covered = of('NetworkPolicy').map(({ spec }) => componentOf(spec.podSelector.matchLabels));
    expect(pods().map(({ metadata }) => componentOf(metadata.labels)).filter((component) => !covered.includes(component))).toEqual([]);
    expect(of('NetworkPolicy').filter(({ spec }) => spec.policyTypes.length !== 2)).toEqual([]);
  });

  it('lets out to named ports only', () => expect(egress().filter(({ ports }) => !(ports?.length > 0))).toEqual([]));

  it('lets in on the service\'s port only, and only who is named', () => {
    for (const { spec } of of('NetworkPolicy')) for (const rule of spec.ingress) expect([rule.ports, rule.from.length > 0]).toEqual([[{ port: 'http' }], true]);
  });

  it('lets only notifications reach public addresses, and never private ones by the same rule', () => {
    const open = of('NetworkPolicy').filter(({ spec }) => JSON.stringify(spec.egress).includes('"0.0.0.0/0"'));
    expect(open.map(({ spec }) => componentOf(spec.podSelector.matchLabels)).filter((component) => component !== 'notifications')).toEqual([]);
    const everywhere = egress().flatMap(({ to }) => to ?? []).filter(({ ipBlock }) => ipBlock?.cidr === '0.0.0.0/0');
    for (const { ipBlock } of everywhere) expect(ipBlock.except).toEqual(expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16']));
  });

  it('exposes no health, metrics or operations to the world', () => {
    const ingress = of('Ingress').flatMap(({ spec }) => spec.rules).flatMap(({ http }) => http.paths.map(({ path }: any) => path));
    const gateway = of('HTTPRoute').flatMap(({ spec }) => spec.rules).flatMap(({ matches }) => matches.map(({ path }: any) => path.value));
    expect([...ingress, ...gateway].filter((path) => path === '/' || /^\/(health|metrics|openapi|api\/operations)/.test(path))).toEqual([]);
  });

  it('lets a hook use nothing that the release has yet to make', () => {
    for (const { metadata, spec } of of('Job').filter((job) => job.metadata.annotations?.['helm.sh/hook'])) {
      expect(spec.template.spec.serviceAccountName).toBeUndefined();
      expect(metadata.annotations['helm.sh/hook-delete-policy']).toBe('before-hook-creation,hook-succeeded');
      expect(spec.ttlSecondsAfterFinished).toBeGreaterThan(0); // a release does not own its hooks: nobody else would remove one that failed
    }
  });

  it('uses only APIs that are stable, where there is a stable one', () => expect(all.filter(({ apiVersion }) => /beta|alpha/.test(apiVersion) && !apiVersion.startsWith('keda.sh/'))).toEqual([]));
}

/** What particular values bring. */
function specifics(program: string): void {
  const envOf = (manifests: Manifest[], name: string): any[] => manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith(`-${name}`))!.spec.template.spec.containers[0].env;

  it.each(refusals)('refuses %s, and says where', (_what, sets, says) => {
    expect(() => render(program, 'minimal', ...sets)).toThrow(says);
  });

  it('has every service of the platform', () => {
    expect(render(program, 'minimal').filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name).sort()).toEqual(SERVICES.map((name) => `yunke-${name}`).sort());
  });

  it.each(SERVICES)('routes to %s the paths that it answers', (service) => {
    const { spec } = render(program, 'production').find(({ kind }) => kind === 'Ingress')!;
    const source = readFileSync(join(CHART, '../../services', service, 'src', `${service}.module.ts`), 'utf8');
    const routes = [.../routes: \[([^\]]*)\]/.exec(source)![1]!.matchAll(/'([^']+)'/g)].map(([, path]) => path);
    expect(spec.rules[0].http.paths.filter(({ backend }: any) => backend.service.name === `yunke-${service}`).map(({ path }: any) => path)).toEqual(routes);
  });

  it('gives a service its own database where it has one', () => {
    const manifests = render(program, 'operators');
    expect(envOf(manifests, 'orders').find(({ name }) => name === 'YUNKE_DATABASE_URL').valueFrom.secretKeyRef).toEqual({ name: 'orders-app', key: 'uri' });
    expect(envOf(manifests, 'identity').find(({ name }) => name === 'YUNKE_DATABASE_URL').value).toBe('postgres://yunke-rw:5432/yunke_{service}');
  });

  it('makes write keys known to ingestion alone', () => {
    const manifests = render(program, 'production');
    expect(SERVICES.filter((name) => envOf(manifests, name).some((one) => one.name === 'YUNKE_BOOTSTRAP_KEYS'))).toEqual(['ingestion']);
  });

  it('carries every alert rule and dashboard, unchanged', () => {
    const manifests = render(program, 'production');
    const { spec } = manifests.find(({ kind }) => kind === 'PrometheusRule')!;
    const alerts = spec.groups.flatMap(({ rules }: any) => rules.map(({ alert }: any) => alert)).filter(Boolean);
    expect(alerts).toEqual([...readFileSync(join(CHART, 'rules/alerts.yaml'), 'utf8').matchAll(/^ *- alert: (\w+)/gm)].map(([, name]) => name));
    for (const { data } of manifests.filter(({ kind }) => kind === 'ConfigMap')) for (const [file, text] of Object.entries(data)) expect(text).toBe(readFileSync(join(CHART, 'dashboards', file), 'utf8'));
  });

  it('names a Job of the release for what it runs, so that an upgrade can make another', () => {
    const nameOf = (...sets: string[]): string => render(program, 'gitops', ...sets).find(({ kind }) => kind === 'Job')!.metadata.name;
    expect(nameOf()).toBe(nameOf());
    expect(nameOf('image.tag=0.1.1')).not.toBe(nameOf());
  });

  it('fits the Kafka of Strimzi and the PostgreSQL of CloudNativePG in the examples', () => {
    const example = (file: string): Manifest[] => parseAllDocuments(readFileSync(join(EXAMPLES, file), 'utf8')).map((document) => document.toJS() as Manifest);
    const values = helm(program, 'template', '-f', join(EXAMPLES, 'values.yaml'), '--set', 'image.repository=registry.example.com/yunke');
    expect(values).toMatchObject({ status: 0 });
    expect(new Set(example('strimzi.yaml').map(({ apiVersion }) => apiVersion))).toEqual(new Set(['kafka.strimzi.io/v1']));
    const postgres = example('cloudnativepg.yaml');
    const databases = [postgres.find(({ kind }) => kind === 'Cluster')!.spec.bootstrap.initdb.database, ...postgres.filter(({ kind }) => kind === 'Database').map(({ spec }) => spec.name)];
    expect(databases.sort()).toEqual(SERVICES.map((service) => `yunke_${service}`).sort());
  });

  it('has a README that tells its values as they are', () => expect(readFileSync(join(CHART, 'README.md'), 'utf8')).toBe(readme()));
}
