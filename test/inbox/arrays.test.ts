import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bigintArray, byteaArray, textArray } from '../../src/db/arrays.ts'
import { withDatabase } from '../support/database.ts'

it('arrays in the binary format are what they were', async () => {
  await withDatabase(async (db) => {
    const text = fc.string({ unit: 'binary', maxLength: 40 }).map((s) => s.replaceAll('\u0000', ''))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(text)),
        fc.array(fc.uint8Array()),
        fc.array(fc.maxSafeInteger()),
        async (texts, bytes, numbers) => {
          const { rows } = await db.query<{ texts: string[]; bytes: Buffer[]; numbers: number[] }>(
            'select $1::text[] as texts, $2::bytea[] as bytes, array(select n::text from unnest($3::bigint[]) with ordinality as x (n, i) order by i) as numbers',
            [textArray(texts), byteaArray(bytes), bigintArray(numbers)],
          )
          expect(rows[0]?.texts).toEqual(texts)
          expect(rows[0]?.bytes.map((item) => [...item])).toEqual(bytes.map((item) => [...item]))
          expect(rows[0]?.numbers).toEqual(numbers.map(String))
        },
      ),
      { numRuns: 100 },
    )
  })
})
