// The Grafana dashboard, made of a list of what it shows. Names of metrics in it are held against what runs by npm test.

const PANEL_HEIGHT = 8;
const COLUMNS = 24;
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const WHERE = 'namespace=~"$namespace"';

const rate = (metric, by, more = '') => `sum by (${by}) (rate(${metric}{${WHERE}${more}}[$__rate_interval]))`;
const quantile = (q, metric, by, more = '') => `histogram_quantile(${q}, ${rate(`${metric}_bucket`, `${by}le`, more)})`;
const quantiles = (metric, by = '', more = '', legend = '') =>
  [0.5, 0.99].map((q) => [quantile(q, metric, by, more), `p${q * 100}${legend}`]);
const gauge = (metric, by, aggregate = 'max') => `${aggregate} by (${by}) (${metric}{${WHERE}})`;

const PHASES = 'concordat_transaction_phase_duration_seconds';

/** Rows of panels: title, unit, and queries with their legends. */
const ROWS = {
  Transactions: [
    ['Decided', 'ops', [[rate('concordat_transactions_decided_total', 'outcome'), '{{outcome}}']]],
    ['From begin to decision', 's', quantiles(PHASES, '', ',phase="decision"')],
    ['Phases, p99', 's', [[quantile(0.99, PHASES, 'phase, ', ',phase!="decision"'), '{{phase}}']]],
    ['Phases, p50', 's', [[quantile(0.5, PHASES, 'phase, ', ',phase!="decision"'), '{{phase}}']]],
    ['Aborts by reason', 'ops', [[rate('concordat_transactions_aborted_total', 'reason'), '{{reason}}']]],
    [
      'Not finished',
      'short',
      [
        [gauge('concordat_in_flight', 'namespace'), 'in flight'],
        [gauge('concordat_undecided', 'namespace'), 'undecided'],
      ],
    ],
    [
      'Age of the oldest',
      's',
      [
        [gauge('concordat_oldest_in_doubt_seconds', 'namespace'), 'in doubt'],
        [gauge('concordat_oldest_unfinalised_seconds', 'namespace'), 'decided, not done everywhere'],
      ],
    ],
    [
      'Contradictions',
      'short',
      [
        [gauge('concordat_open_hazards', 'namespace'), 'hazards'],
        [gauge('concordat_audit_violations', 'namespace'), 'violations in the newest audit'],
        [gauge('concordat_orphans', 'namespace'), 'orphans'],
      ],
    ],
  ],
  Calls: [
    ['Requests by status', 'reqps', [[rate('concordat_http_request_duration_seconds_count', 'status'), '{{status}}']]],
    [
      'Duration by route, p99',
      's',
      [[quantile(0.99, 'concordat_http_request_duration_seconds', 'method, route, '), '{{method}} {{route}}']],
    ],
    [
      'Failed requests by route',
      'reqps',
      [
        [
          rate('concordat_http_request_duration_seconds_count', 'method, route, status', ',status=~"5..|429"'),
          '{{status}} {{method}} {{route}}',
        ],
      ],
    ],
    ['Refused for want of room', 'reqps', [[rate('concordat_admission_refused_total', 'by'), '{{by}}']]],
    [
      'Places',
      'short',
      [
        [gauge('concordat_admission_places', 'namespace'), 'places'],
        [gauge('concordat_admission_working', 'namespace'), 'taken'],
        [gauge('concordat_admission_waiting', 'namespace'), 'waiting'],
      ],
    ],
    ['Wait for a place', 's', quantiles('concordat_admission_wait_seconds')],
  ],
  Participants: [
    [
      'Suspicion (phi)',
      'short',
      [[gauge('concordat_participant_suspicion', 'participant, instance'), '{{participant}} by {{instance}}']],
    ],
    [
      'Unanswered commands',
      'short',
      [
        [gauge('concordat_participant_lag', 'participant'), '{{participant}}'],
        [gauge('concordat_participant_lag_max', 'participant'), '{{participant}}, at the most'],
      ],
    ],
    [
      'Commands not read yet',
      'short',
      [[gauge('concordat_participant_kafka_lag_messages', 'participant', 'sum'), '{{participant}}']],
    ],
    [
      'Prepare, p99',
      's',
      [[quantile(0.99, 'concordat_participant_prepare_seconds', 'participant, '), '{{participant}}']],
    ],
    ['Votes', 'ops', [[rate('concordat_participant_votes_total', 'participant, vote'), '{{participant}} {{vote}}']]],
    ['Prepared', 'short', [[gauge('concordat_participant_prepared_branches', 'participant'), '{{participant}}']]],
    [
      'Oldest prepared',
      's',
      [[gauge('concordat_participant_oldest_prepared_seconds', 'participant'), '{{participant}}']],
    ],
    [
      'Votes sent again, and failures',
      'ops',
      [
        [rate('concordat_participant_vote_repeats_total', 'participant'), '{{participant}}: votes again'],
        [rate('concordat_participant_finalise_failures_total', 'participant'), '{{participant}}: finalise failed'],
        [rate('concordat_participant_send_failures_total', 'participant'), '{{participant}}: not sent'],
      ],
    ],
  ],
  Replicas: [
    [
      'Ready and leading',
      'short',
      [
        [gauge('concordat_ready', 'instance'), '{{instance}} is ready'],
        [gauge('concordat_leads', 'instance'), '{{instance}} leads'],
      ],
    ],
    ['Term', 'short', [[gauge('concordat_raft_term', 'instance'), '{{instance}}']]],
    ['Entries that followers lack', 'short', [[gauge('concordat_raft_peer_lag_entries', 'peer'), 'replica {{peer}}']]],
    ['Entries not applied yet', 'short', [[gauge('concordat_raft_apply_lag_entries', 'instance'), '{{instance}}']]],
    [
      'Entries on a quorum',
      'ops',
      [[`max by (instance) (deriv(concordat_raft_commit_index{${WHERE}}[5m]))`, '{{instance}}']],
    ],
    [
      'A write of the log, p99',
      's',
      [[quantile(0.99, 'concordat_log_fsync_duration_seconds', 'instance, '), '{{instance}}']],
    ],
    ['Flushes of the log', 'ops', [[rate('concordat_log_fsyncs_total', 'instance'), '{{instance}}']]],
    ['Bytes of the log', 'Bps', [[rate('concordat_log_bytes_total', 'instance'), '{{instance}}']]],
    [
      'Waiting for Postgres',
      'short',
      [
        [gauge('concordat_persistence_backlog', 'instance'), '{{instance}}'],
        [gauge('concordat_persistence_backlog_max', 'namespace'), 'at the most'],
      ],
    ],
    ['A batch into Postgres', 's', quantiles('concordat_persist_duration_seconds')],
    [
      'Entries not in Postgres yet',
      'short',
      [[gauge('concordat_persistence_lag_entries', 'instance'), '{{instance}}']],
    ],
  ],
  Kafka: [
    [
      'Messages of the coordinators',
      'ops',
      [
        [rate('concordat_kafka_messages_sent_total', 'namespace'), 'sent'],
        [rate('concordat_kafka_messages_received_total', 'namespace'), 'received'],
      ],
    ],
    [
      'Messages not read yet',
      'short',
      [[gauge('concordat_kafka_lag_messages', 'instance, topic', 'sum'), '{{instance}} {{topic}}']],
    ],
    ['Sends that failed', 'ops', [[rate('concordat_kafka_send_failures_total', 'instance'), '{{instance}}']]],
    ['Sent again', 'ops', [[rate('concordat_commands_resent_total', 'command'), '{{command}}']]],
    [
      'Dead letters',
      'ops',
      [
        [rate('concordat_dead_letters_total', 'namespace'), 'coordinator'],
        [rate('concordat_participant_dead_letters_total', 'participant, cause'), '{{participant}}: {{cause}}'],
      ],
    ],
    ['Refused signatures', 'ops', [[rate('concordat_messages_refused_total', 'instance'), '{{instance}}']]],
  ],
  'Locks, snapshots, audits': [
    [
      'Locks',
      'short',
      [
        [gauge('concordat_locks_held', 'namespace'), 'held'],
        [gauge('concordat_locks_waiting', 'namespace'), 'calls that wait'],
      ],
    ],
    ['Leased snapshots', 'short', [[gauge('concordat_leased_snapshots', 'namespace'), 'leased']]],
    [
      'Entries since the oldest snapshot in use',
      'short',
      [[gauge('concordat_watermark_lag_entries', 'namespace'), 'entries']],
    ],
    ['Audits', 'short', [[gauge('concordat_audits', 'instance, status'), '{{instance}} {{status}}']]],
  ],
};

