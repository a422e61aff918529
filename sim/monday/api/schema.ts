import { readFileSync } from 'node:fs'
import { buildSchema } from 'graphql'

/** A subset of the vendor's schema: what validates against ours validates against theirs. */
export const schema = buildSchema(readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8'))
