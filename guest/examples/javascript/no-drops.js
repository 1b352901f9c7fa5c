// A policy in JavaScript: SQL that matches a pattern is refused, everything else runs as its payload says.
//
// Settings, with their defaults:
//
//     { "deny": ["\\bdrop\\b"], "reason": "Tables are dropped by the platform team." }
//
// The patterns are regular expressions of JavaScript, and case does not count. They are a guard rail: what a view, a
// procedure or SQL put together at run time does, no pattern sees.

import { executeStatement } from 'signalbox:policy/redshift-data@0.1.0';
import { write } from 'signalbox:policy/log@0.1.0';

const DEFAULTS = { deny: ['\\bdrop\\b'], reason: 'Tables are dropped by the platform team.' };
const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    deny: { type: 'array', items: { type: 'string', format: 'regex' } },
    reason: { type: 'string' },
  },
};
// The fields of a payload that this policy knows, and their types.
const FIELDS = {
  action: 'string', sqlStatement: 'string', target: 'string', step: 'string', waitSeconds: 'number',
  deadlineSeconds: 'number', policy: 'string',
};

const rejection = (error, message) => ({ error, message });

export const handler = {
  describe: () => ({
    name: 'no-drops-js',
    version: '0.1.0',
    summary: 'SQL that matches a pattern is refused.',
    needs: ['redshift-data/execute-statement'],
    settingsSchema: JSON.stringify(SCHEMA),
  }),

  validateSettings(settings) {
    const given = JSON.parse(settings);
    const faults = Object.keys(given)
      .filter((name) => !(name in DEFAULTS))
      .map((name) => ({ path: `/${name}`, message: 'This is no setting.', help: 'There are `deny` and `reason`.' }));
    if (typeof (given.reason ?? '') !== 'string') faults.push({ path: '/reason', message: 'This is no text.' });
    const deny = given.deny ?? [];
    if (!Array.isArray(deny)) faults.push({ path: '/deny', message: 'This is no list of patterns.' });
    else deny.forEach((pattern, n) => {
      try {
        if (typeof pattern !== 'string') throw new Error('it is no text');
        new RegExp(pattern);
      } catch (error) {
        faults.push({ path: `/deny/${n}`, message: `This is no regular expression: ${error.message}.` });
      }
    });
    if (faults.length > 0) throw faults;
    return [];
  },

  invoke(settings, invocation, task) {
    const payload = fields(invocation);
    const sql = payload.sqlStatement;
    if ((payload.action ?? 'executeStatement') !== 'executeStatement' || !sql) {
      throw rejection('InvalidRequest', 'This policy runs one statement: give it as `sqlStatement`.');
    }
    const { deny, reason } = { ...DEFAULTS, ...JSON.parse(settings) };
    if (deny.some((pattern) => new RegExp(pattern, 'i').test(sql))) throw rejection('PolicyDenied', reason);
    const options = {
      target: payload.target,
      action: 'executeStatement',
      output: 'describe',
      parameters: [],
      resultFormat: 'json',
      waitSeconds: payload.waitSeconds,
      deadlineSeconds: payload.deadlineSeconds,
      heartbeat: false,
      step: payload.step,
      memo: '',
    };
    try {
      return executeStatement(task, { sql, options }).document;
    } catch (error) {
      const failure = error.payload;
      if (failure === undefined) throw error;
      // The host finds out whether it runs, and settles the task.
      if (failure.tag === 'uncertain') return '{}';
      throw rejection(failure.val.code, failure.val.message);
    }
  },

  settle(settings, { statement }, task) {
    if (statement.status === 'finished') task.succeed(statement.document);
    else task.fail('FAILED', (statement.error ?? statement.status).slice(0, 8000));
  },

  closed: () => 'cancel',
};

/** The payload, without what this policy does not know and with each field of its type. */
function fields(invocation) {
  const payload = Object.entries(JSON.parse(invocation.payload));
  const unknown = payload.map(([name]) => name).filter((name) => !(name in FIELDS)).sort();
  if (unknown.length > 0 && invocation.unknownFields === 'refuse') {
    throw rejection('InvalidRequest', `This policy does not know ${unknown.join(', ')}.`);
  }
  if (unknown.length > 0 && invocation.unknownFields === 'warn') {
    write('warn', `ignored fields: ${unknown.join(', ')}`, []);
  }
  const known = payload.filter(([name, value]) => name in FIELDS && value !== null);
  for (const [name, value] of known) {
    if (typeof value !== FIELDS[name]) {
      throw rejection('InvalidRequest', `\`${name}\` has to be of type ${FIELDS[name]}.`);
    }
  }
  return Object.fromEntries(known);
}
