// What became of scenarios, for people: a line each, and for those that failed a comparison and the decisions' steps.
import { gateText, reasonWords } from '../../api/explain/gates.ts';
import type { Policy } from '../../schemas/policy.ts';
import { printable } from '../printable.ts';
import type { Scenario } from './load.ts';
import type { Expected } from './model.ts';
import { momentText, writtenText } from './moments.ts';
import type { Actual, Outcome } from './run.ts';

/** One line when it passed; else a comparison ("-" expected, "+" happened) and why. */
export function outcomeText(outcome: Outcome, policy: Policy): string {
  const { scenario, passed, lines, missed, faults } = outcome;
  const place = scenario.line === null ? scenario.file : `${scenario.file}:${scenario.line}`;
  if (passed) return printable(`pass  ${place}  ${scenario.name}\n`);
  const compared = lines.flatMap(({ expected, actual }) => {
    if (actual === null) return [`- ${expectedText(expected as Expected, scenario)}`];
    const text = actualText(actual, scenario);
    return expected === null ? [`+ ${text}`, ...stepsOf(actual, policy)] : [`  ${text}`];
  });
  const all = [
    ...faults.map((fault) => `! ${fault}`),
    ...(scenario.expected.length === 0 ? ['- nothing'] : []),
    ...compared,
    ...(lines.every(({ actual }) => actual === null) ? ['+ nothing'] : []),
    ...missed.map(
      ({ at, part, why }) => `    the trigger fired on ${momentText(at, scenario.calendar)}, but ${part}: ${why}`,
    ),
  ];
  return printable(`FAIL  ${place}  ${scenario.name}\n${all.map((line) => `        ${line}\n`).join('')}`);
}

function expectedText(expected: Expected, { calendar, campaignId }: Scenario): string {
  const { kind, channel, at, variant, reason, text, missing, campaign } = expected;
  return [
    `${campaign === null || campaign === campaignId ? '' : `${campaign}: `}${kind}`,
    ...(reason === undefined ? [] : [`because ${reason}`]),
    ...(channel === undefined ? [] : [`on ${channel}`]),
    ...(at === undefined ? [] : [`at ${writtenText(at, calendar)}`]),
    ...(variant === undefined ? [] : [`in variant ${variant}`]),
    ...(missing === undefined ? [] : [`as ${missing} is missing`]),
    ...(text === undefined ? [] : [`with ${JSON.stringify(text)}`]),
  ].join(' ');
}

function actualText(actual: Actual, { calendar, campaignId }: Scenario): string {
  const { kind, channel, at, variant, reason, content } = actual;
  const { locale: _, encoding: __, segments: ___, ...fields } = content;
  const texts = Object.entries(fields).map(([field, text]) =>
    field === 'text' ? JSON.stringify(text) : `${field} ${JSON.stringify(text)}`,
  );
  return [
    `${actual.campaignId === campaignId ? '' : `${actual.campaignId}: `}${kind}`,
    ...(reason === null ? [] : [`because ${reason}`]),
    ...(channel === null ? [] : [`on ${channel}`]),
    `at ${momentText(at, calendar)}`,
    ...(variant === null ? [] : [`in variant ${variant}`]),
    ...(texts.length === 0 ? [] : [`with ${texts.join(', ')}`]),
  ].join(' ');
}

function stepsOf({ steps, reason }: Actual, { currency }: Policy): readonly string[] {
  const why = reasonWords({ reason });
  return [
    ...(why === undefined ? [] : [`    ${why}`]),
    ...steps.map((step) => `    ${gateText(step, { currency, requestedAt: () => undefined })}`),
  ];
}
