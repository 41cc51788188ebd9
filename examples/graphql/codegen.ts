import type { CodegenConfig } from '@graphql-codegen/cli';

// What the client preset writes beside each program: its documents with the types of their answers.
const preset = (folder: string, config: object = {}) => ({
    [`${folder}/gql/`]: {
        preset: 'client',
        documents: `${folder}/main.ts`,
        // these documents have no fragments that could be masked
        // and gql/persisted-documents.json is what Usher's setting trusted_documents names
        presetConfig: { fragmentMasking: false, persistedDocuments: { hashAlgorithm: 'sha256' } },
        // programs have to bear values that a later release adds to an enum
        config: { futureProofEnums: true, scalars: { DateTime: 'string', JSON: 'unknown' }, ...config },
    },
});

const config: CodegenConfig = {
    schema: '../../gateway/schema.graphql',
    emitLegacyCommonJSImports: false,
    generates: {
        ...preset('apollo'),
        ...preset('urql'),
        // no client library: documents stay strings
        ...preset('codegen', { documentMode: 'string' }),
    },
};
export default config;
