import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

/** What the documentation says must be there, and what is there must be in it. */

const root = join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
].filter((file) => file.endsWith('.md'))

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map((match) => match[1] ?? '')
const unique = (names: readonly string[]): string[] => [...new Set(names)].sort()

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => read(join('src', name)))
  .join('\n')

/** Of the schema in `environment.ts`, and those that other files read by name. */
const variables = unique([
  ...found(read('src/config/environment.ts'), /^ {2}([A-Z][A-Z_]+): /gm),
  ...found(sources, /(?:process\.env\[|\benv\()'([A-Z][A-Z_]+)'/g),
])

describe('documentation', () => {
  it('.env.example names every environment variable, and no other', () => {
    expect(unique(found(read('.env.example'), /^#? ?([A-Z][A-Z_]+)=/gm))).toEqual(variables)
  })

  it('docs/configuration.md has a line for every environment variable, and for no other', () => {
    expect(unique(found(read('docs/configuration.md'), /^\| `([A-Z][A-Z_]+)` \|/gm))).toEqual(variables)
  })

  it('docs/cli.md names every command and every option', () => {
    const cli = read('docs/cli.md')
    expect(commands()).toEqual(expect.arrayContaining(['up', 'events list', 'webhooks list', 'db url']))
    const missing = [
      ...commands().filter((command) => !cli.includes(`lockstep ${command}`)),
      ...unique(found(read('src/cli/main.ts'), /\.option\(\s*'(--[a-z-]+)/g)).filter(
        (o) => !cli.includes(`\`${o}`),
      ),
    ]
    expect(missing).toEqual([])
  })

  it('the table in README.md has a line for every npm script', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const listed = found(read('README.md'), /^\| `npm (?:run )?([a-z0-9:-]+)/gm)
    expect(unique(listed)).toEqual(Object.keys(scripts).sort())
  })

  it('every link leads to a file, and to a heading of it', () => {
    expect(pages.flatMap((page) => links(page).filter((link) => !leadsSomewhere(page, link)))).toEqual([])
  })

  it('every test that docs/engine-spec.md names exists', () => {
    const spec = read('docs/engine-spec.md')
    const named = [...spec.matchAll(/^Enforcement: (?:`([^`]+)` "(.+)"|none yet)$/gm)]
    expect(named).toHaveLength(spec.match(/^Enforcement:/gm)?.length ?? 0)
    const missing = named.filter(
      ([, file, title]) =>
        file !== undefined && !(existsSync(join(root, file)) && read(file).includes(title ?? '')),
    )
    expect(missing.map(([line]) => line)).toEqual([])
  })
})

/** The commands that `main.ts` declares: `up`, `events list`, … */
function commands(): string[] {
  const main = read('src/cli/main.ts')
  const groups = [...main.matchAll(/^const (\w+) = program\s*\.command\('([a-z]+)'\)/gm)]
  const verbs = found(main, /^ {2}([a-z]+): ["']/gm).map((verb) => `webhooks ${verb}`)
  const grouped = groups.flatMap(([, variable, group]) =>
    found(main, new RegExp(`^${variable}\\s*\\.command\\('([a-z]+)'`, 'gm')).map(
      (verb) => `${group} ${verb}`,
    ),
  )
  return [...found(main, /^program\s*\.command\('([a-z]+)'\)/gm), ...verbs, ...grouped]
}

/** Relative links; code is no place for links. */
const links = (page: string): string[] =>
  found(read(page).replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, ''), /\]\(([^)\s]+)\)/g).filter(
    (link) => !/^[a-z]+:/.test(link),
  )

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, file))) return false
  return (
    anchor === undefined ||
    found(read(file), /^#+ (.+)$/gm)
      .map(slug)
      .includes(anchor)
  )
}

/** A heading's anchor, as GitHub makes it. */
const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
