// Gate 1: the campaign's audience, for requests from outside; a trigger's request exists only for the audience.
import { compileCondition, explainCondition, type Lookup } from '../../schemas/condition.ts';
import { attributeOf, metricOf } from '../../schemas/user-facts.ts';
import { block, type Case, type Gate, pass } from './gate.ts';

export const audience: Gate = {
  name: 'audience',
  applies: ({ request }) => request.source !== 'trigger',
  judge(c) {
    const condition = c.campaign.audience;
    if (condition === null) return pass();
    const lookup = lookupOf(c);
    if (compileCondition(condition)(lookup)) return pass();
    return block('audience', { why: explainCondition(condition, lookup) ?? null });
  },
};

function lookupOf({ request, profile, metrics, now }: Case): Lookup {
  return (subject, name) => {
    switch (subject) {
      case 'attribute':
        return attributeOf(profile, name);
      case 'metric':
        return metricOf(metrics, name, now);
      default:
        return Object.hasOwn(request.data, name) ? request.data[name] : null;
    }
  };
}
