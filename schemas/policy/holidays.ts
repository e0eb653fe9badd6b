// Days without marketing.
import { z } from 'zod';
import { quoted, said } from '../problems.ts';

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
  .max(2000)
  .default([])
  .superRefine((days, ctx) => {
    if (days.filter((day) => YEARLY.test(day)).length <= YEARLY_MOST) return;
    const message = said(
      `holds more than ${YEARLY_MOST} days of every year`,
      'list fewer, or write them with their year',
    );
    ctx.addIssue({ code: 'custom', message });
  });

function isDay(text: string): boolean {
  // 29 February is a day of some years.
  const date = YEARLY.test(text) ? `2024-${text}` : text;
  if (!DATE.test(date)) return false;
  const instant = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(instant) && new Date(instant).toISOString().startsWith(date);
}
