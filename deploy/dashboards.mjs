// The Grafana dashboards as code: `node deploy/dashboards.mjs` writes charts/yunke/dashboards/*.json, `--check` fails when they differ.
// Gauges that every replica tells alike (outbox, lag, parks, timers) are taken by max; what each process counts by sum.
import { readFileSync, writeFileSync } from 'node:fs';

const FOLDER = new URL('../charts/yunke/dashboards/', import.meta.url);
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const HERE = 'namespace=~"$namespace"';
const OF = `${HERE},service=~"$service"`;
const ON = `${OF},topic=~"$topic"`;

const max = (by, metric, selector) => `max by (${by}) (${metric}{${selector}})`;
const rate = (by, metric, selector) => `sum by (${by}) (rate(${metric}{${selector}}[$__rate_interval]))`;
const share = (by, metric, bad, selector) => `${rate(by, metric, `${selector},${bad}`)} / ${rate(by, metric, selector)}`;
const quantile = (q, by, metric, selector) => `histogram_quantile(${q}, ${rate(`${by}, le`, `${metric}_bucket`, selector)})`;
/** Of the processes in which these services run: what a process has, it has once for all its services. */
const processes = (expression) => `(${expression}) and on (job, instance) yunke_database_up{${OF}}`;

/** `queries`: legend → expression. Widths are 24ths of the page. */
const panel = (title, unit, queries, { type = 'timeseries', width = 8, height = 8, about, red } = {}) => ({ title, unit, queries, type, width, height, about, red });
const figure = (title, unit, expression, more = {}) => panel(title, unit, { '': expression }, { type: 'stat', width: 4, height: 4, ...more });
const row = (title) => ({ title, type: 'row', width: 24, height: 1 });

const REQUESTS = 'yunke_http_request_duration_seconds';
const HANDLERS = 'yunke_handler_duration_seconds';
const NOT_PROBES = 'service!="operations"';

const process_ = [
  row('Processes'),
  panel('Event-loop delay, p99', 's', { '{{instance}}': processes('nodejs_eventloop_lag_p99_seconds') }, { red: 0.5 }),
  panel('CPU', 'percentunit', { '{{instance}}': processes('rate(process_cpu_seconds_total[$__rate_interval])') }),
  panel('Memory', 'bytes', { '{{instance}} resident': processes('process_resident_memory_bytes'), '{{instance}} heap': processes('nodejs_heap_size_used_bytes') }),
  panel('Garbage collection', 'percentunit', { '{{instance}} {{kind}}': processes('rate(nodejs_gc_duration_seconds_sum[$__rate_interval])') }, { about: 'Share of the time.' }),
  panel('Open files', 'short', { '{{instance}}': processes('process_open_fds') }),
  panel('Running for', 's', { '{{instance}} {{version}}': `time() - process_start_time_seconds * on (job, instance) group_left (version) (${processes('yunke_build_info')})` }),
];

const overview = {
  uid: 'yunke-overview', title: 'Yunke: overview', variables: ['namespace', 'service'],
  panels: [
    figure('Services without an answer', 'short', `count(${max('namespace, service', 'yunke_database_up', OF)} == 0) or vector(0)`, { red: 1, about: 'Whose database does not answer to any replica.' }),
    figure('Events accepted', 'ops', `sum(rate(yunke_events_published_total{${HERE},service="ingestion"}[$__rate_interval]))`),
    figure('Requests that fail', 'percentunit', `(${share('namespace', `${REQUESTS}_count`, 'status=~"5.."', `${HERE},${NOT_PROBES}`)}) or vector(0)`, { red: 0.05 }),
    figure('Furthest behind', 's', `max(yunke_consumer_lag_seconds{${OF}})`, { red: 300 }),
    figure('Oldest unpublished', 's', `max(yunke_outbox_oldest_age_seconds{${OF}})`, { red: 60 }),
    figure('Parked keys, stopped partitions', 'short', `sum(${max('namespace, service, topic', 'yunke_parked_keys', OF)}) + sum(${max('namespace, service, topic', 'yunke_partitions_stopped', OF)})`, { red: 1 }),
    row('Requests'),
    panel('Requests', 'reqps', { '{{service}}': rate('service', `${REQUESTS}_count`, `${OF},${NOT_PROBES}`) }),
    panel('Share that fails', 'percentunit', { '{{service}}': share('service', `${REQUESTS}_count`, 'status=~"5.."', `${OF},${NOT_PROBES}`) }, { red: 0.05 }),
    panel('Duration, p99', 's', { '{{service}}': quantile(0.99, 'service', REQUESTS, `${OF},${NOT_PROBES}`) }, { red: 2 }),
    row('Events'),
    panel('Said', 'ops', { '{{service}}': rate('service', 'yunke_events_published_total', OF) }, { about: 'Events acknowledged by the log.' }),
    panel('Heard', 'ops', { '{{service}}': rate('service', 'yunke_records_heard_total', OF) }, { about: 'Records that took effect.' }),
    panel('From acceptance to effect, p95', 's', { '{{service}}': quantile(0.95, 'service', 'yunke_event_end_to_end_seconds', OF) }, { red: 30 }),
    panel('Behind, in time', 's', { '{{service}}': max('service', 'yunke_consumer_lag_seconds', OF) }, { red: 300, about: 'How long the oldest record that waits has waited in the log, at most.' }),
    panel('Waits to be published', 'short', { '{{service}}': max('service', 'yunke_outbox_events', OF) }),
    panel('Timers overdue', 's', { '{{service}} {{kind}}': max('service, kind', 'yunke_timers_overdue_seconds', OF) }, { red: 300 }),
    row('The business'),
    panel('Messages', 'ops', { '{{class}} {{channel}} {{outcome}}': rate('class, channel, outcome', 'yunke_messages_total', HERE) }),
    panel('Oldest message not sent', 's', { '{{channel}}': max('channel', 'yunke_messages_oldest_unsent_age_seconds', HERE) }, { red: 900, about: 'Ready, or tried again since its first call; what is delayed by a rule is not counted.' }),
    panel('Identifiers that never link', 'ops', { '{{reason}}': rate('reason', 'yunke_identifiers_refused_total', HERE) }),
    panel('Requests refused at the door', 'reqps', { '{{status}}': rate('status', 'yunke_http_refused_requests_total', HERE) }, { about: 'Broken requests and unknown addresses, before any service saw them.' }),
    ...process_,
  ],
};

