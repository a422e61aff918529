import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Namer, snakeCase } from './names.ts'

test.for([
  ['Deal Value (£)', 'deal_value'],
  ['Größe & Höhe', 'grosse_and_hohe'],
  ['dueDate', 'due_date'],
  ['% done', 'percent_done'],
  ["Client's name", 'clients_name'],
  ['🔥', ''],
])('%s becomes "%s"', ([title, name]) => {
  expect(snakeCase(title as string)).toBe(name)
})

test('words of SQL, of the mirror, and titles without a Latin letter get other names', () => {
  const namer = Namer.forColumns()
  expect(namer.name('Order', 'a')).toBe('order_column')
  expect(namer.name('2024 plan', 'b')).toBe('column_2024_plan')
  expect(namer.name('ID', 'c')).toBe('id_2')
  expect(namer.name('価格', 'numbers_mk1')).toBe('numbers_mk1')
  expect(namer.name('Extra', 'd')).toBe('extra_2')
  expect(namer.name('Extra', 'e')).toBe('extra_3')
})

test('whatever the titles, names are plain SQL names and no two are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 60, maxLength: 90 }))),
      (titles) => {
        const namer = Namer.forColumns()
        const names = titles.flatMap((title) => {
          const name = namer.name(title, 'text_mk1')
          return [name, namer.claim(`${name}_ids`)]
        })
        expect(new Set(names).size).toBe(names.length)
        for (const name of names) expect(name).toMatch(/^[a-z_][a-z0-9_]{0,62}$/)
      },
    ),
  )
})
