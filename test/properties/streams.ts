// Random events for sessions and signals alone: few users, times on a coarse grid so that they meet every boundary.
import fc from 'fast-check';
import type { UserEvent } from '../../schemas/types.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import type { Policy } from '../oracle/model.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 2, 2);
const STEP = 5 * MINUTE;

export interface StreamWorld {
  readonly policy: Policy;
  /** ms. */
  readonly lateness: number;
  /** In order of arrival. */
  readonly events: readonly UserEvent[];
}

/** `beyond`: ms by which some events arrive later than the lateness allows. */
export function streamWorlds(beyond: number): fc.Arbitrary<StreamWorld> {
  const policy = fc.record({
    gapMs: fc.constantFrom(STEP, 30 * MINUTE, 2 * HOUR),
    thresholds: fc
      .uniqueArray(fc.constantFrom(30 * MINUTE, HOUR, 3 * HOUR, DAY), { minLength: 1, maxLength: 3 })
      .map((list) => list.sort((a, b) => a - b)),
    caps: fc.constant([]),
  });
  const lateness = fc.constantFrom(0, STEP, HOUR, 6 * HOUR, 2 * DAY);
  const row = fc.record({
    tenant: fc.constantFrom('default', 'default', 'other'),
    user: fc.constantFrom('a', 'b', 'ü'),
    id: fc.nat(15),
    step: fc.nat(400),
    off: fc.constantFrom(0, 0, 0, 1, -1),
    delay: fc.nat(100),
    app: fc.constantFrom(null, 'x', 'ü'),
    type: fc.constantFrom('view', 'buy', '__proto__'),
  });
  return fc.tuple(policy, lateness, fc.array(row, { maxLength: 40, size: 'max' })).map(([policy, lateness, rows]) => {
    const time = (r: (typeof rows)[number]): number => START + r.step * STEP + r.off;
    const arrival = (r: (typeof rows)[number]): number => time(r) + Math.floor(((lateness + beyond) * r.delay) / 100);
    const events = rows
      .toSorted((a, b) => arrival(a) - arrival(b))
      .map(
        (r): UserEvent => ({
          ...{ eventId: `e${r.id}`, tenantId: r.tenant, userId: r.user, sessionId: r.app, occurredAt: time(r) },
          ...{ type: r.type, properties: {} },
        }),
      );
    return { policy, lateness, events };
  });
}