const service = {
  uid: 'yunke-service', title: 'Yunke: one service', variables: ['namespace', 'service'],
  panels: [
    row('Requests'),
    panel('Requests by route', 'reqps', { '{{method}} {{route}}': rate('method, route', `${REQUESTS}_count`, OF) }),
    panel('Errors by route', 'reqps', { '{{method}} {{route}} {{status}}': rate('method, route, status', `${REQUESTS}_count`, `${OF},status=~"5.."`) }),
    panel('Duration by route, p95', 's', { '{{method}} {{route}}': quantile(0.95, 'method, route', REQUESTS, OF) }, { red: 2 }),
    row('Handlers'),
    panel('Transactions', 'ops', { '{{handler}}': rate('handler', `${HANDLERS}_count`, OF) }, { about: 'A chunk of a topic, or the timers of a kind that are due.' }),
    panel('Share that fails', 'percentunit', { '{{handler}}': share('handler', `${HANDLERS}_count`, 'result="error"', OF) }, { red: 0.1 }),
    panel('Duration, p95', 's', { '{{handler}}': quantile(0.95, 'handler', HANDLERS, OF) }),
    row('Hearing'),
    panel('Behind, in records', 'short', { '{{topic}}': max('topic', 'yunke_consumer_lag_records', OF) }),
    panel('Behind, in time', 's', { '{{topic}}': max('topic', 'yunke_consumer_lag_seconds', OF) }, { red: 300 }),
    panel('Parked', 'short', { 'keys {{topic}}': max('topic', 'yunke_parked_keys', OF), 'records {{topic}}': max('topic', 'yunke_parked_records', OF), 'stopped {{topic}}': max('topic', 'yunke_partitions_stopped', OF) }, { red: 1 }),
    row('Saying'),
    panel('Outbox', 'short', { events: max('service', 'yunke_outbox_events', OF) }),
    panel('Oldest unpublished', 's', { age: max('service', 'yunke_outbox_oldest_age_seconds', OF) }, { red: 60 }),
    panel('Relay', 'ops', { batches: rate('service', 'yunke_relay_batches_total', OF), 'sent again': rate('service', 'yunke_relay_batches_resent_total', OF), failures: rate('service', 'yunke_relay_failures_total', OF) }),
    panel('Sending a batch', 's', { p50: quantile(0.5, 'service', 'yunke_relay_send_duration_seconds', OF), p99: quantile(0.99, 'service', 'yunke_relay_send_duration_seconds', OF) }),
    panel('Timers due', 'short', { '{{kind}}': max('kind', 'yunke_timers_due', OF) }),
    panel('Timers overdue', 's', { '{{kind}}': max('kind', 'yunke_timers_overdue_seconds', OF) }, { red: 300 }),
    row('Database'),
    panel('Answers', 'short', { '{{instance}} database': max('instance', 'yunke_database_up', OF), '{{instance}} log': max('instance', 'yunke_log_up', OF) }),
    panel('Connections', 'short', { '{{instance}} {{state}}': max('instance, state', 'yunke_database_pool_connections', OF), '{{instance}} at most': max('instance', 'yunke_database_pool_max_connections', OF) }),
    panel('Requests that wait for a connection', 'short', { '{{instance}}': max('instance', 'yunke_database_pool_waiting_requests', OF) }, { red: 1 }),
    ...process_,
  ],
};

const END_TO_END = 'yunke_event_end_to_end_seconds';

