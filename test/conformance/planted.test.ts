import { expect, it } from 'vitest'
import type { Page, Source } from '../../src/sources/contract.ts'
import { withRig } from './rig.ts'
import { emailBison } from './subjects/email-bison.ts'
import { monday } from './subjects/monday.ts'
import type { Credentials, Subject } from './subject.ts'
import { asksOf } from './suite.ts'

/** The suite is worth what it finds: sources with a fault planted on purpose must not pass. */

type Mutable = { -readonly [K in keyof Source]: Source[K] }
type Plant = (source: Mutable, credentials: Credentials) => void

const planted = (subject: Subject, plant: Plant): Subject => ({
  ...subject,
  app(settings) {
    const app = subject.app(settings)
    return {
      ...app,
      source(store, context) {
        const source = app.source(store, context)
        plant(source, settings.credentials)
        return source
      },
    }
  },
})

const pages =
  (change: (page: Page) => Page): Plant =>
  (source) => {
    const { readPage } = source
    source.readPage = async (request) => change(await readPage(request))
  }

/** What is wrong with the source, and which question of the suite must find it. */
const faults: readonly (readonly [what: string, subject: Subject, question: RegExp, plant: Plant])[] = [
  [
    'loses the last row of each page',
    monday,
    /a full pass brings every row/,
    pages((page) => ({ ...page, rows: page.rows.slice(0, -1) })),
  ],
  [
    'stops after two pages',
    emailBison,
    /pages leave nothing out/,
    (source) => {
      const { readPage } = source
      source.readPage = async (request) => {
        const page = await readPage(request)
        return request.cursor === undefined ? page : { ...page, next: undefined }
      }
    },
  ],
  [
    'takes what it cannot read for the end of the list',
    monday,
    /no list is no empty list/,
    (source) => {
      const { readPage } = source
      const nothing = { rows: [], floor: 0, granule: 1, next: undefined, gaps: [] }
      source.readPage = (request) => readPage(request).catch(() => nothing)
    },
  ],
  [
    'takes any failure for absence',
    emailBison,
    /holds no record/,
    (source) => {
      const { readKeys } = source
      const nothing = { rows: [], floor: 0, granule: 1, next: undefined, gaps: [] }
      source.readKeys = (request) => readKeys(request).catch(() => nothing)
    },
  ],
  ['hides its gaps', monday, /pages with gaps/, pages((page) => ({ ...page, gaps: [] }))],
  [
    'reads each row as new',
    emailBison,
    /a second pass writes nothing/,
    pages((page) => ({ ...page, rows: page.rows.map(({ updatedAt: _updatedAt, ...row }) => row) })),
  ],
  [
    'tells events apart by their delivery',
    monday,
    /five deliveries/,
    (source) => {
      const { door } = source
      let deliveries = 0
      source.door = {
        ...door,
        identify: (payload) => ({ ...door.identify(payload), key: `${++deliveries}` }),
      }
    },
  ],
  [
    'believes everybody',
    emailBison,
    /forged deliveries/,
    (source) => void (source.door = { ...source.door, verify: () => Promise.resolve({ ok: true }) }),
  ],
  [
    'dates events by when they came',
    monday,
    /deliveries in any order/,
    (source) => {
      const { parse } = source
      source.parse = (delivery) => {
        const parsed = parse(delivery)
        const at = (delivery.receivedAt + 86_400_000_000).toString(16).padStart(14, '0')
        return {
          ...parsed,
          observations: parsed.observations.map((one) => ({
            ...one,
            stamp: `${at}${one.stamp.slice(14)}` as typeof one.stamp,
          })),
        }
      }
    },
  ],
  [
    'remembers what it parsed',
    monday,
    /parsed twice/,
    (source) => {
      const { parse } = source
      let count = 0
      source.parse = (delivery) => ({ ...parse(delivery), note: `delivery ${++count}` })
    },
  ],
  [
    'throws what is no error',
    monday,
    /any JSON is either read/,
    (source) => {
      const { parse } = source
      source.parse = (delivery) => {
        const parsed = parse(delivery)
        // oxlint-disable-next-line typescript/only-throw-error, no-throw-literal -- that is the fault
        if (parsed.outcome === 'unknown') throw 'what is this?'
        return parsed
      }
    },
  ],
  [
    'shows its token in an error',
    monday,
    /no error shows a secret/,
    (source, { token }) => {
      const { readPage } = source
      source.readPage = (request) =>
        readPage(request).catch((cause: unknown) => {
          throw new Error(`asked with ${String(token)}`, { cause })
        })
    },
  ],
  [
    'counts no call',
    emailBison,
    /every call is counted/,
    (source) => {
      const { usage } = source
      source.usage = async () => ({ ...(await usage.call(source)), calls: 0 })
    },
  ],
]

it.each(faults)('a source that %s is found', async (_what, subject, question, plant) => {
  const asked = asksOf(subject).find(({ title }) => question.test(title))
  if (asked === undefined) throw new Error(`no question ${question.source}`)
  const found = await withRig(planted(subject, plant), asked.test, asked.options).then(
    () => 'nothing',
    (error: unknown) => String(error),
  )
  // By the suite's own judgement, and not because the fault broke the rig.
  expect(found).toMatch(/AssertionError|Property failed/)
})
