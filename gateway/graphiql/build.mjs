// Writes dist: the page's script, style sheet and workers, compressed, with the licences of everything in them, and
// what they were made from. Run by scripts/graphiql.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const DIST = 'dist';
const LICENCE = /^(licen[cs]e|notice)(\.|$)/i;

// The page is read in the fonts of the system: those that come along are half a megabyte.
const withoutFonts = {
    name: 'without-fonts',
    setup({ onLoad }) {
        onLoad({ filter: /graphiql\/dist\/style\.css$/ }, ({ path }) => ({
            contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''),
            loader: 'css',
        }));
    },
};

const { outputFiles, metafile } = await build({
    entryPoints: {
        main: 'src/main.jsx',
        'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
        'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
        'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
    },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    // the icons of the editor
    loader: { '.ttf': 'dataurl' },
    legalComments: 'none',
    metafile: true,
    outdir: DIST,
    write: false,
    plugins: [withoutFonts],
});

/** The packages of which something is in the bundle, each with the texts of its licence. */
function licences() {
    const folders = Object.keys(metafile.inputs).map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0]);
    return [...new Set(folders.filter(Boolean))].sort().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
        const texts = readdirSync(folder).filter((file) => LICENCE.test(file)).sort();
        return [`${name} ${version}: ${license}`, ...texts.map((file) => readFileSync(`${folder}/${file}`, 'utf8').trim())].join('\n\n');
    });
}

/** One line a source as sha256sum writes it: a test sees by it whether this has to run again. */
function sources() {
    const files = ['build.mjs', 'package-lock.json', 'package.json', ...readdirSync('src').map((file) => `src/${file}`)];
    return files.sort().map((file) => `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${file}\n`);
}

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
const write = (name, bytes) => writeFileSync(`${DIST}/${name}.gz`, gzipSync(bytes, { level: 9 }));
for (const { path, contents } of outputFiles) write(path.split('/').at(-1), contents);
write('licenses.txt', `${licences().join('\n\n----\n\n')}\n`);
writeFileSync(`${DIST}/sources.sha256`, sources().join(''));
