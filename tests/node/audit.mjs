// What the audit of graphql-http finds at an address: one JSON object from the id of each audit to its result.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
const found = results.map(({ id, name, status }) => [id, { name, status }]);
console.log(JSON.stringify(Object.fromEntries(found)));
