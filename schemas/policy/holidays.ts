// Days without marketing.
import { z } from 'zod';
import { quoted, said } from '../problems.ts';

const MOST = 2000;
/** Yearly days that a list may hold, so that some day is always left. */
const YEARLY_MOST = 100;

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const YEARLY = /^\d{2}-\d{2}$/;

/** "2026-12-25", or "12-25" of every year. */
const holiday = z.string().refine(isDay, {
  error: (issue) => said(`${quoted(issue.input)} is no day`, 'write 2026-12-25, or 12-25 for every year, in quotes'),
});

export const holidays = z
  .array(holiday)
  .default([])
  .superRefine((days, ctx) => {
    const refuse = (what: string, mend: string): void =>
      void ctx.addIssue({ code: 'custom', message: said(what, mend) });
    if (days.length > MOST) refuse(`holds more than ${MOST} days`, 'leave out those that have passed');
    if (days.filter((day) => YEARLY.test(day)).length > YEARLY_MOST)
      refuse(`holds more than ${YEARLY_MOST} days of every year`, 'list fewer, or write them with their year');
  });

function isDay(text: string): boolean {
  // 29 February is a day of some years.
  const date = YEARLY.test(text) ? `2024-${text}` : text;
  if (!DATE.test(date)) return false;
  const instant = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(instant) && new Date(instant).toISOString().startsWith(date);
}
