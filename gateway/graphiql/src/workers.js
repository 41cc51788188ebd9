// Where the editor finds what it runs beside the page. Imported first: the editor looks for it when it starts.
const workers = { json: 'json.worker.js', graphql: 'graphql.worker.js' };

globalThis.MonacoEnvironment = {
    getWorker(_, label) {
        const address = new URL(workers[label] ?? 'editor.worker.js', import.meta.url);
        return new Worker(address, { type: 'module' });
    },
};
