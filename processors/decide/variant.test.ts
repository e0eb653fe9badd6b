import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { campaignOf } from '../testing/world.ts';
import { variantOf } from './variant.ts';

const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
const campaign = (shares: readonly (readonly [string, number | string])[], id = 'c') =>
  campaignOf({ id, content: { variants: shares.map(([name, share]) => ({ name, share, text: name })) } });
const request = (userId: string) => ({ tenantId: 'default', userId });

describe('a variant', () => {
  test('is always the same for a user, and another campaign spreads the users anew', () => {
    const one = campaign([
      ['a', '50%'],
      ['b', '50%'],
    ]);
    const other = campaign(
      [
        ['a', '50%'],
        ['b', '50%'],
      ],
      'd',
    );
    const again = users.map((user) => variantOf(one, request(user)));
    expect(users.map((user) => variantOf(one, request(user)))).toEqual(again);
    const same = users.filter((user, i) => variantOf(other, request(user)) === again[i]).length;
    expect(same / users.length).toBeGreaterThan(0.47);
    expect(same / users.length).toBeLessThan(0.53);
  });

  test('is none where the content has none', () => {
    expect(variantOf(campaignOf({ id: 'c' }), request('u'))).toBeNull();
  });

  test('follows from SHA-256 of tenant, campaign and user, as another hand computes it', () => {
    const shares = fc
      .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 })
      .filter((parts) => parts.some((part) => part > 0));
    fc.assert(
      fc.property(shares, fc.string({ minLength: 1 }), (parts, userId) => {
        const total = parts.reduce((sum, part) => sum + part, 0);
        const written = campaign(parts.map((part, i) => [`v${i}`, part / total]));
        const digest = createHash('sha256').update(`default/c/variant/${userId}`).digest();
        const at = (digest.readUInt32BE(0) / 2 ** 32) * total;
        const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part, 0));
        // At a border, which of two neighbours it is depends on rounding.
        if (ends.some((end) => Math.abs(end - at) < 1e-6)) return;
        expect(variantOf(written, request(userId))).toBe(`v${ends.findIndex((end) => at < end)}`);
      }),
    );
  });

  test('gets the share of users that it asks for, within chance', () => {
    const written = campaign([
      ['a', '10%'],
      ['b', '30%'],
      ['none', '0%'],
      ['c', '60%'],
    ]);
    const counts = new Map<string | null, number>();
    for (const user of users) {
      const name = variantOf(written, request(user));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [name, share] of [
      ['a', 0.1],
      ['b', 0.3],
      ['c', 0.6],
    ] as const) {
      // Five standard deviations of a binomial count.
      const deviation = Math.sqrt(users.length * share * (1 - share));
      expect(Math.abs((counts.get(name) ?? 0) - users.length * share)).toBeLessThan(5 * deviation);
    }
    expect(counts.get('none')).toBeUndefined();
  });
});
