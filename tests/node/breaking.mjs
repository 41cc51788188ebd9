// What would break clients of one schema that meet another, a line each; nothing where nothing would.
//   breaking.mjs RELEASED NEW
import { readFile } from 'node:fs/promises';
import { buildSchema, findBreakingChanges } from 'graphql';

const [released, next] = await Promise.all(
    process.argv.slice(2).map(async (path) => buildSchema(await readFile(path, 'utf8'))),
);

/** How a release tells that something will go: what to use instead, and the last day on which it is there. */
const ANNOUNCEMENT = /^Use .+\. Removed after (\d{4}-\d{2}-\d{2})\.$/;
const today = new Date().toISOString().slice(0, 10);

/** Whether a release has told that this would go, and its day has passed. */
function wasAnnounced({ description }) {
    const [, type, field] = /^(\w+)\.(\w+) was removed\.$/.exec(description) ?? [];
    const [, value, of] = /^(\w+) was removed from enum type (\w+)\.$/.exec(description) ?? [];
    const found = type
        ? released.getType(type)?.getFields?.()[field]
        : released.getType(of)?.getValue?.(value);
    const [, day] = ANNOUNCEMENT.exec(found?.deprecationReason ?? '') ?? [];
    return day !== undefined && day < today;
}

for (const change of findBreakingChanges(released, next)) {
    if (!wasAnnounced(change)) console.log(`${change.type}: ${change.description}`);
}
