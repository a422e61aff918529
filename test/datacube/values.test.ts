import { array, assert, asyncProperty, constantFrom, oneof, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fixture, withWorld } from './support/world.ts'

type Cases = Readonly<Record<string, readonly (readonly [string | number | null, string | number | null])[]>>

const inputTypes: Readonly<Record<string, string>> = { value_band: 'numeric', round_up: 'numeric' }
const numeric = new Set(['to_number', 'round_up'])

describe('values in SQL', () => {
  it('reads what people and vendors write', async () => {
    await withWorld(async (world) => {
      for (const [name, cases] of Object.entries(fixture('values') as Cases)) {
        const cast = numeric.has(name) ? '::float8' : '::text'
        const { rows } = await world.db.query<{ input: string | null; result: unknown }>(
          `select input, datacube.${name}(input::${inputTypes[name] ?? 'text'})${cast} as result
           from unnest($1::text[]) with ordinality as c (input, place) order by place`,
          [cases.map(([input]) => (input === null ? null : String(input)))],
        )
        const told = rows.map((row) => [row.input, row.result])
        const expected = cases.map(([input, result]) => [input === null ? null : String(input), result])
        expect({ [name]: told }).toEqual({ [name]: expected })
      }
    })
  })

  it('never raises, whatever a cell holds', async () => {
    await withWorld(async (world) => {
      const piece = constantFrom(
        '{"value":',
        '"',
        '}',
        ',',
        '£',
        '-',
        '.',
        '2025',
        '/',
        '-13-',
        '0',
        '99999999999',
        'T',
      )
      const text = oneof(
        string(),
        array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
      )
      await assert(
        asyncProperty(array(text, { minLength: 20, maxLength: 60 }), async (texts) => {
          await world.db.query(
            `select datacube.to_number(t), datacube.to_date(t), datacube.product_key(t), datacube.distinct_parts(t),
               datacube.name_prefix(t), datacube.name_key(t)
             from unnest($1::text[]) as t`,
            [texts.map((t) => t.replaceAll('\u0000', '').toWellFormed())],
          )
        }),
        { numRuns: 60 },
      )
    })
  })
})
