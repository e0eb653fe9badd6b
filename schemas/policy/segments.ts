// The policy's segments: named conditions on what is known of a user.
import { z } from 'zod';
import { type Condition, comparisonsOf, conditionModel } from '../condition.ts';
import { quoted, said } from '../problems.ts';

export type Segments = Readonly<Record<string, Condition>>;

/** What a segment can't ask about: there is no cause, and segments don't build on each other. */
const ASKED_ELSEWHERE = ['property', 'fact', 'segment'] as const;

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, {
  error: (issue) =>
    said(`${quoted(issue.input)} is not a segment's name`, 'write small letters, digits, ".", "_" or "-", such as vip'),
});

const condition = conditionModel.superRefine((asked, ctx) => {
  // What was refused before comes through as it is.
  if (typeof asked !== 'object' || asked === null) return;
  for (const comparison of comparisonsOf(asked)) {
    const subject = ASKED_ELSEWHERE.find((each) => each in comparison);
    if (subject === undefined) continue;
    const message = said(`asks about a ${subject}`, 'a segment asks about attribute, metric or group');
    ctx.addIssue({ code: 'custom', message });
  }
});

export const segments: z.ZodType<Segments> = z.record(name, condition).default({});