function panel([title, unit, queries], at) {
  const width = COLUMNS / 2;
  return {
    type: 'timeseries',
    title,
    datasource: DATASOURCE,
    gridPos: {
      h: PANEL_HEIGHT,
      w: width,
      x: (at.index % 2) * width,
      y: at.y + Math.floor(at.index / 2) * PANEL_HEIGHT,
    },
    fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10, showPoints: 'never' } }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat,
    })),
  };
}

const variable = (name, type, query, more = {}) => ({ name, type, query, refresh: 2, ...more });

/** @returns {object} what Grafana imports */
export function dashboard() {
  const panels = [];
  let y = 0;
  for (const [title, row] of Object.entries(ROWS)) {
    panels.push({ type: 'row', title, collapsed: false, gridPos: { h: 1, w: COLUMNS, x: 0, y }, panels: [] });
    y += 1;
    const from = y;
    panels.push(...row.map((one, index) => panel(one, { index, y: from })));
    y += Math.ceil(row.length / 2) * PANEL_HEIGHT;
  }
  return {
    uid: 'concordat',
    title: 'Concordat',
    tags: ['concordat'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        variable('datasource', 'datasource', 'prometheus'),
        variable('namespace', 'query', 'label_values(concordat_ready, namespace)', {
          datasource: DATASOURCE,
          includeAll: true,
          allValue: '.*',
        }),
      ],
    },
    panels: panels.map((one, index) => ({ id: index + 1, ...one })),
  };
}
