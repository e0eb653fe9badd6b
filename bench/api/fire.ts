// Sends requests at a steady rate, as a process of its own, and prints what came of them as JSON.
//
//   node bench/api/fire.ts URL CAMPAIGN USERS RATE SECONDS CONNECTIONS FIRST
//
// autocannon counts a request's latency from when it was due by the rate, not from when a connection was free to send it.
import autocannon from 'autocannon';

export interface Fired {
  readonly requests: number;
  /** Answers by status, and by the decision's outcome. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly timeouts: number;
  /** ms. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number; readonly most: number };
  readonly seconds: number;
}

const [url, campaignId, users, rate, seconds, connections, first] = process.argv.slice(2) as [string, ...string[]];
const population = Number(users);
const statuses: Record<string, number> = {};
const outcomes: Record<string, number> = {};
let sent = Number(first);

const result = await autocannon({
  url,
  connections: Number(connections),
  overallRate: Number(rate),
  duration: Number(seconds),
  timeout: 30,
  requests: [
    {
      method: 'POST',
      path: '/api/v1/outreach/send',
      headers: { 'content-type': 'application/json' },
      setupRequest: (request) => {
        // Each time another user: a prime step goes through all of them.
        const userId = `u${(sent++ * 7919) % population}`;
        return { ...request, body: JSON.stringify({ userId, campaignId, data: { name: 'Amina' } }) };
      },
      onResponse: (status, body) => {
        statuses[status] = (statuses[status] ?? 0) + 1;
        const outcome = /"outcome":"([a-z]+)","reason":(null|"[a-z-]+")/.exec(body);
        const name = outcome === null ? 'none' : `${outcome[1]} ${outcome[2]}`.replace(' null', '').replaceAll('"', '');
        outcomes[name] = (outcomes[name] ?? 0) + 1;
      },
    },
  ],
});
const { latency, errors, timeouts, duration } = result;
const fired: Fired = {
  requests: result.requests.total,
  statuses,
  outcomes,
  errors,
  timeouts,
  latency: { p50: latency.p50, p90: latency.p90, p99: latency.p99, most: latency.max },
  seconds: duration,
};
process.stdout.write(JSON.stringify(fired));
