// Gate 6: the channels a message can go to, in the campaign's order; the first is chosen.
import { capped } from './frequency-cap.ts';
import { block, type Case, type Gate, pass } from './gate.ts';
import { obstacleToReach } from './reach.ts';
import { cameTooLate, earliestMoment } from './send-time.ts';

export const channel: Gate = {
  name: 'channel',
  applies: (c) => !cameTooLate(c),
  judge(c) {
    const facts: Record<string, string> = {};
    const viable: string[] = [];
    for (const id of c.campaign.channels) {
      const obstacle = obstacleOf(id, c);
      facts[id] = obstacle ?? 'viable';
      if (obstacle === undefined) viable.push(id);
    }
    c.ranked = viable;
    const [chosen] = viable;
    return chosen === undefined ? block('no-channel', facts) : pass({ ...facts, chosen });
  },
};

function obstacleOf(id: string, c: Case): string | undefined {
  const obstacle = obstacleToReach(id, c);
  if (obstacle !== undefined) return obstacle;
  const { rule } = capped(c, id, earliestMoment(c, id));
  return rule === null ? undefined : `capped: ${rule}`;
}