const pipeline = {
  uid: 'yunke-pipeline', title: 'Yunke: one pipeline', variables: ['namespace', 'service', 'topic'],
  panels: [
    row('Into the log: what waits in the outboxes, and how fast the relays publish'),
    panel('Said', 'ops', { '{{service}}': rate('service', 'yunke_events_published_total', OF) }),
    panel('Oldest unpublished', 's', { '{{service}}': max('service', 'yunke_outbox_oldest_age_seconds', OF) }, { red: 60 }),
    panel('Sending a batch, p95', 's', { '{{service}}': quantile(0.95, 'service', 'yunke_relay_send_duration_seconds', OF) }),
    row('Out of the log: who hears $topic, and how far behind'),
    panel('Heard', 'ops', { '{{service}} {{topic}}': rate('service, topic', 'yunke_records_heard_total', ON) }),
    panel('Behind, in records', 'short', { '{{service}} {{topic}}': max('service, topic', 'yunke_consumer_lag_records', ON) }),
    panel('Behind, in time', 's', { '{{service}} {{topic}}': max('service, topic', 'yunke_consumer_lag_seconds', ON) }, { red: 300 }),
    row('Effect'),
    panel('From acceptance to effect, p50', 's', { '{{service}} {{topic}}': quantile(0.5, 'service, topic', END_TO_END, ON) }),
    panel('From acceptance to effect, p99', 's', { '{{service}} {{topic}}': quantile(0.99, 'service, topic', END_TO_END, ON) }, { red: 30 }),
    panel('Transactions, p95', 's', { '{{service}} {{handler}}': quantile(0.95, 'service, handler', HANDLERS, `${OF},handler=~"$topic"`) }),
    row('What does not go straight through'),
    panel('Copies dropped', 'ops', { '{{service}} {{topic}}': rate('service, topic', 'yunke_records_repeated_total', ON) }, { about: 'Sent again by a relay, dropped by their number: no harm.' }),
    panel('Chunks tried again', 'ops', { '{{service}} {{topic}}': rate('service, topic', 'yunke_chunk_retries_total', ON) }),
    panel('Parked', 'ops', { '{{service}} {{topic}} {{code}}': rate('service, topic, code', 'yunke_records_parked_total', ON) }),
    panel('Sent again', 'ops', { '{{service}}': rate('service', 'yunke_events_resent_total', OF) }),
  ],
};

const VARIABLES = {
  namespace: 'label_values(yunke_build_info, namespace)',
  service: 'label_values(yunke_database_up{namespace=~"$namespace"}, service)',
  topic: 'label_values(yunke_consumer_lag_records{namespace=~"$namespace",service=~"$service"}, topic)',
};

const variable = (name) => ({
  name, label: name, type: 'query', datasource: DATASOURCE, query: { query: VARIABLES[name], refId: name }, definition: VARIABLES[name],
  includeAll: true, allValue: '.*', multi: true, refresh: 2, sort: 1, current: { text: 'All', value: '$__all' },
});

const thresholds = (red) => ({ mode: 'absolute', steps: [{ color: 'green', value: null }, ...(red === undefined ? [] : [{ color: 'red', value: red }])] });

function grafanaPanel({ title, type, unit, queries, width, height, about, red }, id, at) {
  const gridPos = { ...at, w: width, h: height };
  if (type === 'row') return { id, type, title, collapsed: false, gridPos, panels: [] };
  const targets = Object.entries(queries).map(([legendFormat, expr], index) => ({ refId: String.fromCharCode(65 + index), datasource: DATASOURCE, expr, legendFormat }));
  const custom = type === 'timeseries' ? { custom: { fillOpacity: 10, showPoints: 'never', thresholdsStyle: { mode: red === undefined ? 'off' : 'line' } } } : {};
  const options = type === 'timeseries' ? { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } } : { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'background' };
  return { id, type, title, ...(about && { description: about }), datasource: DATASOURCE, gridPos, fieldConfig: { defaults: { unit, min: 0, thresholds: thresholds(red), ...custom }, overrides: [] }, options, targets };
}

/** Places panels from left to right, in lines. */
function grafanaPanels(panels) {
  let [x, y, tallest] = [0, 0, 0];
  return panels.map((one, index) => {
    if (x + one.width > 24) [x, y, tallest] = [0, y + tallest, 0];
    const placed = grafanaPanel(one, index + 1, { x, y });
    x += one.width;
    tallest = Math.max(tallest, one.height);
    return placed;
  });
}

const dashboard = ({ uid, title, variables, panels }) => ({
  uid, title, tags: ['yunke'], schemaVersion: 39, version: 1, editable: false, refresh: '30s', time: { from: 'now-3h', to: 'now' }, timezone: 'browser',
  links: [{ type: 'dashboards', tags: ['yunke'], title: 'Yunke', asDropdown: false, keepTime: true, includeVars: true }],
  templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'data source' }, ...variables.map(variable)] },
  panels: grafanaPanels(panels),
});

const files = { 'overview.json': overview, 'service.json': service, 'pipeline.json': pipeline };
for (const [name, definition] of Object.entries(files)) {
  const text = `${JSON.stringify(dashboard(definition), null, 1)}\n`;
  if (!process.argv.includes('--check')) writeFileSync(new URL(name, FOLDER), text);
  else if (readFileSync(new URL(name, FOLDER), 'utf8') !== text) {
    console.error(`charts/yunke/dashboards/${name} is not what deploy/dashboards.mjs says: run it`);
    process.exitCode = 1;
  }
}
