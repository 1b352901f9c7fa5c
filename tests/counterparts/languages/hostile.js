// The example in JavaScript, and what it must not be able to do.

import { handler as good } from './no-drops.js';

const DEEDS = {
  loop() {
    for (;;);
  },

  bomb() {
    const kept = [];
    for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
  },

  // What can be reached from here, by what was tried: an error, or what it found.
  reach() {
    return { process: typeof process, require: typeof require };
  },

  tell() {
    console.log('hello from standard output');
    console.error('hello from standard error');
    return { year: new Date().getFullYear(), random: Math.random() < 1 };
  },
};

export const handler = {
  ...good,
  invoke(settings, invocation, task) {
    const deed = JSON.parse(invocation.payload).do;
    if (deed === undefined) return good.invoke(settings, invocation, task);
    return JSON.stringify(DEEDS[deed]());
  },
};
