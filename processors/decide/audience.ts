// Gate 1: the campaign's audience, for requests from outside; a trigger's request exists only for the audience.
import { compileCondition, explainCondition, type Lookup } from '../../schemas/condition.ts';
import { type UserFacts, userFact, whyNotIn } from '../../schemas/user-facts.ts';
import { block, type Case, type Gate, pass } from './gate.ts';

export const audience: Gate = {
  name: 'audience',
  applies: ({ request }) => request.source !== 'trigger',
  judge(c) {
    const condition = c.campaign.audience;
    if (condition === null) return pass();
    const facts = factsOf(c);
    const lookup = lookupOf(c, facts);
    if (compileCondition(condition)(lookup)) return pass();
    const why = explainCondition(condition, lookup, (segment) => whyNotIn(segment, facts, c.now));
    return block('audience', { why: why ?? null });
  },
};

function factsOf({ profile, metrics, windows, policy: { segments } }: Case): UserFacts {
  return { profile, metrics, windows, segments };
}

/** A request's data stand for the properties and facts of a cause. */
function lookupOf({ request, now }: Case, facts: UserFacts): Lookup {
  return (subject, name) => {
    if (subject !== 'property' && subject !== 'fact') return userFact(subject, name, facts, now);
    return Object.hasOwn(request.data, name) ? request.data[name] : null;
  };
}
