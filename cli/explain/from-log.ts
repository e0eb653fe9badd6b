// What a running instance knows of a user, for `explain`.

import { readTopic } from '../../api/reader.ts';
import type { Question } from '../../api/server.ts';
import type { Log } from '../../runtime/log.ts';
import type { Serde } from '../../runtime/serde.ts';
import type { Definitions } from '../../schemas/definitions.ts';
import { decisions, keyOf } from '../../schemas/topics.ts';

export async function explainFromLog(
  log: Log,
  serde: Serde,
  _definitions: Definitions,
  { tenantId, userId }: Question,
): Promise<string> {
  const lines: string[] = [];
  for await (const batch of readTopic(log, serde, decisions, keyOf(tenantId, userId))) {
    for (const d of batch) lines.push(`${d.campaignId} ${d.outcome} ${d.reason ?? ''}`);
  }
  return lines.join('\n');
}
