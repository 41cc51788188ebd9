// What would break clients of one schema that meet another, a line each; nothing where nothing would.
//   breaking.mjs RELEASED NEW
import { readFile } from 'node:fs/promises';
import { buildSchema, findBreakingChanges } from 'graphql';

const [released, next] = await Promise.all(
    process.argv.slice(2).map(async (path) => buildSchema(await readFile(path, 'utf8'))),
);

/** Whether a release has told that this would go. */
function wasAnnounced({ description }) {
    const [, type, field] = /^(\w+)\.(\w+) was removed\.$/.exec(description) ?? [];
    const [, value, of] = /^(\w+) was removed from enum type (\w+)\.$/.exec(description) ?? [];
    const found = type
        ? released.getType(type)?.getFields?.()[field]
        : released.getType(of)?.getValue?.(value);
    return Boolean(found?.deprecationReason);
}

for (const change of findBreakingChanges(released, next)) {
    if (!wasAnnounced(change)) console.log(`${change.type}: ${change.description}`);
}
