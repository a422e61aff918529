import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kindOf, plainNumber } from './kinds.ts'

describe('plainNumber', () => {
  it.each([
    ['10.50', '10.5'],
    [10.5, '10.5'],
    ['-0', '0'],
    ['-0.00', '0'],
    ['+7', '7'],
    ['007.70', '7.7'],
    ['.5', '0.5'],
    ['5.', '5'],
    [' 3 ', '3'],
    ['1e5', '100000'],
    ['12345678901234567890.123456789', '12345678901234567890.123456789'],
    ['', null],
    ['-', null],
    ['n/a', null],
    ['1,5', null],
    ['Infinity', null],
    ['1e999', null],
    [null, null],
  ])('%j is %j', (input, plain) => {
    expect(plainNumber(input)).toBe(plain)
  })

  it('makes one text of one number, told as a number or as digits', () => {
    const number = fc.oneof(
      fc.integer().map((n) => n / 1_000),
      fc.integer(),
    )
    fc.assert(
      fc.property(number, (n) => {
        expect(plainNumber(n)).toBe(plainNumber(n.toFixed(6)))
        expect(Number(plainNumber(n))).toBe(n === 0 ? 0 : n)
      }),
    )
  })

  it('writes no exponents, which a fetched value never has', () => {
    expect(plainNumber(1e21)).toBe('1000000000000000000000')
    expect(plainNumber(-1.5e-7)).toBe('-0.00000015')
    expect(plainNumber('2.50e3')).toBe('2500')
  })

  it('is settled after one reading', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String)), (text) => {
        const once = plainNumber(text)
        expect(plainNumber(once)).toBe(once)
      }),
    )
  })
})

it.each([
  ['color', 'status'],
  ['multiple-person', 'people'],
  ['numeric', 'numbers'],
  ['boolean', 'checkbox'],
  ['long-text', 'long_text'],
  ['board-relation', 'board_relation'],
  ['lookup', 'mirror'],
  ['pulse-updated', 'last_updated'],
  ['timerange', 'timeline'],
])('the webhook name %s means the type %s', (webhook, type) => {
  expect(kindOf(webhook)).toBe(kindOf(type))
})
