// Text from files is shown on terminals: what would steer them is replaced.

/** The text without control characters other than line ends. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, '�');
}

/** The same in one line. */
export function oneLine(text: string): string {
  return printable(text.replaceAll('\n', ' '));
}
