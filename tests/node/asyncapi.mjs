// Whether an AsyncAPI document is one: the official schema takes it, and whatever it refers to is there. Prints what is wrong.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';

const path = process.argv[2];
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const document = read(path);

const official = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json');
const validate = addFormats(new Ajv({ allErrors: true, strict: false })).compile(official);
const wrong = validate(document) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);

function references(value) {
  if (value === null || typeof value !== 'object') return [];
  const own = typeof value.$ref === 'string' ? [value.$ref] : [];
  return own.concat(...Object.values(value).map(references));
}

for (const reference of references(document)) {
  const [file, pointer] = reference.split('#');
  const parts = (pointer ?? '').split('/').slice(1);
  try {
    const target = parts.reduce((at, part) => at?.[part], file ? read(resolve(dirname(path), file)) : document);
    if (target === undefined) wrong.push(`${reference} leads nowhere`);
  } catch (error) {
    wrong.push(`${reference}: ${error.message}`);
  }
}
console.log(JSON.stringify(wrong));
