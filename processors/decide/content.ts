// Between gates 6 and 7: channels whose text lacks a value for this user drop out. Only where the content has variables.
import { block, type Case, type Facts, type Gate, pass } from './gate.ts';
import { type Filled, fill, hasVariables } from './message.ts';

export const content: Gate = {
  name: 'content',
  // What came too late has no channels: the send-time gate says so.
  applies: (c) => c.ranked.length > 0 && hasVariables(c.campaign.content),
  judge(c) {
    const facts: Record<string, string> = {};
    const viable: string[] = [];
    let first: Facts | undefined;
    for (const channel of c.ranked) {
      const filled = fill(c, channel);
      if (filled.ok) viable.push(channel);
      else {
        first ??= filled.facts;
        facts[channel] = inWords(filled.facts);
      }
    }
    const [chosen] = viable;
    if (chosen === undefined) return block('bad-request', first ?? {});
    if (first === undefined) return pass();
    // The channel gate may have named another.
    c.ranked = viable;
    return pass({ ...facts, chosen });
  },
};

function inWords(facts: Extract<Filled, { ok: false }>['facts']): string {
  return 'missing' in facts ? `missing ${facts.missing}` : facts.failed;
}

/** At the moment of sending: fills the message in for the profile of that moment; the facts say why it can't be. */
export function filledOr(c: Case, channel: string): Facts | undefined {
  const filled = fill(c, channel);
  if (!filled.ok) return filled.facts;
  c.content = filled.fields;
  return undefined;
}
