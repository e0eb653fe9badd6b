// Gate 6: the channels a message can go to, best first. Where several can be used, they are scored; the first is chosen.
import { capped } from './frequency-cap.ts';
import { block, type Case, type Gate, pass, type Told } from './gate.ts';
import { earliestMoment } from './moments.ts';
import { obstacleToReach } from './reach.ts';
import { confidenceIn, rank, whyFirst } from './score.ts';
import { cameTooLate } from './send-time.ts';

export const channel: Gate = {
  name: 'channel',
  applies: (c) => !cameTooLate(c),
  judge(c) {
    const facts: Told = {};
    const viable: string[] = [];
    for (const id of c.campaign.channels) {
      const obstacle = obstacleOf(id, c);
      facts[id] = obstacle ?? 'viable';
      if (obstacle === undefined) viable.push(id);
    }
    if (viable.length < 2) {
      c.ranked = viable;
      const [chosen] = viable;
      if (chosen === undefined) return block('no-channel', facts);
      facts.chosen = chosen;
      return pass(facts);
    }
    const ranked = rank(viable, c);
    for (const { channel, score } of ranked) facts[channel] = score;
    c.ranked = ranked.map(({ channel }) => channel);
    facts.chosen = c.ranked[0] as string;
    facts.why = whyFirst(ranked, c);
    facts.confidence = confidenceIn(ranked, c);
    return pass(facts);
  },
};

/** Why the channel is not viable, or undefined. */
export function obstacleOf(id: string, c: Case): string | undefined {
  const obstacle = obstacleToReach(id, c);
  if (obstacle !== undefined) return obstacle;
  const rule = capped(c, id, earliestMoment(c, id));
  return rule === null ? undefined : `capped: ${rule}`;
}
