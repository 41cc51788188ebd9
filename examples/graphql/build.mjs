// Generates what the compilers write, checks all types strictly, and puts what Node runs into dist.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { transformSync } from '@babel/core';

const run = (program, ...options) => execFileSync(`node_modules/.bin/${program}`, options, { stdio: 'inherit' });

run('graphql-codegen', '--silent');
// Relay's compiler adds its documents to a file that is there, those of former builds included
const { file } = JSON.parse(readFileSync('relay.config.json', 'utf8')).persistConfig;
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, '{}');
run('relay-compiler', '--output', 'quiet-with-errors');
run('tsc');
// Relay's documents are replaced by what its compiler made of them; Node wants the whole names of files
const relay = 'dist/relay/main.js';
const { code } = transformSync(readFileSync(relay, 'utf8'), {
    filename: relay,
    plugins: [['relay', { eagerEsModules: true }]],
});
writeFileSync(relay, code.replace(/(\/__generated__\/\w+\.graphql)(?=")/g, '$1.js'));
