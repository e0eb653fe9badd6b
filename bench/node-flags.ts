// The flags of Node that `npm run beckon` runs with, so that what is measured is what runs.
//
// A young generation of 64 MB: events live for a moment. No pretenuring: V8 watches which object literals survive, and decides
// from the first hundreds of records, all of them held (the tables come first, and of every file the first block is read at
// once), that records and their maps are to be made in the old generation. There each event of a run stays, with what it points to, until
// the whole heap is marked: 12 % of a run with campaigns.
import { readFileSync } from 'node:fs';

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: { beckon: string };
};

export const NODE_FLAGS: readonly string[] = scripts.beckon.split(' ').filter((word) => word.startsWith('--'));
