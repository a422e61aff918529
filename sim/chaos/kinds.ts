import { emailBison } from './email-bison/kind.ts'
import type { Kind } from './kind.ts'
import { monday } from './monday/kind.ts'

/** The worlds that there are, by name; runs take them in turn. */
export const kinds: readonly Kind[] = [monday, emailBison]

export const kindOf = (name: string): Kind | undefined => kinds.find((kind) => kind.name === name)
