// Lints the schema with graphql-schema-linter and @graphql-eslint: all rules, but for what is named here with its reason.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import graphql from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';
import { run } from 'graphql-schema-linter/lib/runner.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const path = process.argv[2] ?? fileURLToPath(new URL('../../gateway/schema.graphql', import.meta.url));

// All of its rules but those that sort by name: fields and values stand in the order in which they are read.
const RULES = [
    'arguments-have-descriptions',
    'defined-types-are-used',
    'deprecations-have-a-reason',
    'descriptions-are-capitalized',
    'enum-values-all-caps',
    'enum-values-have-descriptions',
    'fields-are-camel-cased',
    'fields-have-descriptions',
    'input-object-values-are-camel-cased',
    'input-object-values-have-descriptions',
    'relay-connection-arguments-spec',
    'relay-connection-types-spec',
    'relay-page-info-spec',
    'types-are-capitalized',
    'types-have-descriptions',
];

// Values: they are part of what answers them, and nobody asks for one of them by an id.
const WITHOUT_IDENTITY = [
    'AccessExplanation',
    'AccessFinding',
    'FunnelCounts',
    'FunnelWeek',
    'IneligibleGroup',
    'InvitationFunnel',
    'InvitationLanding',
    'InvitationPreview',
    'MemberRoleBundle',
    'PageInfo',
    'PortalAccess',
    'ReminderPlan',
    // the tokens of a session; LiveSession is what has an id
    'Session',
    // a part of its account, told apart by its last letters
    'ServiceAccountSecret',
];

const eslint = new ESLint({
    cwd: here,
    overrideConfigFile: true,
    overrideConfig: {
        files: ['**/*.graphql'],
        plugins: { '@graphql-eslint': graphql },
        languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: path } } },
        rules: {
            ...graphql.configs['flat/schema-recommended'].rules,
            ...graphql.configs['flat/schema-relay'].rules,
            '@graphql-eslint/strict-id-in-types': [
                'error',
                // answers to one question, and places in a list
                { exceptions: { types: WITHOUT_IDENTITY, suffixes: ['Payload', 'Error', 'Connection', 'Edge'] } },
            ],
            // lists that are short by nature, such as userErrors, are no connections
            '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
        },
    },
});
const results = await eslint.lintText(await readFile(path, 'utf8'), { filePath: 'schema.graphql' });
process.stdout.write(await (await eslint.loadFormatter('stylish')).format(results));
const complaints = results.reduce((sum, { errorCount, warningCount }) => sum + errorCount + warningCount, 0);

const options = ['node', 'graphql-schema-linter', '--rules', RULES.join(','), '--format', 'compact', path];
const status = await run(process.stdout, process.stdin, process.stderr, options);
process.exitCode = complaints > 0 || status !== 0 ? 1 : 0;
