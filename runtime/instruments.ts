// The names under which an instance tells Prometheus what it does: dashboards and alerts are written from them. Labels hold
// names of ours, partitions and codes: nothing of a user, tenant or campaign.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. */
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RESTORE_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

const HTTP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const GROUP = ['topology'];
const TASK = ['topology', 'partition'];
const SINK = ['sink', 'partition'];
const ROUTE = ['method', 'route'];

/** Instruments on a registry of their own. */
export function instruments(version: string) {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, labelNames: string[], help: string): Counter =>
    new Counter({ name: `beckon_${name}`, labelNames, help, registers });
  const gauge = (name: string, labelNames: string[], help: string): Gauge =>
    new Gauge({ name: `beckon_${name}`, labelNames, help, registers });
  const seconds = (name: string, buckets: number[], help: string, labelNames = GROUP): Histogram =>
    new Histogram({ name: `beckon_${name}`, labelNames, buckets, help, registers });

  collectDefaultMetrics({ register: registry });
  gauge('build_info', ['version'], 'Always 1; the label tells the version.').set({ version }, 1);
  return {
    registry,
    counters: {
      processed: counter(
        'records_processed_total',
        TASK,
        'Records of stream inputs processed, neither late nor duplicate.',
      ),
      late: counter('records_late_total', TASK, 'Records of stream inputs that were late.'),
      duplicate: counter('records_duplicate_total', TASK, 'Records of stream inputs dropped as duplicates.'),
      deadLetters: counter('dead_letters_total', [...TASK, 'code'], 'Records put among the dead letters, by why.'),
      timersFired: counter('timers_fired_total', TASK, 'Timers fired.'),
      commits: counter('commits_total', GROUP, 'Commits that are on the log.'),
      restores: counter('task_restores_total', TASK, 'Restores of state from a changelog that are done.'),
      restoredRecords: counter('restore_records_total', TASK, 'Changelog records applied by restores.'),
      rebalances: counter('rebalances_total', GROUP, 'Times this instance was told which tasks of the group it runs.'),
      restarts: counter('task_restarts_total', [...GROUP, 'reason'], 'Tasks opened anew after an error, by why.'),
      sinkRecords: counter('sink_records_total', SINK, 'Records a sink has taken, their offsets committed.'),
      sinkFailures: counter('sink_failures_total', ['sink'], 'Tries for which a sink was unavailable.'),
      httpRequests: counter('http_requests_total', [...ROUTE, 'status'], 'Requests of the HTTP API, by answer.'),
      registryErrors: counter('registry_errors_total', ['kind'], 'Failures of the schema registry, by kind.'),
    },
    commitSeconds: seconds('commit_duration_seconds', COMMIT_BUCKETS, 'Time from a commit to its being on the log.'),
    restoreSeconds: seconds('restore_duration_seconds', RESTORE_BUCKETS, 'Time that the restore of a task took.'),
    httpSeconds: seconds('http_request_duration_seconds', HTTP_BUCKETS, 'Time to the answer of a request.', ROUTE),
    /** Where things stand; set anew by each scrape. */
    gauges: {
      tasks: gauge('tasks', GROUP, 'Tasks that this instance has, sinks included.'),
      restoring: gauge('restoring', TASK, '1 while a task is taken over and its state restored, else 0.'),
      logSilent: gauge(
        'log_silent_seconds',
        [],
        'Time since the log last told the ends of all inputs; asked at each scrape.',
      ),
      lag: gauge('lag_records', [...TASK, 'topic'], 'End offset less the next offset to process.'),
      watermarkDelay: gauge('watermark_delay_seconds', TASK, "Wall clock less the task's watermark."),
      pendingTimers: gauge('pending_timers', TASK, 'Pending timers in memory, the soonest ones.'),
      stateBytes: gauge('state_bytes', TASK, "Size on disk of the task's state."),
      waitingRequests: gauge('http_requests_waiting', [], 'Requests that wait for a decision.'),
      sinkLag: gauge('sink_lag_records', [...SINK, 'topic'], 'End offset less the next offset to write.'),
    },
    tally: (name: string, labelNames: readonly string[], help: string): Counter => counter(name, [...labelNames], help),
  };
}

export type Instruments = ReturnType<typeof instruments>;
