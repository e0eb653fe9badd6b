import { describe, expect, test } from 'vitest';
import { caseOf } from '../testing/case.ts';
import { holdout, position } from './holdout.ts';

// printf 'default/global/u' | sha256sum begins with e103b115, 'default/c/u' with 02287139.
const GLOBAL = 0xe103b115 / 2 ** 32;
const CAMPAIGN = 0x02287139 / 2 ** 32;

describe('the holdout gate', () => {
  test('places a user by the first 32 bits of SHA-256 of tenant, scope and user', () => {
    expect(position('default', 'global', 'u')).toBe(GLOBAL);
    expect(position('default', 'c', 'u')).toBe(CAMPAIGN);
  });

  test('holds out whose place is below the share, and nobody at the share itself', () => {
    const judged = (share: number): string => holdout.judge(caseOf({ campaign: { holdout: share } })).verdict;
    expect(judged(CAMPAIGN)).toBe('pass');
    expect(judged(CAMPAIGN + 2 ** -32)).toBe('block');
    expect([judged(0), judged(1)]).toEqual(['pass', 'block']);
  });

  test("asks the policy's share first, then the campaign's", () => {
    const share = Math.max(GLOBAL, CAMPAIGN) + 2 ** -32;
    expect(holdout.judge(caseOf({ policy: { holdout: share }, campaign: { holdout: share } }))).toEqual({
      verdict: 'block',
      reason: 'holdout',
      facts: { scope: 'global', share },
    });
    expect(holdout.judge(caseOf({ campaign: { holdout: share } }))).toMatchObject({ facts: { scope: 'c', share } });
    expect(holdout.judge(caseOf({ policy: { holdout: GLOBAL } })).verdict).toBe('pass');
  });

  test('keeps a campaign that is called "global" apart from the policy', () => {
    // printf 'default/campaign:global/u' | sha256sum begins with d6a7669f.
    const own = 0xd6a7669f / 2 ** 32;
    const judged = (share: number) => holdout.judge(caseOf({ campaign: { id: 'global', holdout: share } }));
    expect(judged(own).verdict).toBe('pass');
    expect(judged(own + 2 ** -32)).toMatchObject({ verdict: 'block', facts: { scope: 'campaign:global' } });
  });
});
