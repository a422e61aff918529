import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { type Api, withApi } from './support/api.ts'
import { fillAgency } from './support/agency.ts'

interface Operation {
  readonly summary?: string
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >
}
interface Document {
  readonly openapi: string
  readonly info: { readonly title: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Every object of a schema takes the fields that it names and no others. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in inner && !('additionalProperties' in inner)
    ? { ...inner, additionalProperties: false }
    : inner
}

/** Says where a value is not what the document says of an operation's answer. */
function checker(
  document: Document,
): (path: string, method: string, status: number, value: unknown) => string {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(closed(document) as object, 'api')
  return (path, method, status, value) => {
    const pointer = [
      'paths',
      path,
      method,
      'responses',
      String(status),
      'content',
      'application/json',
      'schema',
    ]
    const ref = pointer
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/')
    const validate = ajv.compile({ $ref: `api#/${ref}` })
    return validate(value) ? '' : ajv.errorsText(validate.errors)
  }
}

/** What stands for the parameters of a path. */
async function values(api: Api): Promise<Readonly<Record<string, string>>> {
  const { leads } = await api.get<{ leads: { id: string }[] }>('/leads?search=pat')
  const { replies } = await api.get<{ replies: { id: string }[] }>('/replies?search=pat')
  return {
    '/workspaces/{name}': encodeURIComponent('Bolt & Söhne/2'),
    '/leads/{id}': leads[0]?.id ?? '',
    '/leads/board/{stage}': 'interested',
    '/replies/{id}/triage': replies[0]?.id ?? '',
  }
}

const REQUIRED: Readonly<Record<string, string>> = { '/metrics': '?workspace=Acme' }
const BODIES: Readonly<Record<string, object>> = {
  move: { stage: 'quoting', position: 1 },
  note: { notes: 'n' },
  assign: { name: 'Kim' },
  win: { premium_amount: 12.5, policy_type: 'Auto' },
  edit: { phone: '1' },
  delete: { reason: 'twice' },
  restore: {},
  triage: { is_handled: true },
  leads: { workspace: 'Acme', email: 'new@x.test' },
  workspaces: { monthly_kpi_target: 3 },
}

describe('the document', () => {
  it('describes every route, and every answer is what it says, field by field', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const document = await api.get<Document>('/api/openapi.json')
      expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Lockstep' } })
      const invalid = JSON.stringify(document).match(/"pattern":"[^"]*\/[a-z]*"/)
      expect(invalid, 'a pattern with flags is none').toBeNull()
      const differs = checker(document)
      const given = await values(api)
      const found: Record<string, string> = {}
      let asked = 0
      for (const [path, operations] of Object.entries(document.paths)) {
        const own = path.replace('/v1/portal', '')
        for (const [method, { summary }] of Object.entries(operations)) {
          const known = Object.entries(given).find(([pattern]) => own.startsWith(pattern))
          const url = own.replace(/\{\w+\}/, known?.[1] ?? '?') + (REQUIRED[own] ?? '')
          const last = own.split('/').findLast((part) => !part.startsWith('{')) ?? ''
          const response = await api.raw(
            method.toUpperCase(),
            url,
            method === 'get' ? undefined : BODIES[last],
          )
          const body: unknown = await response.json()
          const problem = response.ok ? differs(path, method, response.status, body) : JSON.stringify(body)
          if (problem !== '' || summary === undefined) found[`${method} ${path}`] = problem
          asked++
        }
      }
      expect(found).toEqual({})
      expect(asked).toBeGreaterThan(35)
      expect(
        differs('/v1/portal/kpis', 'get', 400, await (await api.raw('GET', '/kpis?month=x')).json()),
      ).toBe('')
    })
  })

  it('finds an answer that is not as described', async () => {
    await withApi(async (api) => {
      const differs = checker(await api.get<Document>('/api/openapi.json'))
      const good = { as_of: '2026-03-05T00:00:00Z', age_ms: 1, stale: false, warnings: [] }
      expect(differs('/v1/portal/kpis/warnings', 'get', 200, good)).toBe('')
      expect(differs('/v1/portal/kpis/warnings', 'get', 200, { ...good, more: 1 })).toMatch(/additional/)
      expect(
        differs('/v1/portal/kpis/warnings', 'get', 200, { ...good, warnings: [{ value: 'x' }] }),
      ).not.toBe('')
    })
  })
})
