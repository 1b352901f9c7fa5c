// node build.mjs WIT SOURCE OUTPUT: makes a component of a policy.
//
// WIT is the folder of the contract. The command `jco componentize` of this version fails where this function works.
import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [witPath, sourcePath, output] = process.argv.slice(2);
const { component } = await componentize({
  sourcePath,
  witPath,
  worldName: 'policy',
  // A policy has no network. With 'stdio', 'random' and 'clocks' here too it needs no WASI at all.
  disableFeatures: ['http', 'fetch-event'],
});
await writeFile(output, component);
